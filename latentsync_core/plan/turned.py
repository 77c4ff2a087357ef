"""How much of the new mouth a turned head shows: faded by its angle, without switching to and fro."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import FaceTrack, FloatArray

FADE_DEGREES = 10.0
"""The new mouth fades out over so many degrees before the limit."""
_SPIKE_SECONDS = 0.2
"""A median over this time drops the angles of frames that were measured badly."""
_DIP_SECONDS = 0.6
"""A head that was turned away and is back for less than this stays turned away."""


def fade_by_turn(track: FaceTrack, fps: float, limit: float) -> npt.NDArray[np.float32]:
    """Return how much of the new mouth each frame of a track shows, (N,) in 0..1: 0 from `limit` degrees on."""
    turn = track.turn
    edges = [0, *track.cuts, len(turn)]
    steady = [_steady(turn[a:b], fps) for a, b in zip(edges, edges[1:], strict=False)]
    return np.clip((limit - np.concatenate(steady)) / FADE_DEGREES, 0, 1).astype(np.float32)


def _steady(turn: FloatArray, fps: float) -> FloatArray:
    """Drop spikes and fill short dips of the angles of one scene; where there is no face they are interpolated."""
    known = np.flatnonzero(~np.isnan(turn))
    if not len(known):
        return np.zeros(len(turn))
    whole = np.interp(np.arange(len(turn)), known, turn[known])
    # Mirrored, so that a first or last frame that was measured badly is outvoted like any other.
    reach = _reach(_SPIKE_SECONDS, fps)
    smooth = np.median(_windows(np.pad(whole, reach, "reflect"), reach), axis=1)
    # A closing (maximum, then minimum, over the same time): a rise stays where it is, a dip that is shorter is filled.
    # Else a head that swings about the limit would show two mouths in turn. Before and after the scene the angle counts
    # as 0, so that it may begin or end with a moment of the front.
    reach = _reach(_DIP_SECONDS, fps)
    highest = _windows(np.pad(smooth, 2 * reach), reach).max(1)
    return np.asarray(_windows(highest, reach).min(1))


def _reach(seconds: float, fps: float) -> int:
    """Return how many frames on either side lie within a time, at least 2."""
    return max(2, round(seconds * fps / 2))


def _windows(values: FloatArray, reach: int) -> FloatArray:
    """Return each value with those around it, (N - 2 reach, 2 reach + 1)."""
    return np.lib.stride_tricks.sliding_window_view(values, 2 * reach + 1)
