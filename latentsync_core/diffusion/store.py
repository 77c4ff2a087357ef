"""Keep finished windows on disk, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

import torch
from torch import Tensor, nn

from ..data import Array
from ..kept import Kept
from ..models.bundle import LipSyncModels
from ..options import Options

SAMPLING = ("steps", "guidance", "seed", "sampler", "reuse")
"""The options that change a window's latents, given its crops and tokens."""
FINGERPRINT_SAMPLES = 64
"""Values of each weight tensor that tell one checkpoint from another: training moves nearly all of them."""
LATENTS = "latents"


class WindowStore:
    """Final latents by the content they depend on: crops, tokens, sampling options and networks.

    Whatever changes in between (another clip, another seed, another checkpoint), a window is found again
    when denoising it would give the same latents.
    """

    def __init__(self, folder: Path, models: LipSyncModels, options: Options) -> None:
        self._kept = Kept(folder, "window")
        digest = hashlib.sha256(repr([asdict(options)[name] for name in SAMPLING]).encode())
        digest.update(
            repr((models.resolution, models.dtype, sorted(models.scheduler_config.items()))).encode()
        )
        for part in _fingerprint(models.unet, models.vae):
            digest.update(part)
        self._common = digest

    def key(self, crops: Array, tokens: Array) -> str:
        """The name of a window."""
        digest = self._common.copy()
        for array in (crops, tokens):
            digest.update(repr(array.shape).encode())
            digest.update(array.tobytes())
        return digest.hexdigest()[:32]

    def load(self, key: str) -> Tensor | None:
        """The latents of a finished window, None if there are none."""
        return self._kept.load(key, lambda arrays: torch.from_numpy(arrays[LATENTS]))

    def save(self, key: str, latents: Tensor) -> None:
        """Keep a finished window."""
        self._kept.save(key, {LATENTS: latents.float().contiguous().cpu().numpy()})


def _fingerprint(*networks: nn.Module) -> Iterator[bytes]:
    for network in networks:
        for name, tensor in network.state_dict().items():
            flat = tensor.detach().flatten()
            sample = flat[:: max(1, len(flat) // FINGERPRINT_SAMPLES)].float().cpu().numpy()
            yield f"{name} {tuple(tensor.shape)}".encode() + sample.tobytes()
