"""Links the faces of single frames to persons: by continuity within a scene, by looks across cuts."""

from __future__ import annotations

import itertools
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..data import FloatArray
from .mesh import Face

_MAX_STEP = 0.6
"""A face moves at most this many of its sizes from where it was expected..."""
_STEP_GROWTH = 0.05
"""... and this many more for each frame in which it was not seen."""
_MAX_SIZE_RATIO = 1.6
_MEMORY = 5
"""Frames over which the speed of a face is measured."""
_SAME_LOOK = 0.93
"""Least correlation of looks: two shots of one person reach 0.98, two persons 0.89 (17 persons measured)."""
_SAME_LOOK_AND_PLACE = 0.8
_LOOKS = 8


@dataclass(eq=False)
class Tracklet:
    """The faces of one person in neighbouring frames, by frame index in rising order."""

    faces: dict[int, Face] = field(default_factory=dict)

    @property
    def first(self) -> int:
        return next(iter(self.faces))

    @property
    def last(self) -> int:
        return next(reversed(self.faces))

    def expected(self, index: int) -> FloatArray:
        """Where the centre should be in frame `index`, at the speed of the last frames."""
        recent = list(itertools.islice(reversed(self.faces), _MEMORY))
        newest, oldest = (_centre(self.faces[i]) for i in (recent[0], recent[-1]))
        return newest + (newest - oldest) / max(1, recent[0] - recent[-1]) * (index - recent[0])

    def looks(self) -> FloatArray:
        """Looks of a few faces spread over the tracklet, (K, 231)."""
        faces = list(self.faces.values())
        picked = np.unique(np.linspace(0, len(faces) - 1, _LOOKS).round().astype(int))
        return np.stack([faces[i].look for i in picked])


@dataclass(eq=False)
class Person:
    """Everything that was found of one person."""

    faces: dict[int, Face]
    looks: FloatArray


def link(
    frames: Sequence[Sequence[Face]], cuts: Collection[int], max_gap: int
) -> tuple[list[Person], list[int]]:
    """Link the faces of each frame to persons.

    A face that was not seen for more than `max_gap` frames, or that a cut interrupts, is known again by its look.
    Returns the persons and the frames at which one of them jumps (an unseen cut).
    """
    persons: list[Person] = []
    jumps: list[int] = []
    for tracklet in sorted(_follow(frames, cuts, max_gap), key=lambda t: t.first):
        looks = tracklet.looks()
        person = _recognise(persons, tracklet, looks, cuts)
        if person is None:
            persons.append(Person(tracklet.faces, looks))
            continue
        before = [index for index in person.faces if index < tracklet.first]
        if before and tracklet.first - max(before) <= max_gap:
            jumps.append(tracklet.first)
        person.faces |= tracklet.faces
        person.looks = np.concatenate([person.looks, looks])[-4 * _LOOKS :]
    return persons, jumps


def _follow(frames: Sequence[Sequence[Face]], cuts: Collection[int], max_gap: int) -> list[Tracklet]:
    done: list[Tracklet] = []
    live: list[Tracklet] = []
    scene_starts = set(cuts)
    for index, faces in enumerate(frames):
        ended = [t for t in live if index in scene_starts or index - t.last > max_gap]
        done += ended
        live = [t for t in live if t not in ended]
        unmatched = list(faces)
        for tracklet, face in _match(live, faces, index):
            tracklet.faces[index] = face
            unmatched = [other for other in unmatched if other is not face]
        live += [Tracklet({index: face}) for face in unmatched]
    return done + live


def _match(
    tracklets: Sequence[Tracklet], faces: Sequence[Face], index: int
) -> Iterator[tuple[Tracklet, Face]]:
    """Pair tracklets with faces, the least costly pair first."""
    pairs = [(cost, t, f) for t in tracklets for f in faces if (cost := _cost(t, f, index)) is not None]
    used: set[int] = set()
    for _, tracklet, face in sorted(pairs, key=lambda pair: pair[0]):
        if not used & {id(tracklet), id(face)}:
            used |= {id(tracklet), id(face)}
            yield tracklet, face


def _cost(tracklet: Tracklet, face: Face, index: int) -> float | None:
    """Distance in face sizes plus difference of looks; None where it cannot be the same face."""
    previous = tracklet.faces[tracklet.last]
    sizes = _size(previous), _size(face)
    distance = float(np.linalg.norm(_centre(face) - tracklet.expected(index))) / np.mean(sizes)
    missed = index - tracklet.last - 1
    if distance > _MAX_STEP + _STEP_GROWTH * missed or max(sizes) > _MAX_SIZE_RATIO * min(sizes):
        return None
    return float(distance + 1 - previous.look @ face.look)


def _recognise(
    persons: Sequence[Person], tracklet: Tracklet, looks: FloatArray, cuts: Collection[int]
) -> Person | None:
    """The person whose look fits best, of those that are not in the same frames."""
    best, best_margin = None, 0.0
    for person in persons:
        if person.faces.keys() & tracklet.faces.keys():
            continue
        limit = _SAME_LOOK_AND_PLACE if _same_place(person, tracklet, cuts) else _SAME_LOOK
        margin = float((person.looks @ looks.T).max()) - limit
        if margin > best_margin:
            best, best_margin = person, margin
    return best


def _same_place(person: Person, tracklet: Tracklet, cuts: Collection[int]) -> bool:
    """Whether the person was last seen where the tracklet starts, in the same scene."""
    earlier = [index for index in person.faces if index < tracklet.first]
    if not earlier or any(max(earlier) < cut <= tracklet.first for cut in cuts):
        return False
    before, after = person.faces[max(earlier)], tracklet.faces[tracklet.first]
    return bool(np.linalg.norm(_centre(after) - _centre(before)) < _MAX_STEP * _size(before))


def _centre(face: Face) -> FloatArray:
    return (face.box[:2] + face.box[2:]) / 2


def _size(face: Face) -> float:
    return float(np.sqrt(np.maximum(1e-9, np.prod(face.box[2:] - face.box[:2]))))
