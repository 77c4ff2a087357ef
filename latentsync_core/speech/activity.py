"""Voice activity: the level in the band of speech against the noise floor around it, with hysteresis and hangover."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..data import SPEECH_RATE, FloatArray

HOP = 160
"""Samples from one level to the next: 10 ms."""
LEVEL_SAMPLES = 512
"""Samples that a level is measured over: 32 ms."""
BAND_HZ = (120.0, 7200.0)
"""Where speech is: rumble and hum lie below."""
LOUD_PERCENTILE = 99.0
"""Of all levels. Not the maximum: one click must not decide."""
FLOOR_PERCENTILE = 5.0
"""Of the levels within FLOOR_SECONDS. Not the minimum: one drop-out must not decide."""
FLOOR_SECONDS = 10
"""The noise floor may change within a recording; speech pauses at least as often as this."""
SPAN_DB = 52.0
"""The noise floor counts as no further below the loud parts than this, or silence would call every breath speech."""
MARGIN = 0.11
"""Speech rises above the noise floor by this fraction of the way from it to the loud parts."""
LEAST_MARGIN_DB = 2.0
"""Speech rises above the noise floor by at least this."""
RISE = 1.5
"""Speech begins where it rises by so many margins, and lasts until it falls below one (hysteresis)."""
LEAST_BELOW_LOUD_DB = 12.0
"""What is less than this below the loud parts is never a pause: where noise is so near, nothing is taken for one."""
FLOOR_DBFS = -60.0
"""Quieter than this is a pause, whatever the rest is."""
LEAST_SPEECH = 5
"""Hops: what is shorter is a click."""
LEAST_PAUSE = 27
"""Hops: what is shorter is a stop or a breath within speech."""
HANGOVER, HANGOVER_IN_NOISE = 1, 6
"""Hops by which speech lasts longer on either side: in noise, weak beginnings and ends of words are under it."""
NOISY_DB = 25.0
"""A recording is noisy where its loud parts are less than this above its noise floor."""
BELOW_LOUD_DB = 40.0
"""What is quieter than the loud parts by more than this is no sound at all: speech itself spans about 30 dB."""
_HOPS_AT_ONCE = 1000

Bools = npt.NDArray[np.bool_]
Levels = npt.NDArray[np.float64]


def detect_speech(samples: npt.NDArray[np.float32], times: FloatArray) -> npt.NDArray[np.bool_]:
    """Tell whether there is speech at each of `times` seconds, shape (len(times),).

    samples: (n,) float32 at 16 kHz; before second 0 and beyond their end there is none.
    Noise without speech counts as speech.
    """
    hops = len(samples) // HOP
    if hops == 0:
        return np.zeros(len(times), bool)
    level = _measure_band(samples, hops)
    loud = float(np.percentile(level, LOUD_PERCENTILE))
    floor = np.maximum(_estimate_floor(level), loud - SPAN_DB)
    margin = np.maximum(MARGIN * (loud - floor), LEAST_MARGIN_DB)
    low, high = (
        np.maximum(np.minimum(floor + rise * margin, loud - LEAST_BELOW_LOUD_DB), FLOOR_DBFS)
        for rise in (1, RISE)
    )
    hangover = HANGOVER_IN_NOISE if loud - float(np.median(floor)) < NOISY_DB else HANGOVER
    active = _join(_last(level > low, level > high), hangover)
    index = np.floor(np.asarray(times) * SPEECH_RATE / HOP).astype(np.int64)
    return np.where((index >= 0) & (index < hops), active[np.clip(index, 0, hops - 1)], False)


def measure_extent(samples: npt.NDArray[np.float32]) -> float:
    """Return where the last sound ends, in seconds rounded up to 0.01; 0 where all is silent.

    samples: (n,) float32 at 16 kHz, n >= 1.
    """
    # Noise is a sound here: what is heard must not be cut off, even if nobody speaks.
    loud = np.flatnonzero(_is_loud(np.pad(samples, (0, -len(samples) % HOP))))
    return float(loud[-1] + 1) * HOP / SPEECH_RATE if len(loud) else 0.0


def _is_loud(samples: npt.NDArray[np.float32]) -> Bools:
    """Tell which hops are louder than silence; the samples are a whole number of hops."""
    power = np.square(samples, dtype=np.float64).reshape(-1, HOP).mean(1)
    level = 10 * np.log10(power + 1e-12)
    return level > max(float(np.percentile(level, 95)) - BELOW_LOUD_DB, FLOOR_DBFS)


def _measure_band(samples: npt.NDArray[np.float32], hops: int) -> Levels:
    """Return the level of each hop in the band of speech, in dB of full scale, (hops,)."""
    window = np.hanning(LEVEL_SAMPLES).astype(np.float32)
    hertz = np.fft.rfftfreq(LEVEL_SAMPLES, 1 / SPEECH_RATE)
    band = (hertz >= BAND_HZ[0]) & (hertz < BAND_HZ[1])
    padded = np.pad(samples[: hops * HOP], (LEVEL_SAMPLES - HOP) // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, LEVEL_SAMPLES)[::HOP]
    parts = (frames[first : first + _HOPS_AT_ONCE] * window for first in range(0, hops, _HOPS_AT_ONCE))
    power = np.concatenate([np.square(np.abs(np.fft.rfft(part))[:, band]).sum(1) for part in parts])
    return 10 * np.log10(2 * power / (LEVEL_SAMPLES * np.square(window).sum()) + 1e-12)


def _estimate_floor(level: Levels) -> Levels:
    """Return the noise floor around each hop, in dB, (hops,): it is estimated once a second."""
    second = SPEECH_RATE // HOP
    starts = np.arange(0, len(level), second)
    reach = FLOOR_SECONDS * second
    floors = [np.percentile(level[max(0, s - reach) : s + second + reach], FLOOR_PERCENTILE) for s in starts]
    return np.interp(np.arange(len(level)), starts + second // 2, floors)


def _last(low: Bools, high: Bools) -> Bools:
    """Return the stretches of `low` that are no click and somewhere `high`."""
    active = np.zeros(len(low), bool)
    for first, end in _find_stretches(low):
        active[first:end] = end - first >= LEAST_SPEECH and high[first:end].any()
    return active


def _join(active: Bools, hangover: int) -> Bools:
    """Fill the short pauses within speech, and let it last so many hops longer on both sides."""
    joined = active.copy()
    for first, end in _find_stretches(~active):
        if first > 0 and end < len(active) and end - first < LEAST_PAUSE:
            joined[first:end] = True
    spread = np.convolve(joined, np.ones(2 * hangover + 1))
    return spread[hangover : hangover + len(joined)] > 0.5


def _find_stretches(flags: Bools) -> list[tuple[int, int]]:
    """Return the longest stretches [first, end) in which the flags are set."""
    edges = np.flatnonzero(np.diff(flags, prepend=False, append=False)).tolist()
    return list(pairwise(edges))[::2]
