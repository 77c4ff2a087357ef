"""LatentSync's UNet: diffusers' UNetMotionModel with two GroupNorm scopes changed.

Layer for layer the published network is diffusers' AnimateDiff UNet, with two differences that no
parameter name or shape gives away (bytedance/LatentSync a229c39, models/resnet.py and models/motion_module.py):

* the norms of the ResNet blocks and the output norm take their statistics over all frames of the clip;
* the norm that opens a motion module takes its statistics over each frame alone.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Literal, TypeVar

import torch
import torch.nn.functional as F
from diffusers import UNetMotionModel
from diffusers.configuration_utils import register_to_config
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_motion_model import AnimateDiffTransformer3D
from torch import Tensor, nn

Motion = Literal["all", "decoder", "none"]
T = TypeVar("T")

MASK_CHANNELS = 1

POSITIONS = 24
"""Length of the motion modules' position table, hence the longest window."""


class ClipGroupNorm(nn.GroupNorm):
    """GroupNorm over all frames of a clip at once, on frames folded into the batch."""

    num_frames = 1

    def forward(self, input: Tensor) -> Tensor:  # (B*F, C, H, W)
        clip = input.unflatten(0, (-1, self.num_frames)).transpose(1, 2)  # (B, C, F, H, W)
        clip = F.group_norm(clip, self.num_groups, self.weight, self.bias, self.eps)
        return clip.transpose(1, 2).flatten(0, 1)


class FrameGroupNorm(nn.GroupNorm):
    """GroupNorm over each frame by itself, on a clip."""

    def forward(self, input: Tensor) -> Tensor:  # (B, C, F, H, W)
        frames = input.transpose(1, 2).flatten(0, 1)  # (B*F, C, H, W)
        frames = F.group_norm(frames, self.num_groups, self.weight, self.bias, self.eps)
        return frames.unflatten(0, (input.shape[0], -1)).transpose(1, 2)


