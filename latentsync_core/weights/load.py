"""Files -> networks, every size read off the tensors, every tensor accounted for."""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import nn
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from ..errors import OptionError, WeightsMismatchError, enough_memory
from ..models.bundle import LipSyncModels
from ..models.fp8 import store_as_fp8
from ..models.unet import LatentSyncUNet, convert_unet_keys
from .catalogue import RELEASES, SCHEDULER_CONFIG
from .files import build, fill, make_mismatch_error, read_tensors, shapes_of, to_float32
from .infer import infer_unet_config, infer_vae_config, infer_whisper_config
from .locate import Checkpoint, find_checkpoint, find_vae_weights
from .manifest import read_json
from .place import FP8, Device, Dtype, pick_device, pick_dtype
from .rename import rename_vae, rename_whisper
from .scheduler import read_scheduler

log = logging.getLogger(__name__)

HEAD_WIDTH = 64
"""Channels of one attention head in all of OpenAI's Whisper models."""
_VAE_UNSEEN_SIZES: dict[str, Any] = {"norm_num_groups": 32, "scaling_factor": 0.18215, "shift_factor": 0.0}
"""What a VAE's tensors do not show, as in sd-vae-ft-mse."""


def load_unet(path: str | Path, *, heads: int = 8, groups: int = 32) -> LatentSyncUNet:
    """Load a LatentSync UNet, in the file's dtype, from `latentsync_unet.pt` or our .safetensors.

    heads, groups: attention heads and norm groups, the only sizes that tensors do not show. Raises
    WeightsMissingError, and WeightsMismatchError unless every tensor is what the network takes.
    """
    path, what = Path(path), "a LatentSync UNet"
    tensors = convert_unet_keys(read_tensors(path)[0])
    shapes = shapes_of(tensors)
    try:
        config = infer_unet_config(shapes, heads, groups)
    except KeyError as exc:
        raise make_mismatch_error(path, what, f"it has no {exc}", shapes) from exc
    widths = config["block_out_channels"]
    if any(width % heads or width % groups for width in widths):
        raise WeightsMismatchError(
            f"{path}: widths {widths} do not divide into {heads} heads and {groups} groups. A checkpoint of another "
            'size than 1.5 and 1.6 needs latentsync.json beside it: {"unet": {"heads": ..., "groups": ...}}.'
        )
    unet = build(lambda: LatentSyncUNet(**config), path, what, shapes)
    return fill(unet, tensors, path, what)


def load_whisper(path: str | Path, *, heads: int | None = None) -> WhisperEncoder:
    """Load Whisper's encoder in float32, without its last norm, from OpenAI's .pt or our .safetensors.

    heads: attention heads; None is the number in the file, else one for every 64 channels. Raises as `load_unet`.
    """
    path, what = Path(path), "a Whisper encoder"
    tensors, beside = read_tensors(path)
    renamed = to_float32(rename_whisper(tensors), path, what)
    shapes = shapes_of(renamed)
    try:
        config = infer_whisper_config(shapes)
    except KeyError as exc:
        raise make_mismatch_error(path, what, f"it has no {exc}", shapes_of(tensors)) from exc
    width = config["d_model"]
    heads = heads or _find_heads(beside) or width // HEAD_WIDTH
    if heads < 1 or width % heads:
        raise WeightsMismatchError(
            f"{path}: a Whisper {width} wide does not divide into {heads} heads; a size that OpenAI does not "
            'publish needs latentsync.json beside the UNet: {"whisper": {"heads": ...}}.'
        )
    settings = {**config, "encoder_attention_heads": heads}
    encoder = build(lambda: WhisperEncoder(WhisperConfig(**settings)), path, what, shapes)
    # LatentSync reads the states before the last norm, whose weights `rename_whisper` left out.
    encoder.layer_norm = nn.Identity()
    return fill(encoder, renamed, path, what)


def _find_heads(beside: Mapping[str, Any]) -> int | None:
    """Return the attention heads that OpenAI's files store beside their tensors, None where they do not."""
    dims = beside.get("dims")
    heads = dims.get("n_audio_head") if isinstance(dims, Mapping) else None
    return heads if isinstance(heads, int) and not isinstance(heads, bool) and heads > 0 else None


