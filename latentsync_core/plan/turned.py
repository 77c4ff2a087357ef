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
    smooth = np.median(_around(whole, _SPIKE_SECONDS, fps), axis=1)
    # A closing (maximum, then minimum, over the same time): a rise stays where it is, a dip that is shorter is filled.
    # Else a head that swings about the limit would show two mouths in turn.
    highest = _around(smooth, _DIP_SECONDS, fps).max(1)
    return np.asarray(_around(highest, _DIP_SECONDS, fps).min(1))


def _around(values: FloatArray, seconds: float, fps: float) -> FloatArray:
    """Return the values around each frame, (N, K) with K odd and at least 5."""
    reach = max(2, round(seconds * fps / 2))
    # Mirrored, so that a first or last frame that was measured badly is outvoted like any other.
    padded = np.pad(values, reach, mode="reflect")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1)
