"""Convert between crops in 8-bit units and VAE latents."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from diffusers.models.autoencoders.vae import DiagonalGaussianDistribution
from torch import Tensor

from .memory import Slicer


class LatentCodec:
    """Encodes and decodes windows with a VAE, in slices that fit the device.

    Latents are the mode of the VAE's distribution, so that they depend on nothing but the image; with a generator
    they are sampled from it, as upstream does.
    """

    def __init__(self, vae: Any) -> None:
        self._vae = vae
        self._scale: float = vae.config.scaling_factor
        self._shift: float = vae.config.shift_factor or 0.0
        self._slicer = Slicer("VAE", 8)

    def encode(self, pixels: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """Encode pixels (F, 3, R, R) in -1..1 to scaled latents (1, C, F, h, w), float32."""
        # Only the moments come out of the slices and are sampled at once: the generator's draws must not depend on
        # how many slices fit the device.
        moments = torch.cat(self._slicer(self._encode_moments, pixels))
        posterior = DiagonalGaussianDistribution(moments)
        latents = posterior.mode() if generator is None else posterior.sample(generator)
        return ((latents - self._shift) * self._scale).transpose(0, 1)[None]

    def decode(self, latents: Tensor) -> Tensor:
        """Decode scaled latents (1, C, F, h, w) to pixels (F, 3, R, R), about -1..1, float32."""
        frames = latents[0].transpose(0, 1) / self._scale + self._shift
        return torch.cat(self._slicer(self._decode_frames, frames))

    def _encode_moments(self, pixels: Tensor) -> Tensor:
        distribution = self._vae.encode(pixels.to(self._vae.device, self._vae.dtype)).latent_dist
        return distribution.parameters.float()

    def _decode_frames(self, latents: Tensor) -> Tensor:
        return self._vae.decode(latents.to(self._vae.device, self._vae.dtype)).sample.float()


def to_pixels(crops: npt.NDArray[np.float32]) -> Tensor:
    """Convert crops (F, R, R, 3) in 0..255 to pixels (F, 3, R, R) in -1..1."""
    return torch.from_numpy(crops).permute(0, 3, 1, 2).contiguous().div(255).sub_(0.5).div_(0.5)


def to_crops(pixels: Tensor) -> npt.NDArray[np.float32]:
    """Convert pixels (F, 3, R, R) in -1..1 to crops (F, R, R, 3) in 0..255, not clipped; overwrites `pixels`."""
    return pixels.div_(2).add_(0.5).mul_(255).permute(0, 2, 3, 1).contiguous().cpu().numpy()


def mask_latent(keep: Tensor, size: tuple[int, int]) -> Tensor:
    """Resize the keep mask (R, R) to latents (1, 1, 1, h, w) by nearest neighbour, as upstream."""
    return F.interpolate(keep[None, None], size=size)[:, :, None]
