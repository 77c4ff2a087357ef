"""Published names of tensors -> the names diffusers and transformers give them."""

from __future__ import annotations

import re
from collections.abc import Mapping

from torch import Tensor

_WHISPER: tuple[tuple[str, str], ...] = (
    (r"^encoder\.", ""),
    (r"^blocks\.", "layers."),
    (r"^positional_embedding$", "embed_positions.weight"),
    (r"\.attn\.query\.", ".self_attn.q_proj."),
    (r"\.attn\.key\.", ".self_attn.k_proj."),
    (r"\.attn\.value\.", ".self_attn.v_proj."),
    (r"\.attn\.out\.", ".self_attn.out_proj."),
    (r"\.attn_ln\.", ".self_attn_layer_norm."),
    (r"\.mlp\.0\.", ".fc1."),
    (r"\.mlp\.2\.", ".fc2."),
    (r"\.mlp_ln\.", ".final_layer_norm."),
)

_WHISPER_UNUSED = ("decoder.", "encoder.ln_post.")
"""LatentSync reads the encoder's states before its last norm, and no text."""

_VAE: tuple[tuple[str, str], ...] = (
    (r"\.mid\.block_1\.", ".mid_block.resnets.0."),
    (r"\.mid\.block_2\.", ".mid_block.resnets.1."),
    (r"\.mid\.attn_1\.", ".mid_block.attentions.0."),
    (r"^encoder\.down\.(\d+)\.block\.", r"encoder.down_blocks.\1.resnets."),
    (r"^encoder\.down\.(\d+)\.downsample\.", r"encoder.down_blocks.\1.downsamplers.0."),
    (r"\.nin_shortcut\.", ".conv_shortcut."),
    (r"\.norm_out\.", ".conv_norm_out."),
    (r"(\.mid_block\.attentions\.0)\.norm\.", r"\1.group_norm."),
    (r"(\.mid_block\.attentions\.0)\.(?:q|query)\.", r"\1.to_q."),
    (r"(\.mid_block\.attentions\.0)\.(?:k|key)\.", r"\1.to_k."),
    (r"(\.mid_block\.attentions\.0)\.(?:v|value)\.", r"\1.to_v."),
    (r"(\.mid_block\.attentions\.0)\.(?:proj_out|proj_attn)\.", r"\1.to_out.0."),
)
"""From CompVis' naming and from that of diffusers before 0.16, which sd-vae-ft-mse still has."""
_VAE_UNUSED = ("loss.", "model_ema.")
"""What CompVis' training left in its files."""
_DECODER_LEVEL = re.compile(r"^decoder\.up\.(\d+)\.(block|upsample)\.")


def rename_whisper(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename OpenAI's tensors to those of transformers' `WhisperEncoder`, without the decoder and the last norm."""
    return {
        _rename(key, _WHISPER): value for key, value in tensors.items() if not key.startswith(_WHISPER_UNUSED)
    }


def rename_vae(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename CompVis' or early diffusers' tensors to those of `AutoencoderKL`, whose own names stay as they are.

    CompVis counts the decoder's levels from the inside and projects by 1x1 convolutions where diffusers
    has linear layers.
    """
    levels = [int(match[1]) for key in tensors if (match := _DECODER_LEVEL.match(key))]
    renamed = {}
    for key, value in tensors.items():
        if key.startswith(_VAE_UNUSED):
            continue
        name = _rename(_turn_level(key, max(levels, default=0)), _VAE)
        projection = ".attentions.0.to_" in name and value.ndim == 4
        renamed[name] = value[:, :, 0, 0] if projection else value
    return renamed


def _turn_level(key: str, last: int) -> str:
    """Count levels from the other end: decoder.up.3.block.0.x of levels 0..3 to decoder.up_blocks.0.resnets.0.x."""

    def turn(match: re.Match[str]) -> str:
        part = "resnets" if match[2] == "block" else "upsamplers.0"
        return f"decoder.up_blocks.{last - int(match[1])}.{part}."

    return _DECODER_LEVEL.sub(turn, key)


def _rename(key: str, rules: tuple[tuple[str, str], ...]) -> str:
    for pattern, replacement in rules:
        key = re.sub(pattern, replacement, key)
    return key
