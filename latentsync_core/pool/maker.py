"""What a worker does: load the networks once, then make one window after the other."""

from __future__ import annotations

import platform
from collections.abc import Callable
from functools import lru_cache

import torch

from ..diffusion import Denoiser, WindowInput, fingerprint_networks
from ..faces import keep_mask
from ..models.bundle import LipSyncModels
from ..options import Options
from ..version import __version__
from ..weights import load_models
from .source import ModelSource
from .task import MadeWindow, WindowTask, WorkerIdentity

_DENOISERS = 3
"""Clips that share a pool may have options of their own; making a denoiser anew costs little beside a window."""


def load_maker(source: ModelSource, device: str | None, threads: int) -> NetworkMaker:
    """See `ModelSource.load`."""
    torch.set_num_threads(threads)
    return NetworkMaker(
        load_models(
            source.model, source.resolution, device, source.dtype, source.folders, compile=source.compile
        )
    )


class NetworkMaker:
    """Makes windows with networks that are loaded; a `Maker`."""

    def __init__(self, models: LipSyncModels) -> None:
        self._models = models
        self._denoiser_of = lru_cache(_DENOISERS)(self._make_denoiser)
        self.identity = WorkerIdentity(
            networks=fingerprint_networks(models),
            precision=models.precision,
            device=name_device(models.device),
            torch=torch.__version__,
            version=__version__,
            place=f"{models.device} of {platform.node()}",
            threads=torch.get_num_threads(),
        )

    def make(self, task: WindowTask, on_step: Callable[[], None] = lambda: None) -> MadeWindow:
        """Denoise a window, unless that was done, and decode it. on_step: called after each step; may raise."""
        self._on_step = on_step
        denoiser = self._denoiser_of(task.options)
        if task.latents is None:
            latents = denoiser.denoise(WindowInput(task.crops, task.tokens))
        else:
            latents = torch.from_numpy(task.latents)
        return MadeWindow(latents.float().contiguous().cpu().numpy(), denoiser.decode(latents))

    def _make_denoiser(self, options: Options) -> Denoiser:
        return Denoiser(self._models, keep_mask(self._models.resolution), options, lambda: self._on_step())


def name_device(device: torch.device) -> str:
    """Name the hardware that computes: two of one name give the same bits."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    if device.type == "cpu":
        return f"CPU with {torch.backends.cpu.get_cpu_capability()}"
    return device.type
