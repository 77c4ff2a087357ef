"""Keep finished windows on disk, so that a run that was stopped can be continued."""

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

SAMPLING = ("steps", "guidance", "guided", "seed", "sampler", "reuse")
"""The options that change a window's latents, given its crops and tokens."""
FINGERPRINT_SAMPLES = 64
"""Values of each weight tensor that are hashed: training changes nearly all of them, so a few identify a checkpoint."""
LATENTS = "latents"


class WindowStore:
    """Final latents, keyed by all that they depend on: crops, tokens, sampling options and networks.

    So a window is found again exactly when denoising it would give the same latents, whatever was done in between.
    """

    def __init__(self, folder: Path, networks: str, options: Options) -> None:
        """networks: their fingerprint, see `fingerprint_networks`."""
        self._kept = Kept(folder, "window")
        sampling = [asdict(options)[name] for name in SAMPLING]
        self._common = hashlib.sha256(repr((networks, sampling)).encode())

    def key_of(self, crops: Array, tokens: Array) -> str:
        """Return the key of a window."""
        digest = self._common.copy()
        for array in (crops, tokens):
            digest.update(repr(array.shape).encode())
            digest.update(array.tobytes())
        return digest.hexdigest()[:32]

    def load(self, key: str) -> Tensor | None:
        """Return the latents of a finished window, None if there are none."""
        return self._kept.load(key, lambda arrays: torch.from_numpy(arrays[LATENTS]))

    def save(self, key: str, latents: Tensor) -> None:
        """Store a finished window."""
        self._kept.save(key, {LATENTS: latents.float().contiguous().cpu().numpy()})


def fingerprint_networks(models: LipSyncModels) -> str:
    """Hash the sizes, and a few values of each weight tensor, of all networks, as they are loaded: 16 hex digits.

    Another checkpoint has another hash, and so has the same one in another precision.
    """
    sizes = models.resolution, models.dtype, sorted(models.scheduler_config.items())
    return fingerprint_weights(sizes, models.unet, models.vae, models.whisper)


def fingerprint_weights(sizes: object, *networks: nn.Module) -> str:
    """Hash what `repr` says of the sizes, and a few values of each weight tensor: 16 hex digits."""
    digest = hashlib.sha256(repr(sizes).encode())
    for part in _sample_weights(*networks):
        digest.update(part)
    return digest.hexdigest()[:16]


def _sample_weights(*networks: nn.Module) -> Iterator[bytes]:
    for network in networks:
        for name, tensor in network.state_dict().items():
            flat = tensor.detach().flatten()
            sample = flat[:: max(1, len(flat) // FINGERPRINT_SAMPLES)].float().cpu().numpy()
            yield f"{name} {tuple(tensor.shape)}".encode() + sample.tobytes()
