"""Networks of the published sizes with random weights, and windows for them."""

from dataclasses import replace

import numpy as np
import torch
from diffusers import AutoencoderKL
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from benchmarks.speed.work import FRAMES, TOKENS, VAE_CONFIG, fill_random
from latentsync_core.diffusion import WindowInput
from latentsync_core.models.bundle import LipSyncModels
from latentsync_core.models.unet import LatentSyncUNet
from latentsync_core.weights.catalogue import SCHEDULER_CONFIG

from .session import Session

TINY_RESOLUTION = 64


def make_models(session: Session, resolution: int) -> LipSyncModels:
    """Make networks with random weights on the session's device."""
    with torch.device(session.device):
        unet, vae, whisper = (_tiny_networks if session.tiny else _published_networks)()
    for network in (unet, vae, whisper):
        fill_random(network.eval().requires_grad_(False))
    models = LipSyncModels(
        unet=unet, vae=vae, whisper=whisper, scheduler_config=dict(SCHEDULER_CONFIG),
        resolution=TINY_RESOLUTION if session.tiny else resolution,
        name="random weights", device=session.device, dtype=torch.float32, batch=1,
    )  # fmt: skip
    return models.to(session.device, session.dtype)


Networks = tuple[LatentSyncUNet, AutoencoderKL, WhisperEncoder]


def _published_networks() -> Networks:
    return LatentSyncUNet(), AutoencoderKL(**VAE_CONFIG), _make_whisper(384)


def _tiny_networks() -> Networks:
    unet = LatentSyncUNet(
        block_out_channels=(32, 64),
        down_block_types=("CrossAttnDownBlockMotion", "DownBlockMotion"),
        up_block_types=("UpBlockMotion", "CrossAttnUpBlockMotion"),
        layers_per_block=1,
        cross_attention_dim=64,
    )
    sizes = {"block_out_channels": (8, 16, 16, 16), "norm_num_groups": 8, "layers_per_block": 1}
    return unet, AutoencoderKL(**VAE_CONFIG | sizes), _make_whisper(64)


def _make_whisper(width: int) -> WhisperEncoder:
    config = WhisperConfig(
        d_model=width, encoder_layers=4, encoder_attention_heads=width // 64, encoder_ffn_dim=4 * width
    )
    whisper = WhisperEncoder(config)
    whisper.layer_norm = torch.nn.Identity()
    return whisper


def make_windows(models: LipSyncModels, count: int, overlap: int, first: int = 0) -> list[WindowInput]:
    """Make windows from the one of number `first` on that share `overlap` frames with the next one."""
    starts = [(first + k) * (FRAMES - overlap) for k in range(count)]
    return [_make_window(models, np.arange(start, start + FRAMES)) for start in starts]


def _make_window(models: LipSyncModels, numbers: np.ndarray) -> WindowInput:
    side, width = models.resolution, models.whisper.config.d_model
    image = np.random.default_rng(0).uniform(0, 255, (side, side, 3)).astype(np.float32)
    tokens = np.random.default_rng(int(numbers[0])).standard_normal((FRAMES, TOKENS, width))
    crops = np.stack([np.roll(image, int(number), 1) for number in numbers])
    return WindowInput(crops, tokens.astype(np.float32), numbers)


def make_step(models: LipSyncModels, rows: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Make what a step takes: sample, timestep, tokens, of which the first half of the rows hears nothing."""
    unet, side = models.unet, models.resolution // 8
    generator = torch.Generator().manual_seed(5)
    sample = torch.randn(1, unet.config["in_channels"], FRAMES, side, side, generator=generator)
    tokens = torch.randn(rows, FRAMES, TOKENS, unet.config["cross_attention_dim"], generator=generator)
    tokens[: rows // 2] = 0
    sample, tokens = (values.to(models.device, models.dtype) for values in (sample, tokens))
    return sample.repeat(rows, 1, 1, 1, 1), torch.tensor(501, device=models.device), tokens


def with_batch(models: LipSyncModels, batch: int) -> LipSyncModels:
    """Return the same networks, for so many windows at once."""
    return replace(models, batch=batch)
