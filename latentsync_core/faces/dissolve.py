"""Find where the face of one person turns into another's: in a dissolve, or at a cut that was not seen."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..data import Array, FloatArray, IntArray
from .look import likeness, mean_look

Blend = tuple[int, npt.NDArray[np.bool_]]
"""A reach in frames and, (N,), whether each frame lies between those so far before and after it."""

_REACHES = 0.24, 0.5, 1.0
"""Seconds on either side of a frame over which a blend is looked for: half the time that a dissolve takes."""
_LEAST_CHANGE = 0.01
"""Mean change of brightness over a blend, 0..1."""
_CURVED = 0.55
"""Distance of a blend's frames from the straight line between its ends, over half its length. Dissolves of 0.3 to 2 s
between 6 pairs of persons who move have less; where a look changes within 28 clips without one, 2 of 28 do."""
OTHER_LOOK = 0.88
"""Greatest likeness of the faces before and after another person's takes the place. Two persons reach 0.87."""
COMPARED_FACES = 8
"""Faces on either side that are compared: one may be blurred, or hidden for a moment."""
_PURE = 0.1
"""Part of the other face that is not seen."""


@dataclass(frozen=True, eq=False)
class Change:
    """The place in a row of faces where another person's face appears."""

    middle: int
    """The first face that is the other person's."""
    first: int
    """The first face that is a blend of both; `middle` where none is."""
    mixed: FloatArray
    """Shape (K,), 0..1: how far each face from `first` on is a blend, 1 at `middle`, where both are equally strong."""


def find_blends(thumbnails: npt.NDArray[np.uint8], fps: float) -> list[Blend]:
    """Find the frames that blend those around them, for several reaches.

    thumbnails: (N, 24, 24). What moves is nowhere between its places; what dissolves is, and so is what gets darker.
    """
    images = thumbnails.reshape(len(thumbnails), -1).astype(np.float32) / 255
    return [(reach, _is_straight(images, reach)) for reach in _reaches(fps)]


def longest_reach(fps: float) -> int:
    """Return the greatest reach of `find_blends` in frames."""
    return max(_reaches(fps))


def _reaches(fps: float) -> list[int]:
    return [max(2, round(seconds * fps)) for seconds in _REACHES]


def _is_straight(images: FloatArray, reach: int) -> npt.NDArray[np.bool_]:
    straight = np.zeros(len(images), bool)
    for t in range(reach, len(images) - reach):
        before, after = images[t - reach], images[t + reach]
        way = after - before
        if np.abs(way).mean() < _LEAST_CHANGE:
            continue
        steps = [-(reach // 2), 0, reach // 2]
        off = [images[t + s] - (before + after + way * (s / reach)) / 2 for s in steps]
        straight[t] = max(map(np.linalg.norm, off)) < _CURVED * np.linalg.norm(way) / 2
    return straight


def find_changes(frames: IntArray, looks: Sequence[Array], blends: Sequence[Blend]) -> Iterator[Change]:
    """Yield where one person's face becomes another's, in rising order; blends: of `find_blends`.

    frames: (K,), the frames of the faces. looks: K of (D,).
    """
    bounds = _find_bounds(frames, looks, blends)
    start = 0
    for i, (middle, reach) in enumerate(bounds):
        end = bounds[i + 1][0] if i + 1 < len(bounds) else len(looks)
        before, after = (
            looks[start : max(start + 1, middle - reach)],
            looks[min(middle + reach, end - 1) : end],
        )
        # A head that turned may look like another for a while, but not like another in the long run.
        if likeness(_spread(before), _spread(after)).max() >= OTHER_LOOK:
            continue
        yield _measure_change(looks, middle, reach)
        start = middle


def _find_bounds(frames: IntArray, looks: Sequence[Array], blends: Sequence[Blend]) -> list[tuple[int, int]]:
    """Return places at which the faces on either side differ, and how far from it: at once, or over a blend."""
    alike = np.concatenate([[1.0], _neighbours(looks)])
    found = []
    for reach, suspects in [(0, alike < OTHER_LOOK), *((r, mask[frames]) for r, mask in blends)]:
        likenesses = {t: _compare_sides(looks, t, reach) for t in np.flatnonzero(suspects).tolist()}
        differing = {t: like for t, like in likenesses.items() if like < OTHER_LOOK}
        found += [(like, t, reach) for t, like in differing.items()]
    bounds: list[tuple[int, int]] = []
    for _, t, reach in sorted(found):
        if all(abs(t - other) > reach + far for other, far in bounds):
            bounds.append((t, reach))
    return sorted(bounds)


def _neighbours(looks: Sequence[Array]) -> FloatArray:
    alike = (1.0 if a is b else float(likeness(a, b)) for a, b in pairwise(looks))
    return np.fromiter(alike, float, max(0, len(looks) - 1))


def _compare_sides(looks: Sequence[Array], t: int, reach: int) -> float:
    """Return the greatest likeness of a face before and one after place t; 1 where a side has none."""
    before = (
        looks[max(0, t - reach - COMPARED_FACES + (reach > 0)) : t - reach + (reach > 0)]
        if t >= reach
        else looks[:0]
    )
    after = looks[t + reach : t + reach + COMPARED_FACES]
    return float(likeness(before, after).max()) if len(before) and len(after) else 1.0


def _spread(looks: Sequence[Array]) -> Sequence[Array]:
    return [looks[i] for i in np.unique(np.linspace(0, len(looks) - 1, COMPARED_FACES).round().astype(int))]


def _measure_change(looks: Sequence[Array], t: int, reach: int) -> Change:
    """Measure how far each face around place t is on its way from the one before to the one after."""
    if not reach:
        return Change(t, t, np.zeros(0))
    first, last = max(0, t - reach), min(len(looks), t + reach + 1)
    before, after = (
        mean_look(looks[max(0, first - COMPARED_FACES) : first + 1]),
        mean_look(looks[last - 1 : last + COMPARED_FACES]),
    )
    way = after - before
    part = np.array([(mean_look([look]) - before) @ way for look in looks[first:last]]) / (way @ way)
    middle = first + int(np.argmax(part >= 0.5))
    before_pure = np.flatnonzero(part[: middle - first] < _PURE)
    after_pure = np.flatnonzero(part[middle - first :] > 1 - _PURE)
    # Looks of blended faces jump, so that the fade is a straight one, and not shorter than half of what was looked at.
    start = min(first + int(before_pure[-1]) if len(before_pure) else first - 1, middle - reach // 2)
    stop = max(middle + int(after_pure[0]) if len(after_pure) else last, middle + reach // 2)
    shown = np.arange(max(0, start + 1), min(len(looks), stop))
    return Change(middle, int(shown[0]), np.interp(shown, [start, middle, stop], [0.0, 1.0, 0.0]))
