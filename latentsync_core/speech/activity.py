"""Where somebody speaks: loudness against the loudest part of the sound and a floor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import SPEECH_RATE, FloatArray

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
    active = _widen(_loud(samples[: hops * HOP]), round(HANGOVER_SECONDS * SPEECH_RATE / HOP))
    index = np.floor(np.asarray(times) * SPEECH_RATE / HOP).astype(np.int64)
    return np.where(index < hops, active[np.clip(index, 0, hops - 1)], False)


def speech_extent(samples: npt.NDArray[np.float32]) -> float:
    """Where the last sound ends, in seconds to the next 0.01; 0 where all is silent.

    samples: (n,) float32 at 16 kHz, n >= 1.
    """
    loud = np.flatnonzero(_loud(np.pad(samples, (0, -len(samples) % HOP))))
    return float(loud[-1] + 1) * HOP / SPEECH_RATE if len(loud) else 0.0


def _loud(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Which hops of a sound of whole hops are louder than a pause."""
    power = np.square(samples, dtype=np.float64).reshape(-1, HOP).mean(1)
    level = 10 * np.log10(power + 1e-12)
    return level > max(float(np.percentile(level, 95)) - BELOW_LOUD_DB, FLOOR_DBFS)


def _widen(active: npt.NDArray[np.bool_], hops: int) -> npt.NDArray[np.bool_]:
    """Extend every active stretch by `hops` on both sides."""
    spread = np.convolve(active, np.ones(2 * hops + 1))
    return spread[hops : hops + len(active)] > 0.5
