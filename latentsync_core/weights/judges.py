"""Files -> the networks that only judge: SyncNet, and VideoMAE for the temporal distance."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from transformers import VideoMAEConfig
from transformers.models.videomae.modeling_videomae import get_sinusoid_encoding_table

from ..errors import InputError, WeightsMismatchError
from ..models.syncnet import AUDIO, VISUAL, EncoderConfig, StableSyncNet, convert_syncnet_keys
from ..models.videomae import ClipEncoder, convert_videomae_keys
from .catalogue import VAE_WEIGHTS
from .files import fill, mismatch, read_tensors, shapes_of
from .infer import videomae_config
from .manifest import read_json

_VIDEOMAE_UNSEEN: dict[str, Any] = {
    "image_size": 224,
    "num_frames": 16,
    "num_attention_heads": 16,
    "layer_norm_eps": 1e-6,
}
"""What a VideoMAE's tensors do not say, as in VideoMAEv2-g (videomaev2_finetune.py, vit_giant_patch14_224)."""


def load_syncnet(path: str | Path) -> StableSyncNet:
    """Load a SyncNet in float32: the published `stable_syncnet.pt`, or a folder with config.json and safetensors.

    Raises WeightsMissingError, and WeightsMismatchError unless every tensor is what the network takes.
    """
    path, what = Path(path), "a LatentSync SyncNet"
    file, config = _form(path)
    tensors = {key: value.float() for key, value in convert_syncnet_keys(read_tensors(file)[0]).items()}
    visual, audio = (VISUAL, AUDIO) if config is None else _encoder_configs(config, path / "config.json")
    with torch.device("meta"):
        syncnet = StableSyncNet(visual, audio)
    return fill(syncnet, tensors, file, what)


def load_clip_encoder(path: str | Path) -> ClipEncoder:
    """Load a VideoMAE in float32: the published VideoMAEv2-g file, or a folder with config.json and safetensors.

    The published file is `vit_g_hybrid_pt_1200e_ssv2_ft.pth`, which upstream trains with. Raises as `load_syncnet`.
    """
    path, what = Path(path), "a VideoMAE with fc_norm"
    file, config = _form(path)
    tensors = {key: value.float() for key, value in convert_videomae_keys(read_tensors(file)[0]).items()}
    shapes = shapes_of(tensors)
    try:
        sizes = videomae_config(shapes)
    except KeyError as exc:
        raise mismatch(file, what, f"it has no {exc}", shapes) from exc
    sizes |= _unseen(config or {}, sizes["hidden_size"], path)
    with torch.device("meta"):
        encoder = ClipEncoder(VideoMAEConfig(**sizes))
    embeddings = encoder.model.embeddings
    # not a parameter, so it would stay on the meta device
    embeddings.position_embeddings = get_sinusoid_encoding_table(embeddings.num_patches, sizes["hidden_size"])
    return fill(encoder, tensors, file, what)


def _form(path: Path) -> tuple[Path, dict[str, Any] | None]:
    """The file with the tensors and, of a folder, the config beside it."""
    if not path.is_dir():
        return path, None
    config = path / "config.json"
    if not config.is_file():
        raise WeightsMismatchError(
            f"{path} lacks config.json, which says the network's sizes; write it again."
        )
    return path / VAE_WEIGHTS, read_json(config)


def _encoder_configs(content: dict[str, Any], path: Path) -> tuple[EncoderConfig, EncoderConfig]:
    try:
        visual, audio = (EncoderConfig.from_json(content[f"{name}_encoder"]) for name in ("visual", "audio"))
    except (KeyError, TypeError, ValueError, InputError) as exc:
        raise WeightsMismatchError(
            f"{path} takes visual_encoder and audio_encoder with in_channels, block_out_channels, "
            f"downsample_factors and attn_blocks, as upstream's configs/syncnet; {type(exc).__name__}: {exc}"
        ) from exc
    return visual, audio


def _unseen(config: dict[str, Any], width: int, path: Path) -> dict[str, Any]:
    """What a VideoMAE's tensors do not say: as the config has it, else as published."""
    sizes = {key: config.get(key, published) for key, published in _VIDEOMAE_UNSEEN.items()}
    wrong = [k for k, v in sizes.items() if type(v) is not type(_VIDEOMAE_UNSEEN[k]) or v <= 0]
    if wrong or width % sizes["num_attention_heads"]:
        raise WeightsMismatchError(
            f"{path}: a VideoMAE {width} wide takes numbers above 0 for {', '.join(sizes)}, with heads that divide "
            f"the width; got {sizes}."
        )
    return sizes
