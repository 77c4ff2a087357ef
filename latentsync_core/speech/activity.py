"""Voice activity: loudness relative to the loudest parts of the audio, and above a floor."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import SPEECH_RATE, FloatArray

HOP = 160
"""Samples whose level is measured together: 10 ms."""
BELOW_LOUD_DB = 40.0
"""What is quieter than the loud parts by more than this is a pause: speech itself spans about 30 dB."""
FLOOR_DBFS = -60.0
"""Quieter than this is a pause, however quiet the rest is."""
HANGOVER_SECONDS = 0.2
"""Speech is extended by this on both sides, so that stops and breaths between syllables count as speech."""


def detect_speech(samples: npt.NDArray[np.float32], times: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell whether there is speech at each of `times` seconds, shape (len(times),).

    samples: (n,) float32 at 16 kHz; beyond their end there is none.
    """
    hops = len(samples) // HOP
    if hops == 0:
        return np.zeros(len(times), bool)
    active = _widen(_is_loud(samples[: hops * HOP]), round(HANGOVER_SECONDS * SPEECH_RATE / HOP))
    index = np.floor(np.asarray(times) * SPEECH_RATE / HOP).astype(np.int64)
    return np.where(index < hops, active[np.clip(index, 0, hops - 1)], False)


def measure_extent(samples: npt.NDArray[np.float32]) -> float:
    """Return where the last speech ends, in seconds rounded up to 0.01; 0 where all is silent.

    samples: (n,) float32 at 16 kHz, n >= 1.
    """
    loud = np.flatnonzero(_is_loud(np.pad(samples, (0, -len(samples) % HOP))))
    return float(loud[-1] + 1) * HOP / SPEECH_RATE if len(loud) else 0.0


def _is_loud(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
    """Tell which hops are louder than a pause; the samples are a whole number of hops."""
    # The 95th percentile and not the maximum: one click must not turn all speech into a pause.
    power = np.square(samples, dtype=np.float64).reshape(-1, HOP).mean(1)
    level = 10 * np.log10(power + 1e-12)
    return level > max(float(np.percentile(level, 95)) - BELOW_LOUD_DB, FLOOR_DBFS)


def _widen(active: npt.NDArray[np.bool_], hops: int) -> npt.NDArray[np.bool_]:
    """Extend every active stretch by `hops` on both sides."""
    spread = np.convolve(active, np.ones(2 * hops + 1))
    return spread[hops : hops + len(active)] > 0.5
