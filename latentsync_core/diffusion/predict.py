"""Predict the noise of windows: classifier-free guidance, and reuse of deep features between steps."""

from __future__ import annotations

import torch
from torch import Tensor

from ..models.compiled import CompiledUNet
from ..models.unet import LatentSyncUNet
from ..models.walk import UNetWalk
from .memory import Slicer

Network = LatentSyncUNet | UNetWalk | CompiledUNet


class NoisePredictor:
    """Calls the UNet for one window or several, step after step.

    In guided steps each window has two rows, unconditional and conditioned on speech, else the conditioned one. All
    rows run together, or in slices when memory is short: the norms are per row, so the result is the same.
    """

    def __init__(
        self,
        unet: Network,
        condition: Tensor,
        tokens: Tensor,
        *,
        guidance: float,
        unguided: int,
        reuse: int,
        rows: Slicer,
    ) -> None:
        """condition: (N, 1 + 2C, F, h, w); tokens: (N, F, tokens, width), of the dtype to compute in.

        unguided: how many steps run before those that `guidance` is used in.
        """
        self._unet, self._condition, self._rows = unet, condition, rows
        self._guidance, self._unguided, self._reuse = guidance, unguided, reuse
        self._tokens = torch.cat([torch.zeros_like(tokens), tokens])
        self._deep: Tensor | None = None

    def __call__(self, step: int, timestep: Tensor, latents: Tensor) -> Tensor:
        """Predict the noise in `latents` (N, C, F, h, w), float32; every `reuse`-th step runs the whole UNet."""
        guided = step >= self._unguided
        tokens = self._tokens if guided else self._tokens[len(latents) :]
        sample = torch.cat([latents, self._condition], 1).to(tokens.dtype)
        # Of one window this is a view, by which the walk knows that both rows have the same sample.
        rows = sample.expand(len(tokens) // len(sample), *sample.shape).flatten(0, 1)
        noise = self._predict(step, timestep, rows, tokens).float()
        if not guided:
            return noise
        unconditional, conditioned = noise.chunk(2)
        return unconditional + self._guidance * (conditioned - unconditional)

    def _predict(self, step: int, t: Tensor, sample: Tensor, tokens: Tensor) -> Tensor:
        if self._reuse == 1:
            return torch.cat(self._rows(lambda s, a: self._unet.predict(s, t, a), sample, tokens))
        # The first guided step has a row of which no deep features were kept.
        if step % self._reuse == 0 or self._deep is None or len(self._deep) < len(tokens):
            pairs = self._rows(lambda s, a: self._unet.predict_deep(s, t, a), sample, tokens)
            noise, self._deep = (torch.cat(parts) for parts in zip(*pairs, strict=True))
            return noise
        return torch.cat(
            self._rows(lambda s, a, d: self._unet.predict_shallow(s, t, a, d), sample, tokens, self._deep)
        )
