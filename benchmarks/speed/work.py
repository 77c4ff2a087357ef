"""Count the operations that a second of video costs, at full size and without running a network.

A multiply-add counts as two operations, as torch counts them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

import torch
from diffusers import AutoencoderKL
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from latentsync_core import Options
from latentsync_core.diffusion.memory import Slicer
from latentsync_core.diffusion.predict import NoisePredictor
from latentsync_core.models.unet import LatentSyncUNet

FRAMES, FPS, TOKENS = 16, 25, 50
"""Of a window, of the video, and of speech tokens a frame."""
TERA = 1e12
VAE_CONFIG = {
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "block_out_channels": (128, 256, 512, 512),
    "layers_per_block": 2,
}
"""That of stabilityai/sd-vae-ft-mse, which the published checkpoints use."""


@dataclass(frozen=True)
class NetworkWork:
    """TFLOP of the published networks at one resolution."""

    whole: float
    """A row of a whole step of the UNet, for a window of 16 frames."""
    shallow: float
    """A row of a step that reuses deep features."""
    encode: float
    """A frame; the VAE has to encode each twice, without and with its mouth."""
    decode: float
    """A frame."""


@cache
def count_networks(resolution: int) -> NetworkWork:
    """Count the work of the networks of LatentSync 1.5 and 1.6, of 2 x 1.3 billion parameters but no memory."""
    side = resolution // 8
    with torch.device("meta"), torch.inference_mode():
        unet, vae = LatentSyncUNet().eval(), AutoencoderKL(**VAE_CONFIG).eval()
        sample, tokens = torch.empty(1, 13, FRAMES, side, side), torch.empty(1, FRAMES, TOKENS, 384)
        time = torch.tensor(501)
        deep = torch.empty(1, FRAMES, unet.config["block_out_channels"][0], side, side)
        return NetworkWork(
            whole=count(lambda: unet.predict(sample, time, tokens)),
            shallow=count(lambda: unet.predict_shallow(sample, time, tokens, deep)),
            encode=count(lambda: vae.encode(torch.empty(1, 3, resolution, resolution))),
            decode=count(lambda: vae.decode(torch.empty(1, 4, side, side))),
        )


def count(call: Callable[[], object]) -> float:
    """Count the TFLOP of what a call computes."""
    with FlopCounterMode(display=False) as counter:
        call()
    return counter.get_total_flops() / TERA


@torch.no_grad()
def fill_random(network: nn.Module) -> None:
    """Give every weight a scale at which signals neither grow nor vanish; the device draws them."""
    device = next(network.parameters()).device
    generator = torch.Generator(device).manual_seed(3)
    for name, weight in sorted(network.named_parameters()):
        if weight.ndim > 1:
            weight.normal_(0, weight[0].numel() ** -0.5, generator=generator)
        else:
            scale = torch.randn(weight.shape, generator=generator, device=device)
            weight.copy_(1 + 0.2 * scale if "norm" in name and name.endswith("weight") else 0.1 * scale)


class RowCounter(nn.Module):
    """Stands in for the UNet, and counts the rows that it is asked for."""

    def __init__(self) -> None:
        super().__init__()
        self.whole = self.shallow = 0

    def predict(self, sample, timestep, tokens):
        self.whole += len(tokens)
        return sample

    def predict_deep(self, sample, timestep, tokens):
        return self.predict(sample, timestep, tokens), sample

    def predict_shallow(self, sample, timestep, tokens, deep):
        self.shallow += len(tokens)
        return sample


def count_rows(options: Options) -> tuple[int, int]:
    """Return how many rows of whole and of shallow steps of the UNet a window takes, as the library predicts."""
    network, empty = RowCounter(), torch.zeros(1, 1, 1, 1, 1)
    predict = NoisePredictor(
        network,
        empty,
        empty[0],
        guidance=options.guidance,
        unguided=options.unguided_steps,
        reuse=options.reuse,
        rows=Slicer("UNet", 2),
    )
    for step in range(options.steps):
        predict(step, torch.tensor(0), empty)
    return network.whole, network.shallow


def work_of_second(options: Options, resolution: int) -> tuple[float, float]:
    """Return the TFLOP of UNet and VAE for a second of a long clip of 25 fps."""
    networks, (whole, shallow) = count_networks(resolution), count_rows(options)
    new = FRAMES - options.overlap  # frames that a window does not share with the one before
    encoded = FRAMES if options.exact else new
    unet = whole * networks.whole + shallow * networks.shallow
    vae = 2 * encoded * networks.encode + FRAMES * networks.decode
    return unet * FPS / new, vae * FPS / new
