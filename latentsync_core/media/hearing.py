"""Speech as an encoder should hear it: one channel at 16 kHz, as loud as the speech that it was trained on.

Whisper's spectrogram keeps the loudness, and speech that is quieter than in training moves the mouth less.
"""

from __future__ import annotations

import numpy as np

from ..data import SPEECH_RATE, Waveform
from ..errors import InputError
from .audio import resample
from .audio_decode import Samples
from .loudness import hop_powers, in_lufs

SPEECH_LUFS = -20.0
"""Loudness of speech as it is usually recorded, its pauses left out."""
MOST_GAIN_DB = 50.0
"""Below -70 LUFS there is little but the noise of microphones and converters."""
_BRIEF = 2
"""So many of the loudest steps of 0.1 s do not count where a sound has ten or more: a slammed door is not speech."""
_FURTHEST = 10 ** (-40 / 10)
"""But what is ignored is at most so far above the rest."""
_PAUSE = 10 ** (-20 / 10)
"""Steps so far below the loud ones do not count."""
_STEADY = 10 ** (4 / 10)
"""Within a second speech spans more than 4 dB in steps of 0.1 s; noise and hum span less."""


def to_speech_16k(waveform: Waveform) -> Samples:
    """Mix to mono at 16 kHz at -20 LUFS, by one gain of at most 50 dB for all samples; (n,), not limited to -1..1.

    Pauses do not count, and neither does what is loud for 0.2 s or less. Silence, and what does not rise and fall as
    speech does (noise, hum), is not made louder. Raises InputError on sound without a sample.
    """
    samples = resample(waveform, SPEECH_RATE, 1)[0]
    if not samples.size:
        raise InputError("The sound is empty; give at least one sample.")
    return samples * np.float32(10 ** (_gain_db(samples) / 20))


def _gain_db(samples: Samples) -> float:
    centred = samples - samples.mean(dtype=np.float64).astype(
        np.float32
    )  # where it starts, an offset is a bang
    powers = np.array(list(hop_powers(Waveform(centred[None], SPEECH_RATE))))
    ranked = np.sort(powers)
    loud = max(ranked[-1 - _BRIEF] if len(ranked) >= 10 else ranked[-1], _FURTHEST * ranked[-1])
    if loud == 0:
        return 0.0
    level = in_lufs(float(np.minimum(powers, loud)[powers >= _PAUSE * loud].mean()))
    most = MOST_GAIN_DB if loud > _STEADY * np.quantile(powers, 0.05) else 0.0
    return min(SPEECH_LUFS - level, most)
