"""Predict the noise of a window: classifier-free guidance, and reuse of deep features between steps."""

from __future__ import annotations

import torch
from torch import Tensor

from ..models.unet import LatentSyncUNet
from ..models.walk import UNetWalk
from .memory import Slicer


class NoisePredictor:
    """Calls the UNet for one window, step after step.

    With guidance the batch has two rows, unconditional and conditioned on speech; they run together, or one after the
    other when memory is short (the norms are per row, so the result is the same).
    """

    def __init__(
        self,
        unet: LatentSyncUNet | UNetWalk,
        condition: Tensor,
        tokens: Tensor,
        *,
        guidance: float,
        reuse: int,
        rows: Slicer,
    ) -> None:
        """condition: (1, 1 + 2C, F, h, w); tokens: (1, F, tokens, width), of the dtype to compute in."""
        self._unet, self._condition, self._rows = unet, condition, rows
        self._guidance, self._reuse = guidance, reuse
        self._tokens = torch.cat([torch.zeros_like(tokens), tokens]) if guidance > 1 else tokens
        self._deep: Tensor | None = None

    def __call__(self, step: int, timestep: Tensor, latents: Tensor) -> Tensor:
        """Predict the noise in `latents` (1, C, F, h, w), float32; every `reuse`-th step runs the whole UNet."""
        sample = torch.cat([latents, self._condition], 1).to(self._tokens.dtype)
        noise = self._predict(step, timestep, sample.expand(len(self._tokens), -1, -1, -1, -1)).float()
        if self._guidance <= 1:
            return noise
        unconditional, conditioned = noise.chunk(2)
        return unconditional + self._guidance * (conditioned - unconditional)

    def _predict(self, step: int, t: Tensor, sample: Tensor) -> Tensor:
        if self._reuse == 1:
            return torch.cat(self._rows(lambda s, a: self._unet.predict(s, t, a), sample, self._tokens))
        if step % self._reuse == 0 or self._deep is None:
            pairs = self._rows(lambda s, a: self._unet.predict_deep(s, t, a), sample, self._tokens)
            noise, self._deep = (torch.cat(parts) for parts in zip(*pairs, strict=True))
            return noise
        return torch.cat(
            self._rows(
                lambda s, a, d: self._unet.predict_shallow(s, t, a, d), sample, self._tokens, self._deep
            )
        )
