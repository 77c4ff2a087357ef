"""StableSyncNet: whether a mouth and audio are in sync, on diffusers' blocks.

Two encoders embed 16 frames of the lower half of a face and the mel spectrogram of the same 0.64 s as unit
vectors, whose cosine is high where they match. Layer for layer the published network
(bytedance/LatentSync a229c39, models/stable_syncnet.py); only the keys of its attention are named otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import prod
from typing import Any, TypeVar, cast

import torch
import torch.nn.functional as F
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.transformers.transformer_2d import Transformer2DModel
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from ..errors import InputError

T = TypeVar("T")
Factor = int | tuple[int, int]

EPS, HEADS = 1e-6, 8


@dataclass(frozen=True)
class EncoderConfig:
    """The architecture of one of the two encoders."""

    in_channels: int
    block_out_channels: tuple[int, ...]
    downsample_factors: tuple[Factor, ...]
    """How much each level downsamples: both sides alike, or (height, width); 1 does not."""
    attention: tuple[bool, ...]
    """Whether a transformer follows each level."""
    groups: int = 32
    """Groups of each GroupNorm. The features are one pixel large: normalising a group of two leaves only which of them
    is the greater, and no gradient, so narrow encoders take fewer groups."""

    def __post_init__(self) -> None:
        levels = {len(self.block_out_channels), len(self.downsample_factors), len(self.attention)}
        if len(levels) != 1 or levels == {0}:
            raise InputError(
                "block_out_channels, downsample_factors and attention take one value per level, got "
                f"{len(self.block_out_channels)}, {len(self.downsample_factors)} and {len(self.attention)}."
            )
        if self.groups < 1 or any(width % self.groups for width in self.block_out_channels):
            raise InputError(f"groups must divide every one of {self.block_out_channels}, got {self.groups}.")

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> EncoderConfig:
        """Read upstream's names; raises KeyError, TypeError, ValueError or InputError for anything else."""
        factors = (
            tuple(map(int, f)) if isinstance(f, list) else int(f) for f in content["downsample_factors"]
        )
        return cls(
            in_channels=int(content["in_channels"]),
            block_out_channels=tuple(map(int, content["block_out_channels"])),
            downsample_factors=cast("tuple[Factor, ...]", tuple(factors)),
            attention=tuple(map(bool, content["attn_blocks"])),
            groups=int(content.get("groups", 32)),
        )

    def to_json(self) -> dict[str, Any]:
        """Return upstream's names (configs/syncnet), and `groups`, which are always 32 there."""
        return {
            "in_channels": self.in_channels,
            "block_out_channels": self.block_out_channels,
            "downsample_factors": self.downsample_factors,
            "attn_blocks": self.attention,
            "groups": self.groups,
        }


# The published `stable_syncnet.pt` (configs/syncnet/syncnet_16_pixel_attn.yaml): 401 million parameters.
AUDIO = EncoderConfig(
    in_channels=1,
    block_out_channels=(32, 64, 128, 256, 512, 1024, 2048),
    downsample_factors=((2, 1), 2, 2, 1, 2, 2, (2, 3)),
    attention=(False, False, False, True, True, False, False),
)
VISUAL = EncoderConfig(
    in_channels=48,
    block_out_channels=(64, 128, 256, 256, 512, 1024, 2048, 2048),
    downsample_factors=((1, 2), 2, 2, 2, 2, 2, 2, 2),
    attention=(False, False, False, False, True, True, False, False),
)

KNOWS = "people who were filmed, and their recorded voices"
"""The training data of the published network, in words."""


class _Level(ResnetBlock2D):
    """A residual block, followed by a strided convolution."""

    def __init__(self, before: int, after: int, factor: Factor, groups: int) -> None:
        super().__init__(
            in_channels=before, out_channels=after, temb_channels=None, groups=groups, eps=EPS
        )  # fmt: skip
        self.factor = factor
        if factor != 1:
            self.downsample_conv = nn.Conv2d(after, after, 3, stride=factor)

    def forward(self, input_tensor: Tensor) -> Tensor:
        hidden = super().forward(input_tensor, None)
        if self.factor == 1:
            return hidden
        return self.downsample_conv(F.pad(hidden, _choose_padding(self.factor)))


def _choose_padding(factor: Factor) -> tuple[int, int, int, int]:
    """Return left, right, top, bottom: a side that is downsampled is padded at its end only."""
    height, width = factor if isinstance(factor, tuple) else (factor, factor)
    return (int(width == 1), 1, int(height == 1), 1)


