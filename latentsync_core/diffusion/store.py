"""Keep finished windows on disk, so that a run that was stopped goes on where it was."""

from __future__ import annotations

import hashlib
import logging
import os
import re
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from ..data import Array
from ..models.bundle import LipSyncModels
from ..options import Options

log = logging.getLogger(__name__)

SAMPLING = ("steps", "guidance", "seed", "sampler", "reuse")
"""The options that change a window's latents, given its crops and tokens."""
SAMPLES = 64
"""Values of each weight tensor that tell one checkpoint from another: training moves nearly all of them."""
LATENTS = "latents"
_WINDOW = re.compile(r"[0-9a-f]{32}\.(safetensors|part)")


class WindowStore:
    """Final latents by the content they depend on: crops, tokens, sampling options and networks.

    Whatever changes in between (another clip, another seed, another checkpoint), a window is found again
    when denoising it would give the same latents. The store only saves time: a file that cannot be read is
    made again, and where nothing can be written the run goes on without it.
    """

    def __init__(self, folder: Path, models: LipSyncModels, options: Options) -> None:
        self._folder, self._writable = folder, not folder.is_symlink()
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
        try:
            return load_file(self._path(key))[LATENTS]
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError, KeyError) as exc:
            log.warning("A finished window in %s cannot be read and is made again: %s.", self._folder, exc)
            return None

    def save(self, key: str, latents: Tensor) -> None:
        """Keep a finished window."""
        if not self._writable:
            return
        part = self._path(key).with_suffix(".part")
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            save_file({LATENTS: latents.to("cpu", torch.float32).contiguous()}, part)
            os.replace(part, self._path(key))
        except (SafetensorError, OSError) as exc:
            self._writable = False
            log.warning("Finished windows are no longer kept in %s: %s.", self._folder, exc)

    def _path(self, key: str) -> Path:
        return self._folder / f"{key}.safetensors"


def forget_windows(folder: Path) -> None:
    """Remove the windows that stores kept in a folder, and the folder where nothing else is in it.

    Another file in it is somebody else's and stays, as does a link. What cannot be removed stays as well.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    with suppress(OSError):
        for path in folder.iterdir():
            if _WINDOW.fullmatch(path.name):
                path.unlink(missing_ok=True)
        folder.rmdir()


def _fingerprint(*networks: nn.Module) -> Iterator[bytes]:
    for network in networks:
        for name, tensor in network.state_dict().items():
            flat = tensor.detach().flatten()
            sample = flat[:: max(1, len(flat) // SAMPLES)].float().cpu().numpy()
            yield f"{name} {tuple(tensor.shape)}".encode() + sample.tobytes()
