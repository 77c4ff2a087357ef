"""The speech encoder, trained to predict the mouth: by a single token, and by the tokens of a frame."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from latentsync_core.speech import log_mel, rows_at
from latentsync_core.speech.encode import MELS_PER_ROW, ROWS_PER_SECOND

from ..synthetic import mouth_from_speech
from .data import SyntheticDataset
from .loop import Run
from .recipes import EncoderRecipe

SHAPES = 3
"""Numbers of a mouth: openness, spread, roundness."""
FRAME_MIDDLE = 0.02
"""Seconds from the start of a frame to its middle at 25 frames a second."""
MIN_SECONDS = 3
SCORE_EVERY = 200


@dataclass(frozen=True, eq=False)
class SpeechSample:
    """A track's spectrogram and its true mouths."""

    mel: Tensor
    """(80, 2T)"""
    mouth: Tensor
    """(T, 3): the mouth of a frame that starts at each row."""


def load_speech(store: SyntheticDataset) -> list[SpeechSample]:
    """Load all tracks of a dataset."""
    return [_load_sample(store.audio(track)) for track in range(store.tracks)]


def _load_sample(samples: Any) -> SpeechSample:
    mel = log_mel(samples)
    rows = mel.shape[1] // MELS_PER_ROW
    track = mouth_from_speech(samples, np.arange(rows) / ROWS_PER_SECOND + FRAME_MIDDLE)
    mouth = np.stack([track.openness, track.spread, track.roundness], -1)
    return SpeechSample(mel[:, : rows * MELS_PER_ROW], torch.from_numpy(mouth))


class MouthHead(nn.Module):
    """Predicts a frame's mouth from its tokens as the UNet can: by two cross-attentions without positions."""

    def __init__(self, width: int, heads: int = 4, queries: int = 4) -> None:
        super().__init__()
        self.queries = nn.Parameter(torch.randn(queries, width) * 0.5)
        self.first = nn.MultiheadAttention(width, heads, batch_first=True)
        self.second = nn.MultiheadAttention(width, heads, batch_first=True)
        self.between = nn.Sequential(
            nn.Linear(queries * width, 256), nn.GELU(), nn.Linear(256, queries * width)
        )
        self.out = nn.Sequential(
            nn.LayerNorm(queries * width), nn.Linear(queries * width, 256), nn.GELU(), nn.Linear(256, SHAPES)
        )

    def forward(self, tokens: Tensor) -> Tensor:  # (N, tokens, width) -> (N, 3)
        queries = self.queries.expand(len(tokens), -1, -1)
        attended = self.first(queries, tokens, tokens, need_weights=False)[0]
        queries = queries + self.between(attended.flatten(1)).unflatten(1, queries.shape[1:])
        attended = attended + self.second(queries, tokens, tokens, need_weights=False)[0]
        return self.out(attended.flatten(1))


class SupervisedEncoder(nn.Module):
    """The encoder with two heads whose losses train it."""

    def __init__(self, whisper: WhisperEncoder) -> None:
        super().__init__()
        width = whisper.config.d_model
        self.whisper, self.row, self.frame = whisper, nn.Linear(width, SHAPES), MouthHead(width)

    def forward(self, mel: Tensor, starts: Tensor) -> tuple[Tensor, Tensor]:
        """Predict mouths by every row, (B, T, 3), and by frames at rows `starts` (B, N), (B, N, 3)."""
        states = torch.stack(
            self.whisper(mel, output_hidden_states=True).hidden_states, 2
        )  # (B, T, 3, width)
        rows = rows_at(starts.cpu().numpy().ravel() / ROWS_PER_SECOND, states.shape[1])
        rows = torch.from_numpy(rows).unflatten(0, starts.shape).to(starts.device)  # (B, N, 10)
        tokens = torch.stack([state[index] for state, index in zip(states, rows, strict=True)])
        frames = self.frame(tokens.flatten(0, 1).flatten(1, 2))
        return self.row(states[:, :, -1]), frames.unflatten(0, starts.shape)


def train_encoder(
    run: Run, recipe: EncoderRecipe, train: list[SpeechSample], test: list[SpeechSample]
) -> None:
    """Train until the recipe's steps are over."""
    for _ in run.steps():
        mel, mouth, starts = _draw_batch(run, recipe, train)
        rows, frames = run.model(mel, starts)
        known = torch.isfinite(mouth)  # rows of the padding have no mouth
        predicted = torch.stack([m[s] for m, s in zip(mouth, starts, strict=True)])
        run.update(
            rows=recipe.row_weight * F.mse_loss(rows[known], mouth[known]),
            frames=F.mse_loss(frames, predicted),
        )
        if run.step % SCORE_EVERY == 0:
            run.measure(score_encoder, test)


def _draw_batch(
    run: Run, recipe: EncoderRecipe, samples: list[SpeechSample]
) -> tuple[Tensor, Tensor, Tensor]:
    """Draw parts of tracks, padded as in the pipeline: mel (B, 80, 3000), mouths (B, 1500, 3) or NaN, starts (B, N)."""
    rng, size = run.rng(), run.module.whisper.config.max_source_positions
    mels, mouths, starts = [], [], []
    for track in rng.integers(len(samples), size=recipe.loop.batch):
        mel, mouth = samples[track].mel, samples[track].mouth
        rows = int(rng.integers(MIN_SECONDS * ROWS_PER_SECOND, min(len(mouth), size) + 1))
        first = int(rng.integers(len(mouth) - rows + 1))
        mel = mel[:, first * MELS_PER_ROW : (first + rows) * MELS_PER_ROW]
        mels.append(F.pad(mel, (0, (size - rows) * MELS_PER_ROW)))
        mouths.append(F.pad(mouth[first : first + rows], (0, 0, 0, size - rows), value=float("nan")))
        starts.append(torch.from_numpy(rng.integers(rows, size=recipe.frames)))
    device = run.accelerator.device
    return torch.stack(mels).to(device), torch.stack(mouths).to(device), torch.stack(starts).to(device)


@torch.no_grad()
def score_encoder(listener: nn.Module, test: list[SpeechSample]) -> dict[str, float]:
    """Correlate predicted and true mouths over held-out tracks, by frames and (openness) by rows."""
    listener.eval()
    device = next(listener.parameters()).device
    predicted, true, alone = [], [], []
    for sample in test:
        rows = min(len(sample.mouth), 1500)
        mel = F.pad(sample.mel[:, : rows * MELS_PER_ROW], (0, 3000 - rows * MELS_PER_ROW))
        row, frame = listener(mel[None].to(device), torch.arange(0, rows, 2, device=device)[None])
        predicted.append(frame[0].cpu())
        true.append(sample.mouth[:rows:2])
        alone.append(row[0, :rows:2, 0].cpu())
    a, b, c = (torch.cat(parts).numpy() for parts in (predicted, true, alone))
    names = ("openness", "spread", "roundness")
    scores = {name: float(np.corrcoef(a[:, k], b[:, k])[0, 1]) for k, name in enumerate(names)}
    return {**scores, "openness by rows": float(np.corrcoef(c, b[:, 0])[0, 1])}