def load_vae(path: str | Path) -> AutoencoderKL:
    """Load a Stable Diffusion VAE, in the file's dtype, from a diffusers folder or one file in either naming.

    Groups and scaling come from the folder's config.json; without one they are those of sd-vae-ft-mse.
    Raises as `load_unet`.
    """
    path, what = Path(path), "a Stable Diffusion VAE"
    file = find_vae_weights(path)
    tensors = rename_vae(read_tensors(file)[0])
    shapes = shapes_of(tensors)
    config_file = file.parent / "config.json"
    unseen = _read_unseen_sizes(config_file) if path.is_dir() and config_file.is_file() else {}
    try:
        config = infer_vae_config(shapes) | _VAE_UNSEEN_SIZES | unseen
    except KeyError as exc:
        raise make_mismatch_error(file, what, f"it has no {exc}", shapes) from exc
    widths, groups = config["block_out_channels"], config["norm_num_groups"]
    if any(width % groups for width in widths):
        raise WeightsMismatchError(
            f"{file}: widths {widths} do not divide into {groups} groups; say norm_num_groups in {config_file}."
        )
    vae = build(lambda: AutoencoderKL(**config), file, what, shapes)
    return fill(vae, tensors, file, what)


def _read_unseen_sizes(config_file: Path) -> dict[str, Any]:
    """Read what tensors do not show from a config; WeightsMismatchError where that is no number of its kind."""
    published = read_json(config_file)
    unseen = {key: published[key] for key in _VAE_UNSEEN_SIZES if published.get(key) is not None}
    groups = unseen.get("norm_num_groups", 1)
    numbers = [unseen.get("scaling_factor", 1), unseen.get("shift_factor", 0), groups]
    kinds_hold = all(type(number) in (int, float) and math.isfinite(number) for number in numbers)
    if not (kinds_hold and type(groups) is int and groups > 0 and numbers[0] > 0):
        raise WeightsMismatchError(
            f"{config_file} takes a whole norm_num_groups > 0, a scaling_factor > 0 and a number as shift_factor, "
            f"got {unseen}. Restore or delete it."
        )
    return unseen


def load_models(
    source: str | Path | Checkpoint,
    resolution: int | None = None,
    device: Device = None,
    dtype: Dtype = None,
    folders: Sequence[str | Path] = (),
    *,
    with_unet: bool = True,
    batch: int | None = 1,
    compile: bool = False,
) -> LipSyncModels:
    """Load a whole checkpoint: `nano`, `1.5`, `1.6`, or a folder in the published layout.

    resolution: side of the face crop; None is that of the checkpoint. device: None is CUDA, else MPS, else
    the CPU. dtype: None is float16 on CUDA and float32 elsewhere; fp8 computes in the same but keeps the weights of
    the UNet as float8, in half the memory of float16. folders: searched before `default_folders`. with_unet: False
    leaves the UNet in its file, which takes no memory, for who plans and composites while others denoise.
    batch: windows denoised at once, 1..32; None is what fits the free memory of a GPU, and 1 elsewhere.
    compile: whether the UNet is compiled, for which the first window takes minutes.
    Raises WeightsError, OptionError (no resolution known, no such batch) or DeviceError (absent, or out of memory).
    """
    place = pick_device(device)
    kind = pick_dtype(dtype, place)
    checkpoint = source if isinstance(source, Checkpoint) else find_checkpoint(source, folders)
    manifest = checkpoint.manifest
    log.info("Loading %s: %s, %s, %s.", checkpoint.name, checkpoint.unet, checkpoint.whisper, checkpoint.vae)
    models = LipSyncModels(
        unet=load_unet(checkpoint.unet, heads=manifest.unet_heads, groups=manifest.unet_groups),
        vae=load_vae(checkpoint.vae),
        whisper=load_whisper(checkpoint.whisper, heads=manifest.whisper_heads),
        scheduler_config=scheduler_config_of(checkpoint),
        resolution=_choose_resolution(checkpoint, resolution),
        name=checkpoint.name,
        device=torch.device("cpu"),
        dtype=torch.float32,
        window_frames=manifest.window_frames,
        align_resolution=manifest.align_resolution,
        note=manifest.note,
        faces=manifest.faces,
        batch=batch,
        compile=compile,
    )
    if dtype in FP8 and with_unet:
        store_as_fp8(models.unet)
    with enough_memory(
        f"{checkpoint.name} does not fit into the free memory of {place}; free some, or use dtype=fp8 or device=cpu."
    ):
        return models.to(place, kind, with_unet=with_unet)


def scheduler_config_of(checkpoint: Checkpoint) -> dict[str, Any]:
    """Return the checkpoint's own scheduler config, or the published one."""
    return read_scheduler(checkpoint.scheduler) if checkpoint.scheduler else dict(SCHEDULER_CONFIG)


def _choose_resolution(checkpoint: Checkpoint, asked: int | None) -> int:
    known = checkpoint.resolution
    if asked is None and known is None:
        sizes = ", ".join(f"{release.resolution} for {name}" for name, release in RELEASES.items())
        raise OptionError(
            f"{checkpoint.unet} does not say its resolution, and 1.5 and 1.6 have the same tensors. "
            f"Give resolution ({sizes}), or name its folder after the version."
        )
    if asked is not None and known not in (None, asked):
        log.warning("%s was trained at %s px and is used at %s px.", checkpoint.name, known, asked)
    return asked or known or 0
