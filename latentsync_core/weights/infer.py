"""Sizes of a network read off the names and shapes of its tensors.

Each function raises KeyError with the name of the first tensor that it looks for and does not find.
"""

from __future__ import annotations

from typing import Any

from ..models.unet import POSITIONS, Motion
from .identify import Shapes


def infer_unet_config(shapes: Shapes, heads: int, groups: int) -> dict[str, Any]:
    """Return the arguments of `LatentSyncUNet`, from tensors in its naming; heads and groups do not show in shapes."""
    # Without any level the look-up of level 0 raises the KeyError that names a tensor; an empty tuple would not.
    levels = _count_names(shapes, "down_blocks.")
    widths = tuple(
        _dim_of(shapes, f"down_blocks.{i}.resnets.0.conv1.weight", 0) for i in range(max(1, levels))
    )
    tables = [key for key in shapes if key.endswith(".pos_embed.pe")]
    return {
        "in_channels": _dim_of(shapes, "conv_in.weight", 1),
        "out_channels": _dim_of(shapes, "conv_out.weight", 0),
        "down_block_types": tuple(
            f"{_infer_block_kind(shapes, f'down_blocks.{i}')}DownBlockMotion" for i in range(levels)
        ),
        "up_block_types": tuple(
            f"{_infer_block_kind(shapes, f'up_blocks.{i}')}UpBlockMotion" for i in range(levels)
        ),
        "block_out_channels": widths,
        "layers_per_block": _count_names(shapes, "down_blocks.0.resnets."),
        "norm_num_groups": groups,
        "cross_attention_dim": _dim_of(shapes, _find_speech_key(shapes), 1),
        "num_attention_heads": heads,
        "motion_num_attention_heads": heads,
        "motion_max_seq_length": _dim_of(shapes, tables[0], 1) if tables else POSITIONS,
        "motion": _infer_motion(shapes),
    }


def _infer_block_kind(shapes: Shapes, block: str) -> str:
    return "CrossAttn" if _count_names(shapes, f"{block}.attentions.") else ""


def _infer_motion(shapes: Shapes) -> Motion:
    blocks = {key.split(".")[0] for key in shapes if ".motion_modules." in key}
    if "down_blocks" in blocks:
        return "all"
    return "decoder" if blocks else "none"


def infer_vae_config(shapes: Shapes) -> dict[str, Any]:
    """Return the arguments of `AutoencoderKL` but its groups and scaling, from tensors in its naming."""
    levels = max(1, _count_names(shapes, "encoder.down_blocks."))
    return {
        "in_channels": _dim_of(shapes, "encoder.conv_in.weight", 1),
        "out_channels": _dim_of(shapes, "decoder.conv_out.weight", 0),
        "latent_channels": _dim_of(shapes, "decoder.conv_in.weight", 1),
        "block_out_channels": tuple(
            _dim_of(shapes, f"encoder.down_blocks.{i}.resnets.0.conv1.weight", 0) for i in range(levels)
        ),
        "down_block_types": ("DownEncoderBlock2D",) * levels,
        "up_block_types": ("UpDecoderBlock2D",) * levels,
        "layers_per_block": _count_names(shapes, "encoder.down_blocks.0.resnets."),
        "mid_block_add_attention": bool(_count_names(shapes, "encoder.mid_block.attentions.")),
        "use_quant_conv": "quant_conv.weight" in shapes,
        "use_post_quant_conv": "post_quant_conv.weight" in shapes,
    }


def infer_whisper_config(shapes: Shapes) -> dict[str, Any]:
    """Return the encoder's arguments of `WhisperConfig` but its heads, from tensors in transformers' naming."""
    return {
        "d_model": _dim_of(shapes, "conv1.weight", 0),
        "num_mel_bins": _dim_of(shapes, "conv1.weight", 1),
        "encoder_layers": _count_names(shapes, "layers."),
        "encoder_ffn_dim": _dim_of(shapes, "layers.0.fc1.weight", 0),
        "max_source_positions": _dim_of(shapes, "embed_positions.weight", 0),
    }


def infer_videomae_config(shapes: Shapes) -> dict[str, Any]:
    """Return the arguments of `VideoMAEConfig` that show in tensors in `ClipEncoder`'s naming."""
    stem = "model.embeddings.patch_embeddings.projection.weight"
    return {
        "hidden_size": _dim_of(shapes, stem, 0),
        "num_channels": _dim_of(shapes, stem, 1),
        "tubelet_size": _dim_of(shapes, stem, 2),
        "patch_size": _dim_of(shapes, stem, 3),
        "num_hidden_layers": _count_names(shapes, "model.encoder.layer."),
        "intermediate_size": _dim_of(shapes, "model.encoder.layer.0.intermediate.dense.weight", 0),
        "use_mean_pooling": True,
    }


def _count_names(shapes: Shapes, prefix: str) -> int:
    """Count the different names that follow `prefix`."""
    return len({key[len(prefix) :].split(".")[0] for key in shapes if key.startswith(prefix)})


def _dim_of(shapes: Shapes, key: str, axis: int) -> int:
    if len(shapes[key]) <= axis:
        raise KeyError(f"{key} of {axis + 1} or more dimensions")
    return shapes[key][axis]


def _find_speech_key(shapes: Shapes) -> str:
    """Find a projection of speech tokens; motion modules have an `attn2` as well, but attend to frames."""
    ending = ".attn2.to_k.weight"
    for key in shapes:
        if ".attentions." in key and key.endswith(ending):
            return key
    raise KeyError(f"attentions.*{ending}")
