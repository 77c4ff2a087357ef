"""Values of a track without spikes and short dips, so that no mouth is switched to and fro."""

from __future__ import annotations

import numpy as np

from ..data import FloatArray

_SPIKE_SECONDS = 0.2
"""A median over this time drops the values of frames that were measured badly."""
_DIP_SECONDS = 0.6
"""A value that falls for less than this is held."""


def hold_peaks(values: FloatArray, cuts: tuple[int, ...], fps: float, widen: float = 0.0) -> FloatArray:
    """Drop spikes and fill short dips of values (N,), scene by scene; NaN is interpolated, 0 in a scene without any.

    cuts: frames that open a scene. widen: seconds by which peaks begin earlier and end later.
    """
    edges = [0, *cuts, len(values)]
    return np.concatenate(
        [_hold_scene(values[a:b], fps, widen) for a, b in zip(edges, edges[1:], strict=False)]
    )


def _hold_scene(values: FloatArray, fps: float, widen: float) -> FloatArray:
    known = np.flatnonzero(~np.isnan(values))
    if not len(known):
        return np.zeros(len(values))
    whole = np.interp(np.arange(len(values)), known, values[known])
    # Mirrored, so that a first or last frame that was measured badly is outvoted like any other.
    reach = _reach(_SPIKE_SECONDS, fps)
    smooth = np.median(_windows(np.pad(whole, reach, "reflect"), reach), axis=1)
    # A closing (maximum, then minimum, over the same time or less): a rise stays where it is, a shorter dip is filled.
    # Else a head that swings about the limit would show two mouths in turn. Before and after the scene the value counts
    # as 0, so that it may begin or end with a moment below the limit.
    reach = _reach(_DIP_SECONDS, fps)
    wider = reach + round(widen * fps)
    highest = _windows(np.pad(smooth, reach + wider), wider).max(1)
    return np.asarray(_windows(highest, reach).min(1))


def _reach(seconds: float, fps: float) -> int:
    """Return how many frames on either side lie within a time, at least 2."""
    return max(2, round(seconds * fps / 2))


def _windows(values: FloatArray, reach: int) -> FloatArray:
    """Return each value with those around it, (N - 2 reach, 2 reach + 1)."""
    return np.lib.stride_tricks.sliding_window_view(values, 2 * reach + 1)
