"""Check an AUDIO, whatever node made it, before any work is done."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

from ...latentsync_core.errors import InputError

RATES = range(1000, 768_001)
"""Sample rates that are accepted, in Hz."""
MOST_CHANNELS = 64
"""More rows than this are refused: they are probably samples, and the columns channels."""
_ADVICE = "Connect LatentSync Load Audio, or another node that gives audio."


def check_audio(audio: Any) -> tuple[torch.Tensor, int]:
    """Return the samples (1, channels, n), floats in -1..1, and the sample rate in Hz; raises InputError.

    (channels, n) and (n,) are accepted too. Float samples stay the same tensor; integers of up to 32 bit are scaled by
    the range of their type.
    """
    waveform, rate = _split(audio)
    samples = torch.from_numpy(waveform) if isinstance(waveform, np.ndarray) else waveform
    if not isinstance(samples, torch.Tensor):
        raise InputError(f"audio takes its samples as a tensor, got {type(samples).__name__}. {_ADVICE}")
    return _reshape(_scale(samples)), _check_rate(rate)


def _split(audio: Any) -> tuple[Any, Any]:
    if audio is None:
        raise InputError(f"audio is empty: the clip that it comes from has no audio. {_ADVICE}")
    if not isinstance(audio, Mapping):
        raise InputError(
            f"audio takes an AUDIO (waveform, sample_rate), got {type(audio).__name__}. {_ADVICE}"
        )
    try:
        given = {name: audio[name] for name in audio if name in ("waveform", "sample_rate")}
    # VideoHelperSuite reads the audio only now, when it is accessed, and may raise anything.
    except Exception as exc:
        sentence = str(exc).strip().splitlines() or [type(exc).__name__]
        raise InputError(
            f"audio could not be read by the node that it comes from: {sentence[0]} Its file may have no "
            f"audio. {_ADVICE}"
        ) from exc
    if len(given) < 2:
        raise InputError(f"audio takes an AUDIO (waveform, sample_rate), got {list(given)}. {_ADVICE}")
    return given["waveform"], given["sample_rate"]


def _scale(samples: torch.Tensor) -> torch.Tensor:
    if samples.is_floating_point():
        return samples
    if samples.is_complex() or samples.dtype in (torch.bool, torch.int64, torch.uint64):
        raise InputError(
            f"audio takes floats in -1..1, or integers of 8, 16 or 32 bit, got {samples.dtype}. {_ADVICE}"
        )
    # In double, as float32 does not hold all 32-bit integers; the middle of uint8 is 128, not 0.
    limits = torch.iinfo(samples.dtype)
    half = 2.0 ** (limits.bits - 1)
    return ((samples.double() - (limits.min + half)) / half).float()


def _reshape(samples: torch.Tensor) -> torch.Tensor:
    shape = tuple(samples.shape)
    while 1 <= samples.ndim < 3:
        samples = samples[None]
    if samples.ndim != 3 or len(samples) != 1:
        raise InputError(
            f"audio takes a batch of one, (1, channels, samples), got {shape}. Take one of the batch first."
        )
    if not samples.shape[2]:
        raise InputError(
            "audio has no samples; check the start and the duration of the node that it comes from."
        )
    if not 1 <= samples.shape[1] <= MOST_CHANNELS:
        raise InputError(
            f"audio takes 1 to {MOST_CHANNELS} channels, (1, channels, samples), got {shape}. {_ADVICE}"
        )
    return samples


def _check_rate(rate: Any) -> int:
    try:
        value = float(rate)
    except (TypeError, ValueError, RuntimeError) as exc:
        raise InputError(f"audio takes a sample_rate in Hz, got {rate!r}. {_ADVICE}") from exc
    if isinstance(rate, bool) or value not in RATES:
        raise InputError(
            f"audio takes a sample_rate of {RATES[0]} to {RATES[-1]} whole Hz, got {rate!r}. {_ADVICE}"
        )
    return int(value)
