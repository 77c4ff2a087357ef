"""Smooths measurements over time without lag: both sides of a frame count alike, and straight motion stays."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, IntArray

_REACH = 4.0
"""Standard deviations after which the Gaussian is cut off."""


def fill_gaps(values: FloatArray, times: FloatArray, scenes: IntArray, longest: float) -> FloatArray:
    """Interpolate rows (N, C) that are NaN where the rows around, in one scene, are at most `longest` s apart."""
    found = ~np.isnan(values).any(1)
    if found.all() or not found.any():
        return values
    index = np.arange(len(values))
    before = np.maximum.accumulate(np.where(found, index, -1))
    after = np.minimum.accumulate(np.where(found, index, len(values))[::-1])[::-1]
    inside = ~found & (before >= 0) & (after < len(values))
    a, b = before[inside], after[inside]
    inside[inside] = (scenes[a] == scenes[b]) & (times[b] - times[a] <= longest)
    filled = values.copy()
    for channel in range(values.shape[1]):
        filled[inside, channel] = np.interp(times[inside], times[found], values[found, channel])
    return filled


def segments(valid: npt.NDArray[np.bool_], scenes: IntArray) -> IntArray:
    """Number the runs of valid frames within a scene from 1, shape (N,); 0 where a frame is not valid."""
    starts = valid.copy()
    starts[1:] &= ~valid[:-1] | (scenes[1:] != scenes[:-1])
    return np.cumsum(starts) * valid


def smooth_values(values: FloatArray, times: FloatArray, parts: IntArray, sigma: float) -> FloatArray:
    """Smooth rows (N, C) by a Gaussian of `sigma` seconds within parts; rows of part 0 are returned as they are.

    Each value is that of a straight line, fitted with Gaussian weights to the values around it (local linear
    regression: W. S. Cleveland, 1979). In the middle of even times this is Gaussian smoothing; at an end, where
    only one side is known, it doesn't drag a motion back.
    """
    if not len(values):
        return values
    # Sums of weight times 1, d, d^2 (s) and of weight times y, d y (y), for all frames at once and one neighbour at
    # a time: least squares of y = a + b d, of which a is wanted. A plain weighted mean would lag at the ends.
    count = len(values)
    known = np.where(parts[:, None] > 0, values, 0.0)
    s0, s1, s2 = np.zeros((3, count, 1))
    y0, y1 = np.zeros((2, *values.shape))
    index = np.arange(count)
    reach = int((np.searchsorted(times, times + _REACH * sigma, side="right") - 1 - index).max())
    for shift in range(-reach, reach + 1):
        other = np.clip(index + shift, 0, count - 1)
        distance = times[other] - times
        weight = np.exp(-0.5 * (distance / sigma) ** 2) * ((other == index + shift) & (parts[other] == parts))
        weight, distance = weight[:, None], distance[:, None]
        s0, s1, s2 = s0 + weight, s1 + weight * distance, s2 + weight * distance**2
        y0, y1 = y0 + weight * known[other], y1 + weight * distance * known[other]
    # With one known neighbour only no line is determined; its weighted mean is what is left.
    spread = s0 * s2 - s1**2
    line = np.where(spread > 1e-9 * s0 * s2, (s2 * y0 - s1 * y1) / np.where(spread > 0, spread, 1), y0 / s0)
    return np.where(parts[:, None] > 0, line, values)
