"""Files -> the networks that only evaluate: SyncNet, and VideoMAE for the temporal distance."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

from transformers import VideoMAEConfig
from transformers.models.videomae.modeling_videomae import get_sinusoid_encoding_table

from ..errors import InputError, WeightsMismatchError
from ..models.syncnet import AUDIO, KNOWS, VISUAL, EncoderConfig, StableSyncNet, convert_syncnet_keys
from ..models.videomae import ClipEncoder, convert_videomae_keys, name_biases
from .catalogue import VAE_WEIGHTS
from .files import build, fill, make_mismatch_error, read_tensors, shapes_of, to_float32
from .infer import infer_videomae_config
from .manifest import read_json

_VIDEOMAE_UNSEEN_SIZES: dict[str, Any] = {
    "image_size": 224,
    "num_frames": 16,
    "num_attention_heads": 16,
    "layer_norm_eps": 1e-6,
}
"""Sizes that a VideoMAE's tensors do not show, as in VideoMAEv2-g (videomaev2_finetune.py, vit_giant_patch14_224)."""
_MAX_POSITIONS = 16384


def load_syncnet(path: str | Path) -> StableSyncNet:
    """Load a SyncNet in float32: the published `stable_syncnet.pt`, or a folder with config.json and safetensors.

    Raises WeightsMissingError, and WeightsMismatchError unless every tensor is what the network takes.
    """
    path, what = Path(path), "a LatentSync SyncNet"
    file, config = _locate_files(path)
    tensors = to_float32(convert_syncnet_keys(read_tensors(file)[0]), file, what)
    visual, audio = (VISUAL, AUDIO) if config is None else _read_encoder_configs(config, path / "config.json")
    knows = str((config or {}).get("knows", KNOWS))
    syncnet = build(lambda: StableSyncNet(visual, audio, knows), file, what, shapes_of(tensors))
    return fill(syncnet, tensors, file, what)


def load_clip_encoder(path: str | Path) -> ClipEncoder:
    """Load a VideoMAE in float32: the published VideoMAEv2-g file, or a folder with config.json and safetensors.

    The published file is `vit_g_hybrid_pt_1200e_ssv2_ft.pth`, which upstream trains with. Raises as `load_syncnet`.
    """
    path, what = Path(path), "a VideoMAE with fc_norm"
    file, config = _locate_files(path)
    tensors = to_float32(convert_videomae_keys(read_tensors(file)[0]), file, what)
    shapes = shapes_of(tensors)
    try:
        sizes = infer_videomae_config(shapes)
    except KeyError as exc:
        raise make_mismatch_error(file, what, f"it has no {exc}", shapes) from exc
    sizes |= _choose_unseen_sizes(config or {}, sizes, path)
    encoder = build(lambda: ClipEncoder(VideoMAEConfig(**sizes)), file, what, shapes)
    embeddings = encoder.model.embeddings
    # Not a parameter, so that `fill` would leave it on the meta device, without content.
    embeddings.position_embeddings = get_sinusoid_encoding_table(embeddings.num_patches, sizes["hidden_size"])
    return fill(encoder, name_biases(tensors, encoder), file, what)


def _locate_files(path: Path) -> tuple[Path, dict[str, Any] | None]:
    """Return the file with the tensors and, of a folder, the content of the config beside it."""
    if not path.is_dir():
        return path, None
    config = path / "config.json"
    if not config.is_file():
        raise WeightsMismatchError(
            f"{path} lacks config.json, which says the network's sizes; write it again."
        )
    return path / VAE_WEIGHTS, read_json(config)


def _read_encoder_configs(content: dict[str, Any], path: Path) -> tuple[EncoderConfig, EncoderConfig]:
    try:
        visual, audio = (EncoderConfig.from_json(content[f"{name}_encoder"]) for name in ("visual", "audio"))
    except (KeyError, TypeError, ValueError, ArithmeticError, InputError) as exc:
        raise WeightsMismatchError(
            f"{path} takes visual_encoder and audio_encoder with in_channels, block_out_channels, "
            f"downsample_factors and attn_blocks, as upstream's configs/syncnet; {type(exc).__name__}: {exc}"
        ) from exc
    return visual, audio


def _choose_unseen_sizes(config: dict[str, Any], seen: dict[str, Any], path: Path) -> dict[str, Any]:
    """Return the sizes that a VideoMAE's tensors do not show: those of the config, else the published ones."""
    sizes, width = (
        {key: config.get(key, published) for key, published in _VIDEOMAE_UNSEEN_SIZES.items()},
        seen["hidden_size"],
    )
    wrong = [
        k for k, v in sizes.items() if type(v) is not type(_VIDEOMAE_UNSEEN_SIZES[k]) or not 0 < v < math.inf
    ]
    if (
        wrong
        or width % sizes["num_attention_heads"]
        or not 1 <= _count_positions(sizes | seen) <= _MAX_POSITIONS
    ):
        raise WeightsMismatchError(
            f"{path}: a VideoMAE {width} wide takes numbers above 0 for {', '.join(sizes)}, with heads that divide "
            f"the width and up to {_MAX_POSITIONS} positions; got {sizes}."
        )
    return sizes


def _count_positions(sizes: dict[str, Any]) -> int:
    """Count the patches of all frames: each has a row in a table of positions."""
    return int(
        (sizes["image_size"] // sizes["patch_size"]) ** 2 * (sizes["num_frames"] // sizes["tubelet_size"])
    )