class KeepingResnet(ResnetBlock2D):
    """A ResNet block that can keep its input, for `predict_deep`."""

    kept: list[Tensor] | None = None
    """Where its inputs are put; None keeps none."""

    def forward(self, input_tensor: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if self.kept is not None:
            self.kept.append(input_tensor)
        return super().forward(input_tensor, *args, **kwargs)


class NoMotion(nn.Module):
    """Replaces a motion module in checkpoints without it."""

    def forward(self, hidden_states: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        return hidden_states


class LatentSyncUNet(UNetMotionModel):
    """The denoiser: predicts the noise from the latents of a window, a timestep and speech tokens.

    `motion` says which blocks have motion modules: `all` (1.5, 1.6), `decoder` (stage2_efficient) or
    `none` (1.0). The other arguments are those of `UNetMotionModel`; the defaults are 1.5 and 1.6.
    """

    @register_to_config
    def __init__(
        self,
        sample_size: int = 64,
        in_channels: int = 13,
        out_channels: int = 4,
        down_block_types: tuple[str, ...] = (
            "CrossAttnDownBlockMotion",
            "CrossAttnDownBlockMotion",
            "CrossAttnDownBlockMotion",
            "DownBlockMotion",
        ),
        up_block_types: tuple[str, ...] = (
            "UpBlockMotion",
            "CrossAttnUpBlockMotion",
            "CrossAttnUpBlockMotion",
            "CrossAttnUpBlockMotion",
        ),
        block_out_channels: tuple[int, ...] = (320, 640, 1280, 1280),
        layers_per_block: int = 2,
        norm_num_groups: int = 32,
        norm_eps: float = 1e-5,
        cross_attention_dim: int = 384,
        num_attention_heads: int = 8,
        motion_num_attention_heads: int = 8,
        motion_max_seq_length: int = POSITIONS,
        motion: Motion = "all",
    ) -> None:
        super().__init__(
            sample_size=sample_size,
            in_channels=in_channels,
            out_channels=out_channels,
            down_block_types=down_block_types,
            up_block_types=up_block_types,
            block_out_channels=block_out_channels,
            layers_per_block=layers_per_block,
            norm_num_groups=norm_num_groups,
            norm_eps=norm_eps,
            cross_attention_dim=cross_attention_dim,
            num_attention_heads=num_attention_heads,
            motion_num_attention_heads=motion_num_attention_heads,
            motion_max_seq_length=motion_max_seq_length,
            use_motion_mid_block=False,
        )
        self._drop_motion(motion)
        self._scope_norms()
        self.up_blocks[-1].resnets[-1].__class__ = KeepingResnet

    def _drop_motion(self, motion: Motion) -> None:
        without = {"all": [], "decoder": [self.down_blocks], "none": [self.down_blocks, self.up_blocks]}
        for blocks in without[motion]:
            for block in blocks:
                block.motion_modules = nn.ModuleList(NoMotion() for _ in block.motion_modules)

    def _scope_norms(self) -> None:
        # Only the class is swapped, so that parameters, their keys and their initial values stay diffusers'.
        for module in self.modules():
            if isinstance(module, ResnetBlock2D):
                module.norm1.__class__ = module.norm2.__class__ = ClipGroupNorm
            elif isinstance(module, AnimateDiffTransformer3D):
                module.norm.__class__ = FrameGroupNorm
        self.conv_norm_out.__class__ = ClipGroupNorm
        self._clip_norms = [module for module in self.modules() if isinstance(module, ClipGroupNorm)]

    @property
    def latent_channels(self) -> int:
        """Channels of one latent; the input is three of them and the mask."""
        return (int(self.config["in_channels"]) - MASK_CHANNELS) // 3

    def forward(
        self, sample: Tensor, timestep: Tensor | float, encoder_hidden_states: Tensor, **kwargs: Any
    ) -> Any:
        """Predict the noise in `sample`.

        sample: (B, in_channels, F, H, W); encoder_hidden_states: (B, F, tokens, width). F is 1..24 and is
        one whole window: the norms span it, so a window cannot be split by frames.
        """
        self._set_frames(sample.shape[2])
        return super().forward(sample, timestep, encoder_hidden_states.flatten(0, 1), **kwargs)

    def predict(self, sample: Tensor, timestep: Tensor, tokens: Tensor) -> Tensor:
        """Predict the noise in `sample`; arguments as of `forward`."""
        noise: Tensor = self(sample, timestep, tokens).sample
        return noise

    def predict_deep(self, sample: Tensor, timestep: Tensor, tokens: Tensor) -> tuple[Tensor, Tensor]:
        """Predict the noise as `forward` does; return it and the input of `predict_shallow`, (B, F, C, H, W)."""
        last = self.up_blocks[-1].resnets[-1]
        last.kept = []
        noise = self(sample, timestep, tokens).sample
        (kept,), last.kept = last.kept, None
        deep = kept[:, : -self.conv_in.out_channels]  # what follows is the skip connection from conv_in
        return noise, deep.unflatten(0, (-1, sample.shape[2]))

    def predict_shallow(self, sample: Tensor, timestep: Tensor, tokens: Tensor, deep: Tensor) -> Tensor:
        """Predict the noise with the last block only, fed with the deep features of an earlier step.

        DeepCache (Ma et al., CVPR 2024) at branch 0; about a fifteenth of the work. Shapes as in `forward`.
        """
        frames = sample.shape[2]
        self._set_frames(frames)
        time = self.time_proj(timestep.expand(sample.shape[0])).to(sample.dtype)
        embedding = self.time_embedding(time).repeat_interleave(frames, 0)
        block = self.up_blocks[-1]
        hidden = self.conv_in(sample.transpose(1, 2).flatten(0, 1))  # (B*F, C, H, W)
        hidden = block.resnets[-1](torch.cat([deep.flatten(0, 1), hidden], 1), embedding)
        hidden = block.attentions[-1](hidden, tokens.flatten(0, 1), return_dict=False)[0]
        hidden = block.motion_modules[-1](hidden, num_frames=frames)
        hidden = self.conv_out(self.conv_act(self.conv_norm_out(hidden)))
        return hidden.unflatten(0, (-1, frames)).transpose(1, 2)

    def _set_frames(self, num_frames: int) -> None:
        for norm in self._clip_norms:
            norm.num_frames = num_frames


_RENAMES: tuple[tuple[re.Pattern[str], str], ...] = tuple(
    (re.compile(pattern), replacement)
    for pattern, replacement in (
        (r"^module\.", ""),
        (r"(\.motion_modules\.\d+)\.temporal_transformer\.", r"\1."),
        (r"\.attention_blocks\.0\.pos_encoder\.pe$", ".pos_embed.pe"),
        (r"\.attention_blocks\.0\.", ".attn1."),
        (r"\.attention_blocks\.1\.", ".attn2."),
        (r"\.norms\.0\.", ".norm1."),
        (r"\.norms\.1\.", ".norm2."),
        (r"\.ff_norm\.", ".norm3."),
    )
)

_REPEATED = ".attention_blocks.1.pos_encoder.pe"
"""The published files hold the position table twice; diffusers has one for both attentions."""


def convert_unet_keys(state_dict: Mapping[str, T]) -> dict[str, T]:
    """Rename the keys of the published `latentsync_unet.pt` to those of `LatentSyncUNet`.

    Keys that are already ours stay as they are; values are handed on untouched.
    """
    return dict(_rename(state_dict))


def _rename(state_dict: Mapping[str, T]) -> Iterator[tuple[str, T]]:
    for key, value in state_dict.items():
        if key.endswith(_REPEATED):
            continue
        for pattern, replacement in _RENAMES:
            key = pattern.sub(replacement, key)
        yield key, value
