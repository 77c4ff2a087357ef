"""Measure how loud audio is to people, and bring it to a target loudness (ITU-R BS.1770-4).

The two filters of the K-weighting are given by the recommendation at 48 kHz only; their analogue parameters, from
which they follow at any rate, are those of libebur128 (J. Kokemüller), which FFmpeg uses too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from ..data import Waveform
from ..errors import OptionError

PEAK = 10 ** (-1 / 20)
"""Largest sample of normalised audio: -1 dBFS."""

_SHELF_HZ, _SHELF_Q, _SHELF_GAIN = 1681.974450955533, 0.7071752369554196, 10 ** (3.999843853973347 / 20)
_SHELF_SLOPE = 0.4996667741545416
_HIGHPASS_HZ, _HIGHPASS_Q = 38.13547087602444, 0.5003270373238773

_SURROUND = {5: (1, 1, 1, 1.41, 1.41), 6: (1, 1, 1, 0, 1.41, 1.41)}
"""Weights of the channels of 5.0 and 5.1 in FFmpeg's order; all others count 1."""
_HOPS_PER_BLOCK = 4
"""Blocks are 0.4 s long and start every 0.1 s."""
_SILENT, _QUIETER = 10 ** ((-70 + 0.691) / 10), 10 ** (-10 / 10)
"""Blocks below -70 LUFS, and blocks 10 LU below the mean of the others, do not count."""
_HOPS_AT_ONCE = 100

_SETTLING = 10
"""Hops that the filters are given to settle: 1 s, in which they decay by more than 200 dB."""


def loudness(waveform: Waveform) -> float:
    """Measure the integrated loudness in LUFS; -inf for silence. Audio shorter than 0.4 s is padded with silence."""
    powers = np.array(list(measure_hop_powers(waveform)))
    blocks = np.convolve(powers, np.full(_HOPS_PER_BLOCK, 1 / _HOPS_PER_BLOCK), "valid")
    loud = blocks[blocks > _SILENT]
    if not len(loud):
        return -math.inf
    return to_lufs(float(loud[loud > _QUIETER * loud.mean()].mean()))


def to_lufs(power: float) -> float:
    """Convert a power of K-weighted audio, > 0, to LUFS."""
    return -0.691 + 10 * math.log10(power)


def normalize(waveform: Waveform, lufs: float) -> Waveform:
    """Bring audio to an integrated loudness of `lufs` (-70..0) by one gain for all samples.

    The gain is lower where a sample would exceed -1 dBFS, so that audio with high peaks stays quieter than asked for;
    nothing is compressed or limited. -23 is the custom of television (EBU R 128), -16 that of the web. Silence is
    returned unchanged. Raises OptionError on another value.
    """
    if not -70 <= lufs <= 0:
        raise OptionError(f"lufs takes -70..0, got {lufs}.")
    now = loudness(waveform)
    if now == -math.inf:
        return waveform
    gain = min(10 ** ((lufs - now) / 20), PEAK / float(np.abs(waveform.samples).max()))
    return Waveform(waveform.samples * np.float32(gain), waveform.sample_rate)


def measure_hop_powers(waveform: Waveform) -> Iterator[float]:
    """Yield the mean square of the K-weighted audio of every whole 0.1 s, summed over weighted channels; 4 at least."""
    rate, channels = waveform.sample_rate, len(waveform.samples)
    hop = max(1, round(rate / 10))
    missing = max(0, _HOPS_PER_BLOCK * hop - waveform.samples.shape[1])
    samples = np.pad(waveform.samples, ((0, 0), (0, missing)))
    weights = np.array(_SURROUND.get(channels, [1] * channels))
    size = (_HOPS_AT_ONCE + 2 * _SETTLING) * hop
    # Filtered by FFT, block by block: the filters are recursive, and a loop over samples would be slow in Python.
    # A block starts a second early, in which what came before decays, and its padding keeps the end off its start.
    response = _k_weighting_response(size, rate)
    for first in range(0, samples.shape[1] - hop + 1, _HOPS_AT_ONCE * hop):
        before = min(first, _SETTLING * hop)
        part = samples[:, first - before : first + _HOPS_AT_ONCE * hop]
        filtered = np.fft.irfft(np.fft.rfft(part, size) * response, size)[:, before : part.shape[1]]
        hops = filtered[:, : filtered.shape[1] // hop * hop].reshape(channels, -1, hop)
        yield from weights @ (hops**2).mean(2)


def _k_weighting_response(size: int, rate: int) -> npt.NDArray[np.complex128]:
    """Return the frequency response of the K-weighting, a high shelf and a high-pass, for a real FFT of `size`."""
    delay = np.exp(-2j * np.pi * np.arange(size // 2 + 1) / size)
    k, gain = math.tan(math.pi * _SHELF_HZ / rate), _SHELF_GAIN
    shelf = _quadratic(delay, gain, gain**_SHELF_SLOPE * k / _SHELF_Q, k * k)
    shelf /= _quadratic(delay, 1, k / _SHELF_Q, k * k)
    k = math.tan(math.pi * _HIGHPASS_HZ / rate)
    unit = 1 + k / _HIGHPASS_Q + k * k  # the recommendation's numerator is 1, -2, 1 without it
    return shelf * unit * _quadratic(delay, 1, 0, 0) / _quadratic(delay, 1, k / _HIGHPASS_Q, k * k)


def _quadratic(delay: npt.NDArray[np.complex128], a: float, b: float, c: float) -> npt.NDArray[np.complex128]:
    """Return a s^2 + b s + c at s = (1 - delay) / (1 + delay), the bilinear transform, times (1 + delay)^2."""
    return (a + b + c) + 2 * (c - a) * delay + (a - b + c) * delay**2
