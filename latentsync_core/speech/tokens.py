"""The speech that a frame is conditioned on: ten rows of 20 ms around its time, all hidden states of each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, IntArray, SpeechTokens

ROWS_BEFORE, ROWS_AFTER = 4, 5
"""A frame at row c takes rows c - 4 .. c + 5 (whisper/audio2feature.py upstream, audio_feat_length [2, 2])."""


def rows_at(times: FloatArray, rows: int, rate: int = 50) -> IntArray:
    """Return the rows of frames at `times` seconds, shape (len(times), 10); past either end its row is repeated."""
    centres = np.floor(np.asarray(times, np.float64) * rate + 1e-6).astype(np.int64)
    return np.clip(centres[:, None] + np.arange(-ROWS_BEFORE, ROWS_AFTER + 1), 0, rows - 1)


def tokens_at(speech: SpeechTokens, times: FloatArray) -> npt.NDArray[np.float32]:
    """Return the tokens of frames at `times` seconds, shape (len(times), 10 * states, width), time-major."""
    rows = rows_at(times, len(speech.rows), speech.rate)
    return speech.rows[rows].reshape(len(rows), -1, speech.rows.shape[2])
