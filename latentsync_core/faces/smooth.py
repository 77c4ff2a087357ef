"""Smooth measurements over time without lag: both sides of a frame count alike, and linear motion is kept."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, IntArray

_REACH = 4.0
"""Standard deviations after which the Gaussian is cut off."""


def number_segments(valid: npt.NDArray[np.bool_], scenes: IntArray) -> IntArray:
    """Number the runs of valid frames within a scene from 1, shape (N,); 0 where a frame is not valid."""
    starts = valid.copy()
    starts[1:] &= ~valid[:-1] | (scenes[1:] != scenes[:-1])
    return np.cumsum(starts) * valid


def smooth_values(values: FloatArray, times: FloatArray, parts: IntArray, sigma: float) -> FloatArray:
    """Smooth rows (N, C) by a Gaussian of `sigma` seconds within parts; rows of part 0 are returned as they are.

    Each value is replaced by that of a straight line, fitted with Gaussian weights to the values around it (local
    linear regression: W. S. Cleveland, 1979). Amid evenly spaced times this is plain Gaussian smoothing.
    """
    if not len(values):
        return values
    # Why a line and not a weighted mean: at the ends of a part, where only one side is known, a mean lags behind the
    # motion, and the mouth is pasted beside its place for a few frames. Least squares of y = a + b d, with d the
    # distance in time, returns a; its sums (s: of w, w d, w d^2; y: of w y, w d y) are built one neighbour at a time.
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
    # A frame alone in its part determines no line; the weighted mean, its own value, is what is left.
    spread = s0 * s2 - s1**2
    line = np.where(spread > 1e-9 * s0 * s2, (s2 * y0 - s1 * y1) / np.where(spread > 0, spread, 1), y0 / s0)
    return np.where(parts[:, None] > 0, line, values)
