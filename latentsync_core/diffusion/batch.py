"""How many windows are denoised at once: a GPU may be too large for the work of one."""

from __future__ import annotations

import logging
from dataclasses import replace

import torch

from ..models.bundle import LipSyncModels
from .memory import Slicer

log = logging.getLogger(__name__)

_MOST = 8

_SHARE = 0.8
"""Of the free memory: the rest is for what the allocator cannot use, and for other programs."""


def settle_batch(models: LipSyncModels, windows: int) -> LipSyncModels:
    """Return the models with a number as their `batch`, for a run of so many windows.

    Where that is None it is 1, but on CUDA what fits the free memory, up to 8, by the activations of one row of the
    UNet, which is run once. Raises DeviceError where not even that fits.
    """
    if models.batch is not None:
        return models
    if models.device.type != "cuda" or windows < 2:
        return replace(models, batch=1)
    row = measure_row(models)
    fits = int(_SHARE * _measure_free(models.device)) // (2 * row)  # with guidance a window has two rows
    batch = max(1, min(fits, _MOST, windows))
    log.info("A row of the UNet takes %d MB: %d windows at once.", row // 2**20, batch)
    return replace(models, batch=batch)


@torch.inference_mode()
def measure_row(models: LipSyncModels) -> int:
    """Return the bytes that the UNet takes for one row of a window, beside its weights."""
    unet, device, dtype = models.unet, models.device, models.dtype
    side = models.resolution // 2 ** (len(models.vae.config["block_out_channels"]) - 1)
    sample = torch.zeros(
        1, unet.config["in_channels"], models.window_frames, side, side, device=device, dtype=dtype
    )
    tokens = torch.zeros(
        1, models.window_frames, 1, unet.config["cross_attention_dim"], device=device, dtype=dtype
    )
    time = torch.zeros((), device=device)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    Slicer("UNet", 1)(lambda s, a: unet.predict_deep(s, time, a), sample, tokens)
    return torch.cuda.max_memory_allocated(device) - before


def _measure_free(device: torch.device) -> int:
    """Return the bytes that torch can still hand out: those of the device, and those that it keeps."""
    kept = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return torch.cuda.mem_get_info(device)[0] + kept
