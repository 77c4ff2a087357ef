"""Whisper's hidden states of audio of any length, as LatentSync uses them (its whisper/audio2feature.py).

Three things differ from transformers' usual call: the mel spectrogram is that of the whole audio without padding it to
30 s, a short last window is padded with 0.0 in the log-mel domain, and the last hidden state is the one *before* the
encoder's final LayerNorm.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers import WhisperFeatureExtractor

from ..data import SPEECH_RATE, Progress, SpeechTokens
from ..errors import MediaError, enough_memory

MELS_PER_ROW = 2
"""Whisper's second convolution has stride 2: 100 mel frames a second become 50 rows."""
ROWS_PER_SECOND = 50

MIN_SAMPLES = 320
"""One row; the original fails below it."""
CONTEXT_ROWS = 250
"""Rows of a 30 s window within 5 s of its edge are taken from the neighbouring window, which covers both sides."""
FADE_ROWS = 50
"""Rows over which one window gives way to the next: 1 s. Both hear them, at other places of their position table."""


def log_mel(samples: npt.NDArray[np.float32], n_mels: int = 80) -> Tensor:
    """Compute Whisper's log-mel spectrogram of the whole audio, shape (n_mels, n // 160).

    samples: (n,) float32 at 16 kHz. Values are clipped at 8 below the maximum of the whole audio, as in the original,
    so one loud bang raises the floor everywhere. Raises MediaError below 20 ms.
    """
    if samples.size < MIN_SAMPLES:
        raise MediaError(
            f"The speech is {samples.size / SPEECH_RATE * 1000:.1f} ms long; "
            f"at least {1000 * MIN_SAMPLES // SPEECH_RATE} ms are needed."
        )
    extractor = WhisperFeatureExtractor(feature_size=n_mels)
    mel = extractor(
        samples, sampling_rate=SPEECH_RATE, padding="do_not_pad", truncation=False, return_tensors="pt"
    )
    return torch.as_tensor(mel.input_features[0])


@torch.inference_mode()
def encode(
    whisper: Any,
    samples: npt.NDArray[np.float32],
    *,
    seams: bool = False,
    progress: Progress | None = None,
) -> SpeechTokens:
    """Run the encoder over audio of any length.

    whisper: a `WhisperEncoder` whose `layer_norm` is `nn.Identity`, in float32. samples: (n,) float32 at
    16 kHz, n >= 320. With `seams` its 30 s windows touch without overlap, as upstream's do; otherwise they
    overlap by 10 s, every row comes from windows with 4.5 s of context on either side of it, and in the middle of the
    overlap one is cross-faded into the next over 1 s.
    progress is called at the start and after every window of the stage `listen`. Raises DeviceError without memory.
    """
    mel = log_mel(samples, whisper.config.num_mel_bins)
    rows = mel.shape[1] // MELS_PER_ROW
    size: int = whisper.config.max_source_positions
    context = 0 if seams else CONTEXT_ROWS
    half = 0 if seams else FADE_ROWS // 2
    tokens = torch.zeros(0)
    windows = _split_windows(rows, size, context)
    if progress is not None:
        progress("listen", 0, len(windows))
    for done, (start, first, last) in enumerate(windows, 1):
        states = _encode_window(whisper, mel[:, start * MELS_PER_ROW : (start + size) * MELS_PER_ROW], size)
        if done == 1:  # one tensor from the start: joined at the end, parts would take as much again
            tokens = torch.zeros(rows, *states.shape[1:])
        begin, end = max(0, first - half), min(last + half, rows)
        shared = min(2 * half, end - begin) if done > 1 else 0
        part = states[begin - start : end - start]
        _give_way(tokens[begin : begin + shared], part[:shared])
        tokens[begin + shared : end] = part[shared:]
        if progress is not None:
            progress("listen", done, len(windows))
    return SpeechTokens(tokens.numpy(), ROWS_PER_SECOND)


def _give_way(before: Tensor, after: Tensor) -> None:
    """Cross-fade the rows of one window, in place, into the same rows of the next."""
    weights = (torch.arange(len(before)) + 0.5) / len(before)
    before.lerp_(after, weights[:, None, None])


def _split_windows(rows: int, size: int, context: int) -> list[tuple[int, int, int]]:
    """Cover `rows` by windows of `size`: (start of the window, first row kept, end of the rows kept).

    rows 40, size 20, context 5 -> (0, 0, 15), (10, 15, 25), (20, 25, 40)
    """
    windows, kept = [], 0
    while kept < rows:
        start = max(0, kept - context)
        last = rows if start + size >= rows else start + size - context
        windows.append((start, kept, last))
        kept = last
    return windows


@enough_memory(
    "The device ran out of memory while it encoded the speech; free memory held by other programs, or use device=cpu."
)
def _encode_window(whisper: Any, mel: Tensor, size: int) -> Tensor:
    """Encode a mel spectrogram (n_mels, <= 2 size) to states (size, states, width) on the host."""
    padded = F.pad(mel, (0, size * MELS_PER_ROW - mel.shape[1]))
    features = padded[None].to(whisper.device, whisper.dtype)
    states = whisper(features, output_hidden_states=True).hidden_states  # states of (1, size, width)
    return torch.stack(states, 2)[0].float().cpu()
