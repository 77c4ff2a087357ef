"""Speech, and the silence that follows it, as tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import SPEECH_RATE, Progress, SpeechTokens
from .encode import ROWS_PER_SECOND, encode

SILENCE_ENCODED = 4
"""Seconds of silence after the speech that are encoded, of which the last second hears the end of the sound."""


def listen(
    whisper: Any, samples: npt.NDArray[np.float32], seconds: float, progress: Progress | None = None
) -> SpeechTokens:
    """Encode speech and the silence after it, up to `seconds`; arguments as of `encode`.

    Silence is heard for a few seconds: what is later takes the last row, the last that hears nothing but silence.
    """
    missing, most = round(seconds * SPEECH_RATE) - len(samples), SILENCE_ENCODED * SPEECH_RATE
    padded = np.pad(samples, (0, min(max(0, missing), most)))
    tokens = encode(whisper, padded, progress=progress)
    return replace(tokens, rows=tokens.rows[:-ROWS_PER_SECOND]) if missing > most else tokens
