"""Surveys kept on disk, so that no clip is surveyed twice."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from ..data import MEASURED, Array, Clip, FaceTrack, Origin
from ..kept import Kept
from .detect import Place
from .survey import Survey

_FORMAT = 9
"""Increase it when faces are detected or stored in another way."""


class SurveyStore:
    """The survey of a clip, keyed by its frames' content; a clip without `identity` is not stored.

    place: where the survey looked in particular.
    """

    def __init__(self, folder: Path, clip: Clip, place: Place | None = None) -> None:
        self._kept, self._clip, self._key = Kept(folder, "survey"), clip, _key(clip, place)

    def load(self) -> Survey | None:
        """Return the survey, None if there is none."""
        if self._key is None:
            return None
        return self._kept.load(self._key, lambda arrays: _build_survey(arrays, self._clip))

    def save(self, found: Survey) -> None:
        """Store the survey."""
        if self._key is not None:
            self._kept.save(self._key, _to_arrays(found))


def _key(clip: Clip, place: Place | None) -> str | None:
    identity: str | None = getattr(clip, "identity", None)
    if identity is None:
        return None
    parts = _FORMAT, identity, clip.height, clip.width, clip.fps, len(clip.times), clip.duration, place
    return hashlib.sha256(repr(parts).encode()).hexdigest()[:32]


def _to_arrays(found: Survey) -> dict[str, Array]:
    arrays = {"boxes": found.boxes, "cuts": found.cuts}
    for number, track in enumerate(found.tracks):
        arrays |= {f"{name}.{number}": array for name, array in _track_arrays(track)}
    return arrays


def _track_arrays(track: FaceTrack) -> Iterator[tuple[str, Array]]:
    yield "own cuts", np.array(track.cuts, np.int64)
    yield "points", track.points
    yield "scores", track.scores
    for name in MEASURED:
        values = getattr(track, name)
        if values is not None:
            yield name, values
    if track.origin is not None:
        yield "frames", track.origin.frames
        yield "faces", track.origin.faces


def _build_survey(arrays: dict[str, Array], clip: Clip) -> Survey:
    tracks = []
    for number in range(len(arrays["boxes"])):
        points, scores, frames, faces = (
            arrays[f"{n}.{number}"] for n in ("points", "scores", "frames", "faces")
        )
        origin = Origin(Fraction(clip.fps), frames, faces)
        cuts = tuple(arrays[f"own cuts.{number}"].tolist())
        signals: dict[str, Any] = {name: arrays.get(f"{name}.{number}") for name in MEASURED}
        tracks.append(FaceTrack(points, scores, cuts, (clip.height, clip.width), origin, **signals))
    return Survey(tuple(tracks), arrays["boxes"], arrays["cuts"], (clip.height, clip.width))
