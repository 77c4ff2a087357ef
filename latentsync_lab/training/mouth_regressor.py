"""The mouth regressor: a small network that reads the mouth off a crop, to evaluate results; never part of a model."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentsync_core.data import Array

from .loop import Run
from .recipes import MouthRegressorRecipe
from .vae import to_pixels

SHAPES = 3
WIDTHS = (12, 24, 32, 32)
SCORE_EVERY = 200


class MouthRegressor(nn.Module):
    """Crops (N, 3, R, R) in -1..1 -> openness, spread and roundness (N, 3)."""

    def __init__(self) -> None:
        super().__init__()
        layers: list[nn.Module] = []
        for before, after in zip((3, *WIDTHS), WIDTHS, strict=False):
            layers += [nn.Conv2d(before, after, 3, stride=2, padding=1), nn.GroupNorm(4, after), nn.SiLU()]
        self.layers = nn.Sequential(
            *layers, nn.Flatten(), nn.Linear(WIDTHS[-1] * 16, 64), nn.SiLU(), nn.Linear(64, SHAPES)
        )

    def forward(self, crops: Tensor) -> Tensor:
        return self.layers(mouth_part(crops))


def mouth_part(crops: Tensor) -> Tensor:
    """Cut out the lower middle of crops, (N, 3, 64, 64)."""
    size = crops.shape[-1]
    part = crops[:, :, round(size * 0.45) :, round(size * 0.17) : round(size * 0.83)]
    return F.interpolate(part.clamp(-1, 1), (64, 64), mode="bilinear", antialias=True)


LabelledCrops = tuple[Array, Array]
"""Crops (F, R, R, 3) uint8 and their true mouths (F, 3)."""


def train_mouth_regressor(
    run: Run, recipe: MouthRegressorRecipe, train: list[LabelledCrops], test: list[LabelledCrops]
) -> None:
    """Train until the recipe's steps are over."""
    device = run.accelerator.device
    for _ in run.steps():
        rng = run.rng()
        clips = [train[c] for c in rng.integers(len(train), size=recipe.loop.batch)]
        frames = [rng.integers(len(crops)) for crops, _ in clips]
        pixels = np.stack([crops[k] for (crops, _), k in zip(clips, frames, strict=True)])
        mouths = np.stack([mouth[k] for (_, mouth), k in zip(clips, frames, strict=True)])
        predicted = run.model(_degrade(to_pixels(pixels), rng).to(device))
        run.update(square=F.mse_loss(predicted, torch.from_numpy(mouths).to(device)))
        if run.step % SCORE_EVERY == 0:
            run.measure(score_mouth_regressor, test)


def _degrade(pixels: Tensor, rng: np.random.Generator) -> Tensor:
    """Blur half of the batches, as an autoencoder blurs, and add noise to all."""
    # Results are blurred and noisy in ways that drawn frames are not; without this they would be read wrongly.
    if rng.random() < 0.5:
        factor = float(rng.uniform(0.35, 1.0))
        small = F.interpolate(pixels, scale_factor=factor, mode="bilinear", antialias=True)
        pixels = F.interpolate(small, pixels.shape[-2:], mode="bilinear")
    noise = rng.standard_normal(pixels.shape, dtype=np.float32)
    return pixels + torch.from_numpy(noise) * float(rng.uniform(0, 0.05))


@torch.no_grad()
def read_mouth(mouth_regressor: nn.Module, crops: Tensor) -> npt.NDArray[np.float32]:
    """Predict the mouths (N, 3) of crops (N, 3, R, R) in -1..1, on any device."""
    device = next(mouth_regressor.parameters()).device
    return torch.cat([mouth_regressor(part.to(device)).cpu() for part in crops.split(64)]).numpy()


def score_mouth_regressor(mouth_regressor: nn.Module, test: list[LabelledCrops]) -> dict[str, float]:
    """Correlate predicted and true mouths of held-out people."""
    predicted = np.concatenate([read_mouth(mouth_regressor, to_pixels(crops)) for crops, _ in test])
    true = np.concatenate([mouths for _, mouths in test])
    names = ("openness", "spread", "roundness")
    return {name: float(np.corrcoef(predicted[:, k], true[:, k])[0, 1]) for k, name in enumerate(names)}
