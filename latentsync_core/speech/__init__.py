"""Speech to tokens: mel spectrogram, Whisper hidden states, one block of tokens per frame."""

from .activity import speaking, speech_extent
from .encode import ROWS_PER_SECOND, encode, log_mel
from .listen import listen
from .tokens import rows_at, tokens_at

__all__ = [
    "ROWS_PER_SECOND",
    "encode",
    "speech_extent",
    "listen",
    "log_mel",
    "rows_at",
    "speaking",
    "tokens_at",
]
