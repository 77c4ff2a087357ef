"""Survey a whole clip once: which persons are in it, where, in which frames."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from typing import cast

import numpy as np
import numpy.typing as npt

from ..ahead import run_ahead
from ..data import Clip, FaceTrack, Frame, Origin
from ..errors import InputError
from .covered import describe_cells, measure_covered
from .cuts import make_thumbnail
from .detect import Place
from .finder import FaceFinder
from .frame import check_frame
from .gaps import look_again, return_strays, take_strays
from .mesh import Face
from .origin import SHAPE, imprint
from .scenes import SceneFinder, Scenes
from .search import FaceSearch
from .share import LookSharer
from .square import square_pixels, stretch
from .track import Person, link

_BATCH = 16

_BATCH_PIXELS = _BATCH * 1920 * 1088
"""Large frames come in smaller batches, so that memory stays bounded."""
_CLOSER_LOOKS = 2.0
"""Seconds between looks for small faces beside large ones, besides those where a scene starts."""
_MAX_PERSONS = 16

_IMPRINTED = 16
"""Frames, spread over the clip, by whose faces the clip is recognised."""
_DESCRIBED = 15_000
"""Frames in which it is looked whether mouths are covered, at most: 14 MB a person. Of longer clips every second, third
and so on."""
_MAX_GAP = 0.5
"""Seconds for which a face may be hidden and still be tracked by its motion."""


@dataclass(frozen=True, eq=False)
class Survey:
    """The persons of a clip, the one with the most face area over all frames first."""

    tracks: tuple[FaceTrack, ...]
    """One track per person, each over all N frames."""
    boxes: npt.NDArray[np.float64]
    """Shape (persons, N, 4): x0, y0, x1, y1 in pixels, NaN where the person was not found."""
    cuts: npt.NDArray[np.int64]
    """Shape (K,): indices, rising, of frames that start a new scene or in which a person's position jumps."""

    size: tuple[int, int] | None = None
    """(height, width) of the frames in pixels; None is not known."""

    def __post_init__(self) -> None:
        persons, frames = self.boxes.shape[:2]
        if self.boxes.shape[2:] != (4,) or [len(t) for t in self.tracks] != [frames] * persons:
            raise InputError(
                f"Survey takes tracks and boxes (persons, N, 4) of one size, got {[len(t) for t in self.tracks]} "
                f"and {self.boxes.shape}."
            )
        if (
            self.cuts.ndim != 1
            or (np.diff(self.cuts) <= 0).any()
            or not np.isin(self.cuts, range(frames)).all()
        ):
            raise InputError(f"Survey takes cuts as rising frame indices below {frames}, got {self.cuts}.")

    @property
    def areas(self) -> npt.NDArray[np.float64]:
        """Shape (persons,): area of the box in square pixels, summed over the frames."""
        return np.nansum((self.boxes[..., 2:] - self.boxes[..., :2]).prod(-1), axis=1)


