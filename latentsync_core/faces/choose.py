"""Choose the person who is to speak."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import (
    MEASURED,
    Array,
    Evidence,
    FaceTrack,
    FloatArray,
    IntArray,
    Origin,
    SceneChoice,
    SpeakerChoice,
    pluralize,
)
from ..errors import FaceError, OptionError
from .detect import Place, overlap
from .origin import SHAPE
from .survey import Survey

Speaker = str | int | Place

_BYSTANDER = 0.1
"""Fraction of the first person's area below which another is a bystander."""
_POINTS_IN_BOX = np.array([[0.26, 0.21], [0.74, 0.21], [0.5, 0.53]])
"""The points of a face as fractions of the sides of its box: the mean of 31 frontal people."""
_LEAST_SIDE = 16
"""Pixels of a face, given by a box, that nobody could see."""
_SUM = re.compile(r"\d{1,4}(\+\d{1,4})+", re.ASCII)


def choose(found: Survey, speaker: Speaker = "auto") -> FaceTrack:
    """Pick the track of the person who is to speak.

    "largest": the most face area over all frames; so does "auto" here, which in `find_face` listens to the clip. k = 1,
    2, ...: the k-th in that order, as `draw_faces` numbers them. "1+3": persons 1 and 3 are one, whom the survey did
    not know again; where both are in a frame, the first counts. "left", "right": by mean position in the frame,
    bystanders (under a tenth of the first person's area) left out. (x, y) in pixels: the person whose box contains
    that point or is nearest to it, on average, of those who come as near as a face's size. (x0, y0, x1, y1) in pixels:
    the person whose box overlaps that box most (intersection over union), on average over the frames in which the
    person was found; where nobody does, the box itself is the face. Raises FaceError where no face was found or there
    is no such person, OptionError for another value.
    """
    place = place_of(speaker)
    if place is not None and len(place) == 4 and not _overlaps(found.boxes, place).any():
        return _make_face(found, place)
    require_persons(found)
    numbers = _pick_persons(found, speaker)
    by: Evidence = "only" if len(found.tracks) == 1 else "area" if speaker in ("auto", "largest") else "asked"
    scene = SceneChoice(0, found.boxes.shape[1] - 1, numbers, by)
    return join_tracks(found, SpeakerChoice(len(found.tracks), (scene,)))


def require_persons(found: Survey) -> None:
    """Raise FaceError where no face was found."""
    if not found.tracks:
        raise FaceError(
            f"No face was found in {pluralize(found.boxes.shape[1], 'frame')}. Faces must be at least about "
            "40 pixels high in 1080p, lit, and show both eyes; cartoon faces are often not found. Crop the video to "
            "the face, or give the landmarks yourself (FaceTrack.from_points)."
        )


def join_tracks(found: Survey, choice: SpeakerChoice) -> FaceTrack:
    """Make one track of the persons who speak in the scenes of a choice."""
    seen = ~np.isnan(found.boxes[..., 0])
    persons = _find_persons(seen, choice.scenes)
    frames = np.flatnonzero(persons)
    switches = frames[1:][np.diff(persons[frames]) != 0]  # nothing is bridged from one to another
    values: dict[str, Any] = {name: _gather(found, persons, name) for name in ("points", "scores", *MEASURED)}
    seen[persons[frames] - 1, frames] = False
    values["others"] = seen.any(0)
    # A jump of somebody else is none of the person who is shown then.
    own = [
        cut
        for number in np.unique(persons[persons > 0]).tolist()
        for cut in found.tracks[number - 1].cuts
        if persons[cut] in (number, 0)
    ]
    cuts = tuple(np.union1d(switches, np.array(own, np.int64)).tolist())
    size, origin = found.tracks[0].size, _join_origins(found, persons)
    return FaceTrack(cuts=cuts, size=size, origin=origin, choice=choice, **values)


def _find_persons(seen: npt.NDArray[np.bool_], scenes: Sequence[SceneChoice]) -> IntArray:
    """Return the number of the person who is the speaker in each frame, (N,); 0 where none of them is seen."""
    persons = np.zeros(seen.shape[1], np.int64)
    for scene in scenes:
        part = slice(scene.first, scene.last + 1)
        for number in reversed(scene.persons):
            persons[part] = np.where(seen[number - 1, part], number, persons[part])
    return persons


def _gather(found: Survey, persons: IntArray, name: str) -> Array | None:
    """Return a field of the tracks, in each frame that of the person who speaks; None where it was not measured."""
    like = getattr(found.tracks[0], name)
    if like is None:
        return None
    values = np.full_like(like, 0 if name in ("scores", "dissolves") else np.nan)
    for number in np.unique(persons[persons > 0]).tolist():
        values[persons == number] = getattr(found.tracks[number - 1], name)[persons == number]
    return values


def _join_origins(found: Survey, persons: IntArray) -> Origin | None:
    """Return by what the clip is recognised: the speaker's face; None where one of the tracks has no origin."""
    origins = [track.origin for track in found.tracks if track.origin is not None]
    if len(origins) < len(found.tracks):
        return None
    kept = {
        frame: face
        for number, origin in enumerate(origins, 1)
        for frame, face in zip(origin.frames.tolist(), origin.faces, strict=True)
        if persons[frame] == number
    }
    frames = np.array(sorted(kept), np.int64)
    faces = np.array([kept[frame] for frame in frames.tolist()], np.float32).reshape(-1, *SHAPE)
    return Origin(origins[0].fps, frames, faces)


