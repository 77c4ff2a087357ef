"""Where somebody speaks: loudness against the loudest part of the sound and a floor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import FloatArray
from .encode import SAMPLE_RATE

HOP = 160
"""10 ms."""
BELOW_LOUD_DB = 40.0
"""Quieter than this under the loud parts is a pause: speech itself spans about 30 dB."""
FLOOR_DBFS = -60.0
HANGOVER_SECONDS = 0.2
"""Pauses shorter than this (stops, breaths between syllables) still count as speech."""


def speaking(samples: npt.NDArray[np.float32], times: FloatArray) -> npt.NDArray[np.bool_]:
    """Whether somebody speaks at each of `times` seconds, shape (len(times),).

    samples: (n,) float32 at 16 kHz. Beyond the end of the sound nobody speaks.
    """
    hops = len(samples) // HOP
    if hops == 0:
        return np.zeros(len(times), bool)
    power = np.square(samples[: hops * HOP], dtype=np.float64).reshape(hops, HOP).mean(1)
    level = 10 * np.log10(power + 1e-12)
    active = level > max(float(np.percentile(level, 95)) - BELOW_LOUD_DB, FLOOR_DBFS)
    active = _widen(active, round(HANGOVER_SECONDS * SAMPLE_RATE / HOP))
    index = np.floor(np.asarray(times) * SAMPLE_RATE / HOP).astype(np.int64)
    return np.where(index < hops, active[np.clip(index, 0, hops - 1)], False)


def _widen(active: npt.NDArray[np.bool_], hops: int) -> npt.NDArray[np.bool_]:
    """Extend every active stretch by `hops` on both sides."""
    spread = np.convolve(active, np.ones(2 * hops + 1))
    return spread[hops : hops + len(active)] > 0.5
