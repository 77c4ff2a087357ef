"""Which rows of speech a frame hears: ten rows of 20 ms around its time, all hidden states of each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, IntArray, SpeechTokens

ROWS_BEFORE, ROWS_AFTER = 4, 5
"""Rows c-4 .. c+5 around row c of the frame (whisper/audio2feature.py upstream, audio_feat_length [2, 2])."""


def rows_at(times: FloatArray, rows: int, rate: int = 50) -> IntArray:
    """Rows heard by frames at `times` seconds, shape (len(times), 10); past an end they repeat its row."""
    centres = np.floor(np.asarray(times, np.float64) * rate + 1e-6).astype(np.int64)
    return np.clip(centres[:, None] + np.arange(-ROWS_BEFORE, ROWS_AFTER + 1), 0, rows - 1)


def tokens_at(speech: SpeechTokens, times: FloatArray) -> npt.NDArray[np.float32]:
    """Token blocks for frames at `times` seconds, shape (len(times), 10 * states, width), time-major."""
    rows = rows_at(times, len(speech.rows), speech.rate)
    return speech.rows[rows].reshape(len(rows), -1, speech.rows.shape[2])