def _pick_persons(found: Survey, speaker: Speaker) -> tuple[int, ...]:
    """Return the numbers, from 1, of the persons that a speaker names."""
    if isinstance(speaker, str) and _SUM.fullmatch(speaker):
        return tuple(_check_number(found, int(number)) for number in speaker.split("+"))
    if isinstance(speaker, int) and not isinstance(speaker, bool):
        return (_check_number(found, speaker),)
    if speaker in ("auto", "largest"):
        return (1,)
    if speaker in ("left", "right"):
        middle = np.nanmean(found.boxes[..., 0] + found.boxes[..., 2], axis=1)
        middle[found.areas < _BYSTANDER * found.areas[0]] = np.nan
        return (1 + int(np.nanargmin(middle) if speaker == "left" else np.nanargmax(middle)),)
    place = place_of(speaker)
    if place is None:
        raise OptionError(
            "speaker takes 'auto', 'largest', 'left', 'right', a number from 1, a sum such as '1+3', a point (x, y) or "
            f"a box (x0, y0, x1, y1), got {speaker!r}."
        )
    return (
        1
        + (
            _find_nearest(found.boxes, place)
            if len(place) == 2
            else int(np.argmax(_overlaps(found.boxes, place)))
        ),
    )


def _check_number(found: Survey, number: int) -> int:
    if not 1 <= number <= len(found.tracks):
        raise FaceError(f"Face {number} was asked for; {len(found.tracks)} found, numbered from 1.")
    return number


def place_of(speaker: Speaker) -> Place | None:
    """Return the place in the frame at which a speaker is, else None; raises OptionError for what is no place."""
    if not isinstance(speaker, tuple) or len(speaker) not in (2, 4):
        return None
    place = np.asarray(speaker, float)
    if not np.isfinite(place).all() or (len(place) == 4 and not (place[:2] < place[2:]).all()):
        raise OptionError(
            "A speaker's place takes a point (x, y) or a box (x0, y0, x1, y1) with x0 < x1 and y0 < y1, in pixels, "
            f"got {speaker}."
        )
    return speaker


def number_at(found: Survey, place: Place, first: int, last: int) -> int:
    """Return the number of the person who is at a point or in a box in frames first..last, as `choose` tells it.

    Raises FaceError where nobody is.
    """
    seen = ~np.isnan(found.boxes[:, first : last + 1, 0])
    if not seen.any():
        raise FaceError(f"No face is seen in frames {first} to {last}.")
    persons = np.flatnonzero(seen.any(1))
    boxes = found.boxes[persons, first : last + 1]
    nearest = _find_nearest(boxes, place) if len(place) == 2 else int(np.argmax(_overlaps(boxes, place)))
    return int(persons[nearest]) + 1


def _find_nearest(boxes: FloatArray, point: Place) -> int:
    """Return the index of the person nearest to a point, of those who are ever within their own size of it."""
    outside = np.maximum(0, np.maximum(boxes[..., :2] - point, point - boxes[..., 2:]))
    distances = np.linalg.norm(outside, axis=-1)
    sizes = (boxes[..., 2:] - boxes[..., :2]).max(-1)
    near = np.nanmin(distances / sizes, axis=1) <= 1
    if not near.any():
        person, frame = np.unravel_index(np.nanargmin(distances), distances.shape)
        raise FaceError(
            f"No face is at the point ({point[0]:g}, {point[1]:g}): the nearest, face {person + 1}, never comes nearer "
            f"than {distances[person, frame]:.0f} pixels. Give a point on the face, or a box around it."
        )
    return int(np.argmin(np.where(near, np.nanmean(distances, axis=1), np.inf)))


def _overlaps(boxes: FloatArray, box: Place) -> FloatArray:
    """Return how much each person's boxes overlap a box, on average over the person's frames, (persons,) in 0..1."""
    corners = np.asarray(box, float)
    return np.array([overlap(corners, person[~np.isnan(person[:, 0])]).mean() for person in boxes])


def _make_face(found: Survey, box: Place) -> FaceTrack:
    """Make the track of a face that is where the box is, in every frame; raises FaceError if that cannot be."""
    corners, frames = np.asarray(box, float), found.boxes.shape[1]
    low, high = corners[:2], corners[2:]
    inside = found.size is None or (np.minimum(high, found.size[::-1]) > np.maximum(low, 0)).all()
    if not inside or (high - low).min() < _LEAST_SIDE:
        raise FaceError(
            f"No face is ever within the box {box}, which cannot be one itself: it is outside the frames, or smaller "
            f"than {_LEAST_SIDE} pixels. See where faces were found, or give the box of a face."
        )
    points = corners[:2] + _POINTS_IN_BOX * (corners[2:] - corners[:2])
    choice = SpeakerChoice(len(found.tracks), (SceneChoice(0, frames - 1, (), "box"),))
    track = FaceTrack.from_points(np.tile(points, (frames, 1, 1)), found.size)
    return replace(track, cuts=tuple(found.cuts.tolist()), choice=choice)
