"""The networks of one checkpoint, checked against one another, on one device."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import torch
from diffusers import AutoencoderKL
from torch import nn
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from ..errors import OptionError, WeightsMismatchError
from .fp8 import is_fp8
from .unet import LatentSyncUNet

WHISPER_SIZES = {384: "tiny", 512: "base", 768: "small", 1024: "medium", 1280: "large"}
"""OpenAI's published Whisper models by their width."""
MAX_BATCH = 32
"""Windows; with more a GPU gains nothing, and the clip's frames are held meanwhile."""
MAX_RESOLUTION = 2048
"""Pixels; the published checkpoints use 256 and 512."""


def whisper_size(width: int) -> str:
    """Describe a token width: `384 wide (Whisper tiny)`."""
    return f"{width} wide (Whisper {WHISPER_SIZES[width]})" if width in WHISPER_SIZES else f"{width} wide"


@dataclass(frozen=True, eq=False)
class LipSyncModels:
    """The networks of a checkpoint that a lip-sync needs, in eval mode, without gradients."""

    unet: LatentSyncUNet
    vae: AutoencoderKL
    """Its config holds `scaling_factor` and `shift_factor`."""
    whisper: WhisperEncoder
    """Always float32; `layer_norm` is `nn.Identity`, so `hidden_states[-1]` is the state before that norm."""
    scheduler_config: Mapping[str, Any]
    """Config of a diffusers `DDIMScheduler`."""
    resolution: int
    """Side of the face crop in pixels."""
    name: str
    """The checkpoint's name in messages and reports: `1.6`, or its folder's name."""
    device: torch.device
    dtype: torch.dtype
    """The dtype that `unet` and `vae` compute in."""
    window_frames: int = 16
    """Frames denoised together."""
    align_resolution: int | None = None
    """The resolution whose face template crops are aligned to; None is `resolution`."""
    note: str | None = None
    """A remark on this checkpoint for its users."""
    batch: int | None = 1
    """Windows denoised at once, 1..32; None is what fits the memory, see `diffusion.settle_batch`."""
    compile: bool = False
    """Whether the UNet is compiled, see `models.compiled`."""
    faces: str | None = None
    """The kind of faces that it was trained on: `drawn`, or None for those of people."""

    def __post_init__(self) -> None:
        self._check_networks()
        self._check_sizes()

    def _check_networks(self) -> None:
        latent, width = self.vae.config["latent_channels"], self.unet.config["cross_attention_dim"]
        channels = (self.unet.config["in_channels"], self.unet.config["out_channels"])
        if channels != (3 * latent + 1, latent):
            raise WeightsMismatchError(
                f"{self.name}: the VAE has {latent} latent channels, so the UNet takes {3 * latent + 1} channels "
                f"and gives {latent}; this one has {channels[0]} and {channels[1]}. It belongs to another VAE, "
                "or is no LatentSync UNet."
            )
        if self.whisper.config.d_model != width:
            raise WeightsMismatchError(
                f"{self.name}: this UNet takes speech tokens {whisper_size(width)}, but the Whisper file is "
                f"{whisper_size(self.whisper.config.d_model)}. Put the Whisper of the right size beside the UNet."
            )

    def _check_sizes(self) -> None:
        factor = 2 ** (len(self.vae.config["block_out_channels"]) - 1)
        for name, value in (("resolution", self.resolution), ("align_resolution", self.align_resolution)):
            if value is not None and not 0 < value <= MAX_RESOLUTION:
                raise OptionError(f"{name} takes 1..{MAX_RESOLUTION} pixels, got {value}.")
        if self.resolution % factor:
            raise OptionError(f"resolution takes a multiple of {factor} for this VAE, got {self.resolution}.")
        if self.batch is not None and not 1 <= self.batch <= MAX_BATCH:
            raise OptionError(f"batch takes 1..{MAX_BATCH} windows, or None, got {self.batch}.")
        positions = self.unet.config["motion_max_seq_length"]
        if not 1 <= self.window_frames <= positions:
            raise OptionError(
                f"window_frames takes 1..{positions}, the positions this UNet knows, got {self.window_frames}."
            )

    @property
    def alignment(self) -> int:
        """The resolution whose face template crops are aligned to."""
        return self.align_resolution or self.resolution

    @property
    def precision(self) -> str:
        """For reports: `float16`, or `float16 with float8 weights`."""
        name = str(self.dtype).removeprefix("torch.")
        return f"{name} with float8 weights" if is_fp8(self.unet) else name

    def to(self, device: torch.device, dtype: torch.dtype, *, with_unet: bool = True) -> LipSyncModels:
        """Move the networks, in place as `nn.Module.to` does; Whisper keeps float32, float8 weights stay."""
        # diffusers' own `to` warns about modules kept in float32, of which these networks have none
        if with_unet:
            nn.Module.to(self.unet, device, dtype)
        nn.Module.to(self.vae, device, dtype)
        nn.Module.to(self.whisper, device, torch.float32)
        return replace(self, device=device, dtype=dtype)
