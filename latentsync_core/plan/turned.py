"""How much of the new mouth a turned head shows: faded by its angle, without switching to and fro."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import FaceTrack
from .steady import hold_peaks

FADE_DEGREES = 10.0
"""The new mouth fades out over so many degrees before the limit."""


def fade_by_turn(track: FaceTrack, fps: float, limit: float) -> npt.NDArray[np.float32]:
    """Return how much of the new mouth each frame of a track shows, (N,) in 0..1: 0 from `limit` degrees on."""
    turn = hold_peaks(track.turn, track.cuts, fps)
    return np.clip((limit - turn) / FADE_DEGREES, 0, 1).astype(np.float32)
