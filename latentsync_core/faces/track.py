"""Link the faces of single frames to persons: by continuity within a scene, by appearance across cuts."""

from __future__ import annotations

import itertools
from bisect import bisect_left
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from ..data import Array, FloatArray
from .dissolve import Blend, find_changes
from .look import likeness
from .mesh import Face

_MAX_STEP = 0.6
"""Greatest distance of a face from its predicted position, in sizes of the face."""
_STEP_GROWTH = 0.05
"""Added to `_MAX_STEP` for each frame in which the face was not seen."""
_MAX_SIZE_RATIO = 1.6

_MEMORY = 5
"""Frames over which the speed of a face is measured."""
_SAME_LOOK = 0.885
"""Least likeness. Of 28 persons two reach 0.87; one in other light or framing exceeds it in at least 25 of 28."""
_SAME_LOOK_AND_PLACE = 0.8
"""The same where a face that was hidden reappears in its old place, which is evidence of its own."""
_LOOKS = 8
"""Faces of a tracklet whose appearance is compared."""


@dataclass(eq=False)
class Tracklet:
    """The faces of one person in neighbouring frames, by frame index in rising order."""

    faces: dict[int, Face] = field(default_factory=dict)
    mixed: dict[int, float] = field(default_factory=dict)
    """How far a face is a blend with another person's in a dissolve, 0..1, where it is one."""

    @property
    def first(self) -> int:
        return next(iter(self.faces))

    @property
    def last(self) -> int:
        return next(reversed(self.faces))

    def predict(self, index: int) -> FloatArray:
        """Predict the centre in frame `index`, at the speed of the last frames."""
        recent = list(itertools.islice(reversed(self.faces), _MEMORY))
        newest, oldest = (_centre_of(self.faces[i]) for i in (recent[0], recent[-1]))
        return newest + (newest - oldest) / max(1, recent[0] - recent[-1]) * (index - recent[0])

    def sample_looks(self) -> Array:
        """Return the looks of a few faces spread over the tracklet, (K, D)."""
        faces = [face for i, face in self.faces.items() if i not in self.mixed] or list(self.faces.values())
        picked = np.unique(np.linspace(0, len(faces) - 1, _LOOKS).round().astype(int))
        return np.stack([faces[i].look for i in picked])


@dataclass(eq=False)
class Person:
    """Everything that was found of one person."""

    faces: dict[int, Face]
    looks: Array
    mixed: dict[int, float] = field(default_factory=dict)
    """See `Tracklet`."""
    frames: list[int] = field(default_factory=list)
    """In rising order."""
    jumps: list[int] = field(default_factory=list)
    """Frames that open a scene for this person alone, though no cut was seen; others may be followed through them."""

    def add(self, tracklet: Tracklet, looks: Array) -> None:
        """Add a tracklet; looks: a few of it."""
        self.faces |= tracklet.faces
        self.mixed |= tracklet.mixed
        self.frames = sorted(
            self.frames + list(tracklet.faces)
        )  # of two sorted parts: no slower than copying
        self.looks = np.concatenate([self.looks, looks])[-4 * _LOOKS :]

    def last_before(self, index: int) -> int | None:
        """Return the last frame before `index` that shows the person."""
        place = bisect_left(self.frames, index)
        return self.frames[place - 1] if place else None


def link(
    frames: Sequence[Sequence[Face]], cuts: Collection[int], max_gap: int, blends: Sequence[Blend] = ()
) -> tuple[list[Person], list[int]]:
    """Link the faces of each frame to persons.

    A face that was not seen for more than `max_gap` frames, across a cut, or after a blend (of `find_blends`) with
    another face in its place is recognised by its look. Returns the persons and the frames that open a scene though
    no cut was seen: a person jumps, or another takes the place.
    """
    persons: list[Person] = []
    parts = [list(_split(whole, blends)) for whole in _follow(frames, cuts, max_gap)]
    parted = {id(other) for _, *others in parts for other in others}
    for tracklet in sorted(itertools.chain(*parts), key=lambda t: t.first):
        looks = tracklet.sample_looks()
        jumps = [tracklet.first] if id(tracklet) in parted else []
        person = _recognise(persons, tracklet, looks, cuts, max_gap)
        if person is None:
            persons.append(Person(tracklet.faces, looks, tracklet.mixed, list(tracklet.faces), jumps))
            continue
        # The same person right after the old tracklet, yet too far away to be tracked: the scene changed unnoticed,
        # and smoothing across it would slide the crop from one place to the other.
        last = person.last_before(tracklet.first)
        if last is not None and tracklet.first - last <= max_gap:
            jumps = [tracklet.first]
        person.jumps += jumps
        person.add(tracklet, looks)
    return persons, sorted({jump for person in persons for jump in person.jumps})


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