def survey(
    clip: Clip,
    finder: FaceFinder,
    on_progress: Callable[[int, int], None] | None = None,
    place: Place | None = None,
) -> Survey:
    """Read the clip and link its faces to persons, of whom the 16 with the most face area are kept.

    Frames are read once, but for those in which a person is missing for up to a second: see `gaps.look_again`. place:
    a point or box in pixels, as of `choose`, at which a face is looked for in particular.
    `on_progress` is called with the frames done and the frames in all, first and after each batch; it may raise to
    cancel. At most 32 frames (fewer above 1080p) are held at a time. Raises InputError where frames are missing.
    """
    stored, clip = clip, square_pixels(clip)
    count = len(clip.times)
    faces: list[list[Face]] = []
    scenes, sharer = SceneFinder(float(clip.fps)), LookSharer(faces, float(clip.fps))
    if on_progress is not None:
        on_progress(0, count)
    imprinted = set(np.linspace(0, count - 1, _IMPRINTED).round().astype(int).tolist())
    search = FaceSearch(finder, round(_CLOSER_LOOKS * float(clip.fps)), _see(place, stored, clip))
    step = -(-count // _DESCRIBED)
    size = max(1, min(_BATCH, _BATCH_PIXELS // max(1, clip.height * clip.width)))
    with closing(run_ahead(clip.read(range(count)), size)) as frames:
        for batch in _split_batches(frames, size):
            starts = scenes.add([make_thumbnail(frame) for frame in batch])
            found = enumerate(zip(batch, search.find(batch, starts), strict=True), len(faces))
            faces += [_describe(frame, some, i in imprinted, i % step == 0) for i, (frame, some) in found]
            sharer.advance(*scenes.take_new())
            if on_progress is not None:
                on_progress(len(faces), count)
    if len(faces) != count:
        raise InputError(
            f"The clip has {count} times but {len(faces)} frames could be read; encode it again."
        )
    changes = scenes.finish()
    persons, cuts = _find_persons(clip, faces, changes)
    strays = take_strays(persons, cuts)
    for person, index, face in look_again(clip, finder, persons, cuts):
        person.faces[index] = face
        if on_progress is not None:
            on_progress(count, count)
    return_strays(strays, cuts)
    inserts = _bound_inserts(persons, changes.inserts)
    shown = _build_survey(clip, persons, np.union1d(changes.cuts, inserts), np.union1d(cuts, inserts))
    return shown if clip is stored else _restore(shown, clip, stored)


def _split_batches(frames: Iterator[Frame], size: int) -> Iterator[list[Frame]]:
    while batch := [check_frame(frame) for frame in itertools.islice(frames, size)]:
        yield batch


def _see(place: Place | None, clip: Clip, seen: Clip) -> Place | None:
    """Return a place in a clip as one in `square_pixels` of it."""
    if place is None or seen is clip:
        return place
    places = stretch(np.reshape(place, (-1, 2)), (clip.height, clip.width), (seen.height, seen.width))
    return cast(Place, tuple(places.ravel().tolist()))


def _describe(frame: Frame, faces: Sequence[Face], imprinted: bool, compared: bool) -> list[Face]:
    """Add what is compared with other clips, and with other frames of the clip."""
    return [
        replace(
            face,
            imprint=imprint(frame, face.points) if imprinted else None,
            cells=describe_cells(frame, face.points) if compared else None,
        )
        for face in faces
    ]


def _find_persons(
    clip: Clip, faces: Sequence[Sequence[Face]], changes: Scenes
) -> tuple[list[Person], npt.NDArray[np.int64]]:
    """Return the persons with the most face area, that one first, and the cuts with the jumps of persons."""
    max_gap = max(1, round(float(clip.fps) * _MAX_GAP))
    persons, jumps = link(faces, changes.cuts.tolist(), max_gap, changes.blends)
    persons = sorted(persons, key=_area_of, reverse=True)[:_MAX_PERSONS]
    return persons, np.union1d(changes.cuts, np.array(jumps, np.int64))


def _bound_inserts(persons: Sequence[Person], inserts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the frames at which single frames of another scene begin and end: they miss somebody who is around."""
    # Of other frames that stand out, such as those of a photographer's flash, both sides are still one scene.
    missing = [
        i
        for i in inserts.tolist()
        if any({i - 1, i + 1} <= person.faces.keys() and i not in person.faces for person in persons)
    ]
    return np.array([edge for i in missing for edge in (i, i + 1)], np.int64)


def _build_survey(
    clip: Clip, persons: Sequence[Person], seen: npt.NDArray[np.int64], cuts: npt.NDArray[np.int64]
) -> Survey:
    """Build the survey; seen: the cuts without the jumps of persons, which are for those persons alone."""
    boxes = np.full((len(persons), len(clip.times), 4), np.nan)
    for number, person in enumerate(persons):
        for index, face in person.faces.items():
            boxes[number, index] = face.box
    tracks = tuple(
        _build_track(clip, person, tuple(sorted({*seen.tolist(), *person.jumps}))) for person in persons
    )
    return Survey(tracks, boxes, cuts, (clip.height, clip.width))


def _restore(found: Survey, seen: Clip, clip: Clip) -> Survey:
    """Return the survey of `square_pixels` of a clip in pixels of the clip itself."""
    size, to = (seen.height, seen.width), (clip.height, clip.width)
    tracks = [replace(track, points=stretch(track.points, size, to), size=to) for track in found.tracks]
    corners = found.boxes.reshape(*found.boxes.shape[:2], 2, 2)
    return Survey(tuple(tracks), stretch(corners, size, to).reshape(found.boxes.shape), found.cuts, to)


def _build_track(clip: Clip, person: Person, cuts: tuple[int, ...]) -> FaceTrack:
    count = len(clip.times)
    points, scores = np.full((count, 3, 2), np.nan), np.zeros(count)
    openings, yaw = np.full((2, count), np.nan)
    for index, face in person.faces.items():
        points[index], scores[index], openings[index], yaw[index] = (
            face.points, face.score, face.opening, face.yaw
        )  # fmt: skip
    dissolves = np.zeros(count)
    dissolves[list(person.mixed)] = list(person.mixed.values())
    seen = sorted(index for index, face in person.faces.items() if face.imprint is not None)
    imprints = np.array([person.faces[index].imprint for index in seen], np.float32).reshape(-1, *SHAPE)
    origin = Origin(clip.fps, np.array(seen, np.int64), imprints)
    cells = {index: face.cells for index, face in person.faces.items() if face.cells is not None}
    covered = measure_covered(cells, openings, clip.times, cuts)
    return FaceTrack(
        points, scores, cuts, (clip.height, clip.width), origin, yaw, openings, covered, dissolves=dissolves
    )


def _area_of(person: Person) -> float:
    return sum(float((face.box[2:] - face.box[:2]).prod()) for face in person.faces.values())
