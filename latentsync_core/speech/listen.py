"""Speech, and the silence that follows it, as tokens."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import SPEECH_RATE, Progress, SpeechTokens
from .encode import ROWS_PER_SECOND, encode

SILENCE_ENCODED = 4
"""Seconds of silence after the speech that are encoded; the last one's rows, near the end, are dropped."""


def listen(
    whisper: Any, samples: npt.NDArray[np.float32], seconds: float, progress: Progress | None = None
) -> SpeechTokens:
    """Encode speech and the silence after it, up to `seconds`; arguments as of `encode`.

    Only a few seconds of silence are encoded; `tokens_at` repeats their last row for all that follows.
    """
    # Encoding minutes of silence costs as much as speech and gives the same rows over and over. The last second is
    # dropped: near the end of the audio Whisper's states change, and the repeated row would be one of those.
    missing, most = round(seconds * SPEECH_RATE) - len(samples), SILENCE_ENCODED * SPEECH_RATE
    padded = np.pad(samples, (0, min(max(0, missing), most)))
    tokens = encode(whisper, padded, progress=progress)
    return replace(tokens, rows=tokens.rows[:-ROWS_PER_SECOND]) if missing > most else tokens