class _Attention(Transformer2DModel):
    def __init__(self, width: int, groups: int) -> None:
        super().__init__(HEADS, width // HEADS, width, norm_num_groups=groups, attention_bias=True)

    def forward(self, hidden_states: Tensor) -> Tensor:
        return super().forward(hidden_states, return_dict=False)[0]


class SyncEncoder(nn.Module):
    """Encodes images or spectrograms (B, C, H, W) to features (B, n)."""

    def __init__(self, config: EncoderConfig) -> None:
        super().__init__()
        widths = config.block_out_channels
        self.conv_in = nn.Conv2d(config.in_channels, widths[0], 3, padding=1)
        self.down_blocks = nn.ModuleList()
        levels = zip((widths[0], *widths), widths, config.downsample_factors, config.attention, strict=False)
        for before, after, factor, attention in levels:
            self.down_blocks.append(_Level(before, after, factor, config.groups))
            if attention:
                self.down_blocks.append(_Attention(after, config.groups))
        self.norm_out = nn.GroupNorm(config.groups, widths[-1], eps=EPS)
        self.gradient_checkpointing = False
        """Whether the backward pass computes the blocks again instead of keeping what they need: far less memory."""

    def forward(self, hidden: Tensor) -> Tensor:
        hidden = self.conv_in(hidden)
        again = self.gradient_checkpointing and torch.is_grad_enabled()
        for block in self.down_blocks:
            hidden = checkpoint(block, hidden, use_reentrant=False) if again else block(hidden)
        return F.relu(self.norm_out(hidden)).flatten(1)


class StableSyncNet(nn.Module):
    """Embeds faces and audio as unit vectors; the defaults are the published network."""

    def __init__(
        self, visual: EncoderConfig = VISUAL, audio: EncoderConfig = AUDIO, knows: str = KNOWS
    ) -> None:
        """knows: in words, what it was trained on; its scores of anything else mean little."""
        super().__init__()
        self.knows = knows
        self.visual_encoder, self.audio_encoder = SyncEncoder(visual), SyncEncoder(audio)
        self.configs = {"visual_encoder": visual, "audio_encoder": audio}

    @property
    def resolution(self) -> int:
        """Side in pixels of the crops whose lower halves it takes: its factors bring them to one pixel."""
        factors = self.configs["visual_encoder"].downsample_factors
        return prod(f[1] if isinstance(f, tuple) else f for f in factors)

    def enable_gradient_checkpointing(self) -> None:
        """Turn on `SyncEncoder.gradient_checkpointing` in both encoders."""
        self.visual_encoder.gradient_checkpointing = self.audio_encoder.gradient_checkpointing = True

    def forward(self, faces: Tensor, mels: Tensor) -> tuple[Tensor, Tensor]:
        """Embed both as unit vectors (B, n).

        faces: (B, 16 * 3, H, W), lower halves of 16 crops in -1..1, concatenated; 128 x 256 for the published
        network. mels: (B, 1, 80, 52), see `metrics.sync`.
        """
        return F.normalize(self.visual_encoder(faces)), F.normalize(self.audio_encoder(mels))


def sync_loss(faces: Tensor, mels: Tensor, matching: Tensor) -> Tensor:
    """Compute the binary cross-entropy of the cosine (clamped to 0..1) of unit vectors (B, n) with `matching` (B,)."""
    cosine = torch.cosine_similarity(faces, mels).clamp(0, 1)
    return F.binary_cross_entropy(cosine, matching)


_ATTENTION_KEYS = {
    "norm1": "norm",
    "conv_in": "proj_in",
    "conv_out": "proj_out",
    "norm2": "transformer_blocks.0.norm1",
    "attn": "transformer_blocks.0.attn1",
    "norm3": "transformer_blocks.0.norm3",
    "ff": "transformer_blocks.0.ff",
}
_BLOCK = re.compile(r"(.*\.down_blocks\.\d+\.)(\w+)(\..*)")


def convert_syncnet_keys(state_dict: Mapping[str, T]) -> dict[str, T]:
    """Rename the keys of the published `stable_syncnet.pt`; keys that are already ours stay as they are."""
    attentions = {match[1] for key in state_dict if (match := _BLOCK.match(key)) and match[2] == "attn"}
    return {_rename(key, attentions): value for key, value in state_dict.items()}


def _rename(key: str, attentions: Sequence[str] | set[str]) -> str:
    match = _BLOCK.match(key)
    if match is None or match[1] not in attentions:
        return key
    return f"{match[1]}{_ATTENTION_KEYS[match[2]]}{match[3]}"
