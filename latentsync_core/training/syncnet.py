"""The judge of synchrony, trained to tell windows of a clip and its own sound from those of another time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from ..data import Array, FloatArray
from ..metrics.sync import FPS, FRAMES, MEL_LENGTH, MEL_RATE, face_window, sync_mel
from ..models.syncnet import EncoderConfig, StableSyncNet, sync_loss
from .data import Material
from .loop import Run
from .recipes import SyncNetRecipe
from .vae import to_pixels

VISUAL = EncoderConfig(
    in_channels=3 * FRAMES,
    block_out_channels=(32, 32, 32, 32, 64, 64, 64),
    downsample_factors=((1, 2), 2, 2, 2, 2, 2, 2),
    attention=(False, False, False, False, True, False, False),
)
AUDIO = EncoderConfig(
    in_channels=1,
    block_out_channels=(32, 32, 32, 32, 64, 64),
    downsample_factors=((2, 1), 2, 2, 2, 2, 2),
    attention=(False, False, False, False, True, False),
)
"""For crops of 128 pixels: both end in 64 features."""
LEAST_SHIFT, GREATEST_SHIFT = 2, 15
"""Frames by which a sound that does not match is shifted."""
SCORE_EVERY = 200


@dataclass(frozen=True, eq=False)
class Spoken:
    """A take: its crops, and the spectrogram of the whole track it says a part of."""

    crops: Array
    """(F, R, R, 3) uint8."""
    mel: Tensor
    """(80, T)"""
    times: FloatArray
    """Where each frame begins in the track, in seconds."""

    def heard(self, frame: int) -> Tensor:
        """The spectra beside the window that starts at `frame`, (1, 80, 52); a frame outside the clip will do."""
        start = int(MEL_RATE * (self.times[0] + frame / FPS) + 1e-6)
        index = torch.arange(start, start + MEL_LENGTH).clamp(0, self.mel.shape[1] - 1)
        return self.mel[None, :, index]

    def seen(self, frame: int) -> Tensor:
        """The window that starts at `frame`, (48, R / 2, R)."""
        return face_window(to_pixels(self.crops[frame : frame + FRAMES]), 0)


def nano_syncnet() -> StableSyncNet:
    """A SyncNet of 0.9 million parameters with fresh weights."""
    return StableSyncNet(VISUAL, AUDIO)


def spoken(store: Material) -> list[Spoken]:
    """Every take of every clip."""
    mels = [sync_mel(store.sound(track)) for track in range(store.tracks)]
    return [
        Spoken(store.crops(clip, number), mels[take.track], store.times(take))
        for clip in range(store.clips)
        for number, take in enumerate(store.takes(clip))
    ]


def train_syncnet(run: Run, recipe: SyncNetRecipe, train: list[Spoken], test: list[Spoken]) -> None:
    """Train until the recipe's steps are over."""
    device = run.accelerator.device
    for _ in run.steps():
        faces, mels, matching = (part.to(device) for part in _batch(run.rng(), train, recipe.loop.batch))
        seen, heard = run.model(faces, mels)
        run.update(sync=sync_loss(seen, heard, matching))
        if test and run.step % SCORE_EVERY == 0:
            run.score(**score_syncnet(run.ema, test))


def _batch(rng: np.random.Generator, takes: list[Spoken], count: int) -> tuple[Tensor, Tensor, Tensor]:
    """Windows, their sounds or shifted ones, and 1 where they match."""
    faces, mels, matching = [], [], rng.random(count) < 0.5
    for number, matches in zip(rng.integers(len(takes), size=count), matching, strict=True):
        take = takes[number]
        frame = int(rng.integers(len(take.crops) - FRAMES + 1))
        shift = int(rng.integers(LEAST_SHIFT, GREATEST_SHIFT + 1) * rng.choice((-1, 1)))
        faces.append(take.seen(frame))
        mels.append(take.heard(frame if matches else frame + shift))
    return torch.stack(faces), torch.stack(mels), torch.from_numpy(matching).float()


@torch.no_grad()
def score_syncnet(syncnet: nn.Module, test: list[Spoken]) -> dict[str, float]:
    """Share of windows that fit their own sound better than one shifted by 5 or 10 frames either way."""
    device = next(syncnet.parameters()).device
    right = []
    for take in test:
        shifts = (0, -10, -5, 5, 10)
        frame = (len(take.crops) - FRAMES) // 2
        mels = torch.stack([take.heard(frame + shift) for shift in shifts]).to(device)
        faces = take.seen(frame)[None].to(device).expand(len(shifts), -1, -1, -1)
        seen, heard = syncnet(faces, mels)
        right.append(float(torch.cosine_similarity(seen, heard).argmax() == 0))
    return {"own sound fits best": float(np.mean(right))}
