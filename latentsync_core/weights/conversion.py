"""Write a checkpoint as .safetensors in our layout, which loads faster, is half as long and cannot hold code."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from diffusers import AutoencoderKL
from safetensors import SafetensorError
from safetensors.torch import save_file
from torch import nn
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from ..errors import OutputError
from ..models.syncnet import StableSyncNet
from ..models.unet import LatentSyncUNet
from ..models.videomae import ClipEncoder
from ..partial import partial_path, remove_abandoned
from .catalogue import VAE_WEIGHTS
from .evaluators import load_syncnet
from .load import load_unet, load_vae, load_whisper, scheduler_config_of
from .locate import CLIP_ENCODER_FOLDER, SYNCNET_FOLDER, Checkpoint
from .manifest import MANIFEST_FILE, Manifest


def convert_checkpoint(
    checkpoint: Checkpoint, folder: str | Path, dtype: torch.dtype = torch.float16
) -> Path:
    """Write all of a checkpoint into a new folder that `load_models` takes, and return that folder.

    dtype: precision of all tensors in the files. The folder appears only when it is complete. Raises
    WeightsError as the loaders do, and OutputError if the folder is not empty or cannot be written.
    """
    manifest = checkpoint.manifest
    whisper = load_whisper(checkpoint.whisper, heads=manifest.whisper_heads)
    return write_checkpoint(
        folder,
        load_unet(checkpoint.unet, heads=manifest.unet_heads, groups=manifest.unet_groups),
        load_vae(checkpoint.vae),
        whisper,
        replace(manifest, resolution=checkpoint.resolution),
        scheduler_config_of(checkpoint),
        dtype,
        load_syncnet(checkpoint.syncnet) if checkpoint.syncnet else None,
    )


def write_checkpoint(
    folder: str | Path,
    unet: LatentSyncUNet,
    vae: AutoencoderKL,
    whisper: WhisperEncoder,
    manifest: Manifest,
    scheduler: Mapping[str, Any],
    dtype: torch.dtype = torch.float16,
    syncnet: StableSyncNet | None = None,
    clip_encoder: ClipEncoder | None = None,
) -> Path:
    """Write networks as a checkpoint folder; raises OutputError. See `convert_checkpoint`."""
    manifest = replace(manifest, whisper_heads=int(whisper.config.encoder_attention_heads))
    with _fill_new_folder(Path(folder)) as home:
        _save(unet, home / "latentsync_unet.safetensors", dtype)
        _save(whisper, home / "whisper" / "whisper.safetensors", dtype)
        _save(vae, home / "vae" / VAE_WEIGHTS, dtype)
        _write(home / "vae" / "config.json", vae.to_json_string())
        _write(home / "scheduler" / "scheduler_config.json", json.dumps(dict(scheduler), indent=1) + "\n")
        _write(home / MANIFEST_FILE, manifest.to_json())
        if syncnet is not None:
            _save(syncnet, home / SYNCNET_FOLDER / VAE_WEIGHTS, dtype)
            configs = {name: config.to_json() for name, config in syncnet.configs.items()}
            content = json.dumps({"knows": syncnet.knows, **configs}, indent=1) + "\n"
            _write(home / SYNCNET_FOLDER / "config.json", content)
        if clip_encoder is not None:
            _save(clip_encoder, home / CLIP_ENCODER_FOLDER / VAE_WEIGHTS, dtype)
            _write(home / CLIP_ENCODER_FOLDER / "config.json", clip_encoder.model.config.to_json_string())
    return Path(folder)


@contextmanager
def _fill_new_folder(folder: Path) -> Iterator[Path]:
    """Give a folder to fill that takes the name `folder` at the end, or vanishes on an error."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise OutputError(f"{folder} exists and is not empty; give a new folder, or delete it first.")
    folder = folder.absolute()
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        remove_abandoned(folder)
        with partial_path(folder) as partial:
            partial.mkdir()
            yield partial
            # Windows renames onto no folder that is there, not even an empty one.
            if folder.exists():
                folder.rmdir()
            partial.rename(folder)
    except (OSError, SafetensorError) as exc:
        raise OutputError(
            f"{folder} cannot be written: {exc}. Check the free space and the folder's rights."
        ) from exc


def _save(module: nn.Module, path: Path, dtype: torch.dtype) -> None:
    path.parent.mkdir(exist_ok=True)
    tensors = {key: value.to("cpu", dtype).contiguous() for key, value in module.state_dict().items()}
    save_file(tensors, path, metadata={"format": "pt"})
    path.chmod(0o644)  # safetensors makes files that only their owner can read


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
