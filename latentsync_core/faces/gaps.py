"""Frames without a person's face between frames that show it: look there again, or hold the place."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import combinations, pairwise

import numpy as np
import numpy.typing as npt

from ..data import Clip, FaceTrack, FloatArray, IntArray
from .detect import Roi, overlap
from .finder import FaceFinder
from .look import likeness
from .mesh import ROI_SCALE, Face, roi_around
from .track import Person

LONGEST_GAP = 1.0
"""Seconds between two frames that show the face, up to which those in between are looked at again, or held."""
_SAME_LOOK = 0.85
"""Least likeness with the face before or after the gap."""
_MAX_STEP = 0.5
"""Greatest distance of the face from where it is looked for, in sizes of the face."""
_OTHERS = 0.3
"""Intersection over union of boxes above which the face that is found is another person's."""

_MERGING = 12
"""Frames around the one in which another face vanishes beside a person's, or appears, in which both may be taken for
one."""
_STRAY = 0.04
"""Distance from the path of the faces around, in sizes of the face: 4 times the jitter of measured faces."""
_AROUND = 4
"""Frames on either side by which the path is known."""


Stray = tuple[Person, int, Face]
"""A person, a frame and the face that was found there."""


def take_strays(persons: Sequence[Person], cuts: IntArray) -> list[Stray]:
    """Take out, and return, the faces that lie off the path of their person where two cross, to look for them again.

    Of two faces that overlap the detector makes one, between both.
    """
    strays: list[Stray] = []
    for person in persons:
        near = {
            index
            for other in persons
            if other is not person
            for edge in _find_edges(other)
            for index in range(edge - _MERGING, edge + _MERGING + 1)
            if index in person.faces and overlap(person.faces[index].box, other.faces[edge].box[None])[0] > 0
        }
        off = [index for index in sorted(near) if _is_off(person, index, cuts)]
        strays += [(person, index, person.faces.pop(index)) for index in off]
    return strays


def return_strays(strays: Sequence[Stray], cuts: IntArray) -> None:
    """Give faces that were not found again their place between those around: somebody was seen there."""
    for person, index, face in strays:
        around = _find_around(person, index, cuts)
        before, after = [i for i in around if i < index], [i for i in around if i > index]
        if index in person.faces or not before or not after:
            continue
        a, b = before[-1], after[0]
        part = (index - a) / (b - a)
        numbers = (1 - part) * person.faces[a].numbers + part * person.faces[b].numbers
        person.faces[index] = replace(face, numbers=numbers)


def _find_edges(person: Person) -> list[int]:
    """Return the frames that show a person, and not so the one before or after."""
    return [i for i in person.faces if not {i - 1, i + 1} <= person.faces.keys()]


def _find_around(person: Person, index: int, cuts: IntArray) -> list[int]:
    """Return the frames around one that show a person in the same scene."""
    near = [i for i in range(index - _AROUND, index + _AROUND + 1) if i != index and i in person.faces]
    scenes = np.searchsorted(cuts, [index, *near], "right").tolist()
    return [i for i, scene in zip(near, scenes[1:], strict=True) if scene == scenes[0]]


def _is_off(person: Person, index: int, cuts: IntArray) -> bool:
    around = _find_around(person, index, cuts)
    if len(around) < _AROUND:
        return False
    box = person.faces[index].box
    places = np.array([(person.faces[i].box[:2] + person.faces[i].box[2:]) / 2 for i in around])
    # The median of the slopes of all pairs is that of the path though two or three faces lie off it (P. K. Sen, 1968).
    pairs = [(b - a, q - p) for (a, p), (b, q) in combinations(zip(around, places, strict=True), 2)]
    slope = np.median([way / frames for frames, way in pairs], axis=0)
    path = np.median(places - slope * (np.array(around)[:, None] - index), axis=0)
    return bool(
        np.linalg.norm((box[:2] + box[2:]) / 2 - path) > _STRAY * math.sqrt(np.prod(box[2:] - box[:2]))
    )


def look_again(
    clip: Clip, finder: FaceFinder, persons: Sequence[Person], cuts: IntArray
) -> Iterator[tuple[Person, int, Face]]:
    """Measure persons in the gaps of their faces, where they should be; yield who was seen, the frame and the face.

    The detector misses a face now and then that the mesh still finds, once it knows where to look; where it does not,
    something else is to be seen there.
    """
    gaps = defaultdict(list)
    for person in persons:
        for a, b in pairwise(sorted(person.faces)):
            cut = np.searchsorted(cuts, a, "right") < np.searchsorted(cuts, b, "right")
            if b - a > 1 and not cut and clip.times[b] - clip.times[a] <= LONGEST_GAP:
                for index in range(a + 1, b):
                    gaps[index].append((person, person.faces[a], person.faces[b], (index - a) / (b - a)))
    order = sorted(gaps)
    for index, frame in zip(order, clip.read(order) if order else (), strict=True):
        rois = [_roi_between(before, after, part) for _, before, after, part in gaps[index]]
        measured = finder.measure([frame] * len(rois), rois)
        for (person, before, after, _), roi, face in zip(gaps[index], rois, measured, strict=True):
            others = [p.faces[index].box for p in persons if p is not person and index in p.faces]
            if face is not None and _is_same(face, roi, before, after, others):
                yield person, index, face


def _roi_between(before: Face, after: Face, part: float) -> Roi:
    """Return where a face should be, a fraction `part` of the way from one to the other."""
    box = before.box + part * (after.box - before.box)
    return roi_around(box, before.points + part * (after.points - before.points))


def _is_same(
    face: Face, roi: Roi, before: Face, after: Face, others: Sequence[npt.NDArray[np.float64]]
) -> bool:
    """Whether the face is that of before and after the gap, in its place, and not one of the others in the frame."""
    x, y = (face.box[:2] + face.box[2:]) / 2
    near = math.hypot(x - roi.x, y - roi.y) <= _MAX_STEP * roi.side / ROI_SCALE
    alike = likeness(np.stack([before.look, after.look]), face.look).max() >= _SAME_LOOK
    return bool(near and alike and not (overlap(face.box, np.reshape(others, (-1, 4))) > _OTHERS).any())


def hold_place(track: FaceTrack, times: FloatArray) -> FaceTrack:
    """Give the frames of short gaps a place: between those around, and at an end of a scene the nearest one.

    times: (N,) in seconds. A gap that lasts longer than `LONGEST_GAP` stays as it is.
    """
    points = track.points.copy()
    for first, last in pairwise([0, *track.cuts, len(points)]):
        part, now = points[first:last], times[first:last]
        known = np.flatnonzero(track.found[first:last])
        if not len(known):
            continue
        bounds = np.concatenate([now[:1], now[known], now[-1:]])
        gap = np.searchsorted(known, np.arange(len(part)))
        held = ~track.found[first:last] & (bounds[gap + 1] - bounds[gap] <= LONGEST_GAP)
        for number, axis in np.ndindex(3, 2):
            part[held, number, axis] = np.interp(now[held], now[known], part[known, number, axis])
    return replace(track, points=points)
