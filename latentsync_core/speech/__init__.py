"""Speech to tokens: mel spectrogram, Whisper hidden states, one block of tokens per frame."""

from .activity import detect_speech, measure_extent
from .encode import ROWS_PER_SECOND, encode, log_mel
from .listen import listen
from .tokens import rows_at, tokens_at

__all__ = [
    "ROWS_PER_SECOND",
    "encode",
    "measure_extent",
    "listen",
    "log_mel",
    "rows_at",
    "detect_speech",
    "tokens_at",
]
