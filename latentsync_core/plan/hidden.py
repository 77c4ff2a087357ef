"""How much of the new mouth shows where something hides the mouth: faded, without switching to and fro."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import FloatArray
from .steady import hold_peaks

_BARE, _HIDDEN = 0.04, 0.10
"""Fractions of the mouth's region: up to the first the new mouth shows in full, from the second on not at all. Clear
mouths of 29 people stayed below the second in 99.8 % of the frames."""
_EDGE_SECONDS = 0.08
"""What comes before a mouth lies before the edge of the painted part earlier, and leaves it later."""


def fade_by_cover(covered: FloatArray, cuts: tuple[int, ...], fps: float) -> npt.NDArray[np.float32]:
    """Return how much of the new mouth each frame shows, (N,) in 0..1, from how much is covered, (N,) in 0..1."""
    hidden = hold_peaks(covered, cuts, fps, _EDGE_SECONDS)
    return np.clip((_HIDDEN - hidden) / (_HIDDEN - _BARE), 0, 1).astype(np.float32)
