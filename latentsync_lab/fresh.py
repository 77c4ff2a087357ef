"""A small checkpoint without training, on which the whole real path runs in seconds."""

from __future__ import annotations

from pathlib import Path

import torch
from diffusers import AutoencoderKL
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from latentsync_core.models.unet import LatentSyncUNet
from latentsync_core.weights.catalogue import SCHEDULER_CONFIG
from latentsync_core.weights.conversion import write_checkpoint
from latentsync_core.weights.manifest import Manifest

UNET_HEADS, UNET_GROUPS = 4, 16

LATENT_CHANNELS = 8
"""Twice the published number: with four, so small an autoencoder keeps edges and loses colours."""


def nano_networks() -> tuple[LatentSyncUNet, AutoencoderKL, WhisperEncoder]:
    """Make the networks of the nano size (4.7 million parameters) with weights from torch's global generator."""
    unet = LatentSyncUNet(
        in_channels=3 * LATENT_CHANNELS + 1,
        out_channels=LATENT_CHANNELS,
        block_out_channels=(48, 64, 96),
        down_block_types=("CrossAttnDownBlockMotion", "CrossAttnDownBlockMotion", "DownBlockMotion"),
        up_block_types=("UpBlockMotion", "CrossAttnUpBlockMotion", "CrossAttnUpBlockMotion"),
        layers_per_block=1,
        norm_num_groups=UNET_GROUPS,
        cross_attention_dim=64,
        num_attention_heads=UNET_HEADS,
        motion_num_attention_heads=UNET_HEADS,
    )
    vae = AutoencoderKL(
        block_out_channels=(16, 32, 64, 64),
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        layers_per_block=1,
        norm_num_groups=1,  # a norm over few channels removes the image's colour
        mid_block_add_attention=False,
        latent_channels=LATENT_CHANNELS,
        scaling_factor=0.45,
        shift_factor=0.0,
    )
    whisper = WhisperEncoder(
        WhisperConfig(d_model=64, encoder_layers=2, encoder_attention_heads=4, encoder_ffn_dim=256)
    )
    whisper.layer_norm = torch.nn.Identity()
    return unet, vae, whisper


def write_untrained(folder: str | Path, resolution: int = 128, seed: int = 0) -> Path:
    """Write a nano checkpoint with seeded random weights, 9.5 MB, and return its folder.

    Its results are noise: it is for demonstrations and tests of everything around the networks. Raises
    OutputError if the folder is not empty or cannot be written.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        unet, vae, whisper = nano_networks()
    manifest = Manifest(
        resolution=resolution,
        unet_heads=UNET_HEADS,
        unet_groups=UNET_GROUPS,
        note="Random weights: mouths are noise.",
    )
    return write_checkpoint(folder, unet, vae, whisper, manifest, SCHEDULER_CONFIG)
