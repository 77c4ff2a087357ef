"""The image autoencoder, trained on crops with and without the mouth."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentsync_core.data import Array
from latentsync_core.faces.mask import keep_mask

from .loop import Run
from .recipes import VaeRecipe

MOUTH = (0.5, 0.69)
"""x and y of the middle of an open mouth in the crop."""
MOUTH_SPREAD = (0.2, 0.15)
SCORE_EVERY = 300

THUMBNAIL_SCALE = 4.0
"""Brings pixels in -1..1 to the spread of the other latents."""
TO_CHROMA = ((-0.168736, -0.331264, 0.5), (0.5, -0.418688, -0.081312))
"""RGB to Cb and Cr (ITU-R BT.601)."""
HUES = 180
"""Of OpenCV's HSV in 8 bits."""


def mouth_weight(size: int, amount: float) -> Tensor:
    """Return weights (size, size): 1 far from the mouth and 1 + amount in its middle."""
    at = (torch.arange(size) + 0.5) / size
    across = ((at - MOUTH[0]) / MOUTH_SPREAD[0]) ** 2
    down = ((at - MOUTH[1]) / MOUTH_SPREAD[1]) ** 2
    return 1 + amount * torch.exp(-across[None] - down[:, None])


class Autoencoder(nn.Module):
    """Encodes, samples and decodes in one call."""

    def __init__(self, vae: Any) -> None:
        super().__init__()
        self.vae = vae

    def forward(self, pixels: Tensor, noise: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Return decoded pixels (B, 3, R, R) in -1..1, mean latents, and their KL divergence (a number).

        noise: (B, C, h, w), standard normal; None decodes the mode.
        """
        spread = self.vae.encode(pixels).latent_dist
        latents = spread.mean if noise is None else spread.mean + spread.std * noise
        return self.vae.decode(latents).sample, spread.mean, spread.kl().mean() / latents[0].numel()


def train_vae(run: Run, recipe: VaeRecipe, train: list[Array], test: Tensor) -> None:
    """Train until the recipe's steps are over.

    train: clips (F, R, R, 3) uint8; test: held-out images, (N, 3, R, R) in -1..1.
    """
    device, size = run.accelerator.device, train[0].shape[1]
    channels = run.module.vae.config["latent_channels"]
    keep = torch.from_numpy(keep_mask(size)).to(device)
    # An error counts where the pipeline shows the decoder's output, and most in the mouth.
    shown = recipe.outside + (1 - recipe.outside) * (1 - keep)
    weight, chroma = shown * mouth_weight(size, recipe.mouth).to(device), torch.tensor(TO_CHROMA).to(device)
    for _ in run.steps():
        pixels = _draw_batch(run, recipe, train, keep)
        noise = torch.randn(len(pixels), channels, size // 8, size // 8, generator=run.generator()).to(device)
        decoded, latents, divergence = run.model(pixels, noise)
        error = decoded - pixels
        losses = {
            "absolute": (error.abs() * weight).mean(),
            "square": recipe.square * (error**2 * weight).mean(),
            "gradient": recipe.gradient * _gradient_error(error, shown),
            "chroma": recipe.chroma * (torch.einsum("kc,bchw->bkhw", chroma, error).abs() * weight).mean(),
        }
        if latents.requires_grad:  # the encoder learns as well
            losses["thumbnail"] = recipe.thumbnail * F.mse_loss(latents[:, -3:], thumbnail(pixels))
            losses["kl"] = recipe.kl * divergence
        run.update(**losses)
        if run.step % SCORE_EVERY == 0:
            run.measure(score_vae, test)


def thumbnail(pixels: Tensor) -> Tensor:
    """Return the target of the last three latent channels: the image at the latents' size, (B, 3, h, w)."""
    return THUMBNAIL_SCALE * F.avg_pool2d(pixels, 8)


def _gradient_error(error: Tensor, weight: Tensor) -> Tensor:
    across, down = error.diff(dim=3).abs() * weight[:, 1:], error.diff(dim=2).abs() * weight[1:]
    return across.mean() + down.mean()


def _draw_batch(run: Run, recipe: VaeRecipe, clips: list[Array], keep: Tensor) -> Tensor:
    """Draw images (B, 3, R, R) in -1..1: half of them mirrored, some in other hues, some with a masked mouth."""
    rng = run.rng()
    chosen = [clips[rng.integers(len(clips))] for _ in range(recipe.loop.batch)]
    images = [c[rng.integers(len(c))][:, :: rng.choice((-1, 1))] for c in chosen]
    coloured = [_turn_hue(rng, p) if rng.random() < recipe.hue else p for p in images]
    pixels = to_pixels(np.stack(coloured)).to(keep.device)
    blank = torch.from_numpy(rng.random(len(pixels)) < recipe.masked).to(keep.device)
    return torch.where(blank[:, None, None, None], pixels * keep, pixels)


def _turn_hue(rng: np.random.Generator, image: Array) -> Array:
    hsv = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2HSV)
    hsv[..., 0] = (hsv[..., 0].astype(int) + rng.integers(HUES)) % HUES
    return cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)


def to_pixels(images: npt.NDArray[np.uint8], side: int | None = None) -> Tensor:
    """Convert (N, R, R, 3) uint8 to (N, 3, R, R) in -1..1, or to images of another `side`."""
    pixels = torch.from_numpy(np.array(images)).permute(0, 3, 1, 2).float() / 127.5 - 1
    if side in (None, pixels.shape[-1]):
        return pixels
    return F.interpolate(pixels, (side, side), mode="bicubic", antialias=True)


@torch.no_grad()
def score_vae(autoencoder: nn.Module, test: Tensor) -> dict[str, float]:
    """Return mean and least PSNR (dB) over images inside the painted part, and the mean over all of the crop."""
    device = next(autoencoder.parameters()).device
    painted = 1 - torch.from_numpy(keep_mask(test.shape[-1]))
    decoded = torch.cat([autoencoder(part.to(device))[0].cpu() for part in test.split(8)]).clamp(-1, 1)
    square = ((decoded - test) ** 2).mean(1)  # (N, R, R)
    inside = psnr((square * painted).sum((1, 2)) / painted.sum())
    return {
        "mask psnr": float(inside.mean()),
        "least mask psnr": float(inside.min()),
        "psnr": float(psnr(square.mean((1, 2))).mean()),
    }


def psnr(square: Tensor) -> Tensor:
    """Convert a mean squared error of values in -1..1 to dB."""
    return 10 * torch.log10(4 / square)


@torch.no_grad()
def latent_scale(vae: Any, images: Tensor) -> float:
    """Return the factor that brings latents to a standard deviation of 1."""
    device = next(vae.parameters()).device
    latents = torch.cat([vae.encode(part.to(device)).latent_dist.mean for part in images.split(8)])
    return round(float(1 / latents.std()), 4)
