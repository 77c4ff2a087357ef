"""Keep finished windows on disk, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from ..data import Array
from ..errors import OutputError
from ..models.bundle import LipSyncModels
from ..options import Options

SAMPLING = ("steps", "guidance", "seed", "sampler", "reuse")
"""The options that change a window's latents, given its crops and tokens."""


class WindowStore:
    """Final latents by the content they depend on: crops, tokens, sampling options and checkpoint.

    Whatever changes in between (another clip, another seed, another checkpoint), a window is found again
    exactly when denoising it would give the same latents.
    """

    def __init__(self, folder: Path, models: LipSyncModels, options: Options) -> None:
        self._folder = folder
        digest = hashlib.sha256(repr([asdict(options)[name] for name in SAMPLING]).encode())
        digest.update(
            repr((models.resolution, models.dtype, sorted(models.scheduler_config.items()))).encode()
        )
        for weight in (models.unet.conv_in.weight, models.unet.conv_out.weight):
            digest.update(weight.detach().float().cpu().numpy().tobytes())
        self._common = digest

    def get(self, crops: Array, tokens: Array, denoise: Callable[[Array, Array], Tensor]) -> Tensor:
        """The stored latents of this window, or those that `denoise` makes, which are then stored."""
        digest = self._common.copy()
        digest.update(crops.tobytes())
        digest.update(tokens.tobytes())
        path = self._folder / f"{digest.hexdigest()[:32]}.safetensors"
        if path.exists():
            return load_file(path)["latents"]
        latents = denoise(crops, tokens)
        self._save(latents, path)
        return latents

    def _save(self, latents: Tensor, path: Path) -> None:
        part = path.with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            save_file({"latents": latents.to("cpu", torch.float32).contiguous()}, part)
            os.replace(part, path)
        except OSError as exc:
            raise OutputError(f"Cannot keep finished windows in {self._folder}: {exc}.") from exc
