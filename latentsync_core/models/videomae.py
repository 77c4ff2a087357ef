"""VideoMAE's features of clips, on transformers' blocks: the network of TREPA.

Layer for layer VideoMAEv2's `VisionTransformer.forward_features` as LatentSync calls it
(bytedance/LatentSync a229c39, latentsync/trepa); only the keys are named otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from transformers import VideoMAEModel


class ClipEncoder(nn.Module):
    """Embeds whole clips: the mean of VideoMAE's last tokens, normalised (`fc_norm` of the published one).

    config: a `VideoMAEConfig` with `use_mean_pooling`.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.model = VideoMAEModel(config)
        self.fc_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def enable_gradient_checkpointing(self) -> None:
        """Recompute layers in the backward pass, which saves memory; puts the network in training mode."""
        new_name = hasattr(self.model, "activation_checkpointing_enable")  # transformers 6 drops the old one
        name = "activation_checkpointing_enable" if new_name else "gradient_checkpointing_enable"
        getattr(self.model, name)({"use_reentrant": False})
        self.model.train()  # in eval mode transformers leaves it off; there is no dropout

    def forward(self, clips: Tensor) -> Tensor:
        """Embed clips (B, F, 3, H, W) in -1..1 of any size, F as in the config, as unit vectors (B, width)."""
        size = self.model.config.image_size
        frames = F.interpolate(clips.flatten(0, 1), (size, size), mode="bicubic")
        frames = (frames / 2 + 0.5).clamp(0, 1)  # without ImageNet's mean and deviation, as upstream
        tokens = self.model(frames.unflatten(0, clips.shape[:2])).last_hidden_state
        return F.normalize(self.fc_norm(tokens.mean(1)), dim=-1)


_RENAMES = (
    (r"^patch_embed\.proj\.", "model.embeddings.patch_embeddings.projection."),
    (r"^blocks\.", "model.encoder.layer."),
    (r"\.norm1\.", ".layernorm_before."),
    (r"\.norm2\.", ".layernorm_after."),
    (r"\.attn\.q_bias$", ".attention.attention.query.bias"),
    (r"\.attn\.v_bias$", ".attention.attention.value.bias"),
    (r"\.attn\.proj\.", ".attention.output.dense."),
    (r"\.mlp\.fc1\.", ".intermediate.dense."),
    (r"\.mlp\.fc2\.", ".output.dense."),
)
_FUSED = ".attn.qkv.weight"
_ATTENTION = ".attention.attention."
_OTHER_NAME = {"query.bias": "q_bias", "value.bias": "v_bias", "q_bias": "query.bias", "v_bias": "value.bias"}

_UNUSED = ("head.",)
"""The classifier for Something-Something v2."""


def convert_videomae_keys(state_dict: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of the published `vit_g_hybrid_pt_1200e_ssv2_ft.pth` to those of `ClipEncoder`.

    The fused weight of query, key and value is split in three; keys that are already ours stay as they are.
    """
    renamed: dict[str, Tensor] = {}
    for key, value in state_dict.items():
        if key.startswith(_UNUSED):
            continue
        for pattern, replacement in _RENAMES:
            key = re.sub(pattern, replacement, key)
        if key.endswith(_FUSED):
            stem = key.removesuffix(_FUSED) + _ATTENTION
            parts = zip(("query", "key", "value"), value.chunk(3), strict=False)
            renamed |= {f"{stem}{name}.weight": part for name, part in parts}
        else:
            renamed[key] = value
    return renamed


def name_biases(tensors: Mapping[str, Tensor], encoder: ClipEncoder) -> dict[str, Tensor]:
    """Name the biases of query and value as `encoder` does: transformers 5.5 says `q_bias`, 5.10 `query.bias`.

    Files hold the names of the transformers that wrote them.
    """
    own, renamed = encoder.state_dict().keys(), {}
    for key, value in tensors.items():
        stem, _, name = key.partition(_ATTENTION)
        other = f"{stem}{_ATTENTION}{_OTHER_NAME.get(name)}"
        renamed[other if key not in own and other in own else key] = value
    return renamed
