"""Models under ComfyUI's memory management."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from itertools import chain
from typing import TYPE_CHECKING

import comfy.model_management as mm
import torch
from comfy.model_patcher import ModelPatcher
from torch import nn

from ...latentsync_core.errors import DeviceError, enough_memory
from . import checkpoints
from .media import check_option

if TYPE_CHECKING:
    from ...latentsync_core import LipSyncModels

PRECISIONS = ("auto", "fp32", "fp16", "bf16", "fp8")
MEMORY_MODES = ("auto", "keep", "offload")

VALUES_PER_PIXEL = 8000
"""Activations in memory at once, per pixel of the crop: the VAE has up to 1000 a pixel, for 8 frames at a time."""
_ADVICE = (
    'On LatentSync Load Model, choose precision "fp8" or "fp16", or 1.5 instead of 1.6; free memory that other '
    "models and programs hold."
)


@dataclass(frozen=True, eq=False)
class LoadedModel:
    """The value of a LATENTSYNC_MODEL link: the networks, and what ComfyUI needs to move them."""

    models: LipSyncModels
    """On the CPU while nothing runs."""
    patchers: tuple[ModelPatcher, ...]
    memory: str

    @contextmanager
    def on_device(self) -> Iterator[LipSyncModels]:
        """Give the models, all on ComfyUI's device; raises DeviceError where they do not fit."""
        device = self.patchers[0].load_device
        try:
            with explain_out_of_memory():
                mm.load_models_gpu(
                    list(self.patchers), memory_required=self._estimate_room(), force_full_load=True
                )
                for patcher in self.patchers:
                    _move_rest(patcher.model, device)
            yield replace(self.models, device=device)
        finally:
            if self.memory == "offload" or mm.vram_state == mm.VRAMState.NO_VRAM:
                self._unload()

    def _estimate_room(self) -> int:
        """Return the bytes that a run needs beside the weights."""
        itemsize = torch.empty(0, dtype=self.models.dtype).element_size()
        return self.models.resolution**2 * VALUES_PER_PIXEL * itemsize

    def _unload(self) -> None:
        for patcher in self.patchers:
            mm.unload_model_and_clones(patcher)
            patcher.model.to(patcher.offload_device)  # also what was moved without ComfyUI's knowledge
        mm.soft_empty_cache()


def load(source: str, precision: str, memory: str, batch: int = 1, compile: bool = False) -> LoadedModel:
    """Load a checkpoint into main memory, ready to be moved; raises WeightsError and OptionError.

    batch: windows at once, 0 for what fits. compile: whether the UNet is compiled.
    """
    from ...latentsync_core.weights import load_models
    from ...latentsync_core.weights.place import pick_dtype

    check_option("precision", precision, PRECISIONS)
    check_option("memory", memory, MEMORY_MODES)
    device = mm.get_torch_device()
    dtype = pick_dtype(None if precision == "auto" else precision, device)  # refuses what the device lacks
    if precision in ("auto", "fp8"):
        dtype = _choose_dtype(device)
    kept = "fp8" if precision == "fp8" else None
    folders = checkpoints.list_folders()
    models = load_models(source, None, "cpu", kept, folders, batch=batch or None, compile=compile)
    return manage(models.to(torch.device("cpu"), dtype), device, memory)


def load_best() -> LoadedModel:
    """Load the best checkpoint on this machine, for nodes without a connected model; downloads nothing."""
    return load(checkpoints.find_best(), "auto", "auto")


def manage(models: LipSyncModels, device: torch.device, memory: str) -> LoadedModel:
    """Put networks that are on the CPU under ComfyUI's management."""
    rest = device if memory == "keep" else mm.unet_offload_device()
    # ModelPatcher sets `device` and more on its module, which diffusers' modules do not allow.
    holders = [nn.Sequential(network) for network in (models.unet, models.vae, models.whisper)]
    patchers = tuple(ModelPatcher(holder, load_device=device, offload_device=rest) for holder in holders)
    return LoadedModel(models, patchers, memory)


@contextmanager
def on_device(network: nn.Module) -> Iterator[None]:
    """Keep a network on ComfyUI's device while the block runs; raises DeviceError where it does not fit."""
    device = mm.get_torch_device()
    patcher = ModelPatcher(nn.Sequential(network), load_device=device, offload_device=torch.device("cpu"))
    try:
        with explain_out_of_memory():
            mm.load_models_gpu([patcher], force_full_load=True)
            _move_rest(patcher.model, device)
            yield
    finally:
        mm.unload_model_and_clones(patcher)


@contextmanager
def explain_out_of_memory() -> Iterator[None]:
    """Turn the block's out-of-memory errors into a DeviceError that says what to change in ComfyUI."""
    with enough_memory(f"The device is out of memory. {_ADVICE}"):
        yield


def _choose_dtype(device: torch.device) -> torch.dtype:
    """Return the dtype in which ComfyUI computes on a device."""
    if mm.should_use_fp16(device):
        return torch.float16
    return torch.bfloat16 if mm.should_use_bf16(device) else torch.float32


def _move_rest(module: nn.Module, device: torch.device) -> None:
    """Move the tensors that ComfyUI has not: where its budget is small (--novram) it loads only a part."""
    if _list_elsewhere(module, device):
        module.to(device)
    if stranded := _list_elsewhere(module, device):
        raise DeviceError(
            f"{len(stranded)} tensors did not move to {device}, {stranded[0]} among them. Start ComfyUI without "
            "--novram and --lowvram."
        )


def _list_elsewhere(module: nn.Module, device: torch.device) -> list[str]:
    tensors = chain(module.named_parameters(), module.named_buffers())
    return [name for name, tensor in tensors if not _is_same(tensor.device, device)]


def _is_same(place: torch.device, device: torch.device) -> bool:
    return place.type == device.type and device.index in (None, place.index)