def _split(tracklet: Tracklet, blends: Sequence[Blend]) -> Iterator[Tracklet]:
    """Yield the parts of a tracklet in which one person is seen."""
    # Place and speed are no proof: a dissolve, or a cut that was not seen, puts another face where the old one was.
    frames, faces = list(tracklet.faces), list(tracklet.faces.values())
    start, mixed = 0, dict[int, float]()
    changes = list(find_changes(np.array(frames), [face.look for face in faces], blends))
    if not changes:
        yield tracklet
        return
    for change in changes:
        mixed |= zip(frames[change.first :], change.mixed.tolist(), strict=False)
        yield _cut_out(frames, faces, slice(start, change.middle), mixed)
        start = change.middle
    yield _cut_out(frames, faces, slice(start, None), mixed)


def _cut_out(frames: Sequence[int], faces: Sequence[Face], part: slice, mixed: dict[int, float]) -> Tracklet:
    shown = frames[part]
    return Tracklet(dict(zip(shown, faces[part], strict=True)), {i: mixed[i] for i in shown if i in mixed})


def _match(
    tracklets: Sequence[Tracklet], faces: Sequence[Face], index: int
) -> Iterator[tuple[Tracklet, Face]]:
    """Pair tracklets with faces, the least costly pair first."""
    pairs = [(cost, t, f) for t in tracklets for f in faces if (cost := _cost_of(t, f, index)) is not None]
    used: set[int] = set()
    for _, tracklet, face in sorted(pairs, key=lambda pair: pair[0]):
        if not used & {id(tracklet), id(face)}:
            used |= {id(tracklet), id(face)}
            yield tracklet, face


def _cost_of(tracklet: Tracklet, face: Face, index: int) -> float | None:
    """Return the distance in face sizes plus the difference in looks; None where it cannot be the same face."""
    previous = tracklet.faces[tracklet.last]
    sizes = _size_of(previous), _size_of(face)
    distance = float(np.linalg.norm(_centre_of(face) - tracklet.predict(index))) / np.mean(sizes)
    missed = index - tracklet.last - 1
    if distance > _MAX_STEP + _STEP_GROWTH * missed or max(sizes) > _MAX_SIZE_RATIO * min(sizes):
        return None
    return float(distance + 1 - likeness(previous.look, face.look))


def _recognise(
    persons: Sequence[Person], tracklet: Tracklet, looks: Array, cuts: Collection[int], max_gap: int
) -> Person | None:
    """Return the person whose looks match best, of those that are not in the same frames."""
    best, best_margin = None, 0.0
    for person in persons:
        if not person.faces.keys().isdisjoint(tracklet.faces):
            continue
        hidden = _was_hidden(person, tracklet, cuts, max_gap)
        margin = float(likeness(person.looks, looks).max()) - (_SAME_LOOK_AND_PLACE if hidden else _SAME_LOOK)
        if margin > best_margin:
            best, best_margin = person, margin
    return best


def _was_hidden(person: Person, tracklet: Tracklet, cuts: Collection[int], max_gap: int) -> bool:
    """Tell whether the person was last seen where the tracklet starts, in the same scene, a while before."""
    last = person.last_before(tracklet.first)
    # Shortly before, the tracklet would have gone on but for another look.
    if last is None or tracklet.first - last <= max_gap or any(last < cut <= tracklet.first for cut in cuts):
        return False
    before, after = person.faces[last], tracklet.faces[tracklet.first]
    return bool(np.linalg.norm(_centre_of(after) - _centre_of(before)) < _MAX_STEP * _size_of(before))


def _centre_of(face: Face) -> FloatArray:
    return (face.box[:2] + face.box[2:]) / 2


def _size_of(face: Face) -> float:
    return float(np.sqrt(np.maximum(1e-9, np.prod(face.box[2:] - face.box[:2]))))
