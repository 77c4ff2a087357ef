"""Speech as the encoder takes it: one channel at 16 kHz, as loud as the speech that it was trained on.

Whisper's spectrogram keeps the loudness, and speech that is quieter than in training moves the mouth less.
"""

from __future__ import annotations

import numpy as np

from ..data import SPEECH_RATE, Waveform
from ..errors import InputError
from .audio import resample
from .audio_decode import Samples
from .loudness import measure_hop_powers, to_lufs

SPEECH_LUFS = -20.0
"""Loudness of speech as it is usually recorded, its pauses left out."""
MAX_GAIN_DB = 50.0
"""Below -70 LUFS there is little but the noise of microphones and converters."""
_IGNORED_STEPS = 2
"""So many of the loudest steps of 0.1 s do not count where there are ten or more: a slammed door is not speech."""
_MAX_BELOW_PEAK = 10 ** (-40 / 10)
"""A power ratio: the loud level is taken at most 40 dB below the loudest step, however quiet the rest is."""
_PAUSE = 10 ** (-20 / 10)
"""A power ratio: steps further below the loud ones are pauses and do not count."""
_MIN_SPREAD = 10 ** (4 / 10)
"""A power ratio: speech is loud more than 4 dB above its quietest steps; steady noise and hum are not."""


def to_speech_16k(waveform: Waveform) -> Samples:
    """Mix to mono at 16 kHz at -20 LUFS, by one gain of at most 50 dB for all samples; (n,), not limited to -1..1.

    Pauses do not count, and neither does what is loud for 0.2 s or less. Silence, and what does not rise and fall as
    speech does (noise, hum), is not made louder. Raises InputError on audio without a sample.
    """
    samples = resample(waveform, SPEECH_RATE, 1)[0]
    if not samples.size:
        raise InputError("The audio is empty; give at least one sample.")
    return samples * np.float32(10 ** (_choose_gain_db(samples) / 20))


def _choose_gain_db(samples: Samples) -> float:
    # The filter would see a constant offset as a loud step at the first sample.
    centred = samples - samples.mean(dtype=np.float64).astype(np.float32)
    powers = np.array(list(measure_hop_powers(Waveform(centred[None], SPEECH_RATE))))
    ranked = np.sort(powers)
    loud = max(ranked[-1 - _IGNORED_STEPS] if len(ranked) >= 10 else ranked[-1], _MAX_BELOW_PEAK * ranked[-1])
    if loud == 0:
        return 0.0
    level = to_lufs(float(np.minimum(powers, loud)[powers >= _PAUSE * loud].mean()))
    most = MAX_GAIN_DB if loud > _MIN_SPREAD * np.quantile(powers, 0.05) else 0.0
    return min(SPEECH_LUFS - level, most)
