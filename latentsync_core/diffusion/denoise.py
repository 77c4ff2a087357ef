"""Denoise windows: LatentSync's sampling loop on diffusers' schedulers.

Upstream: LipsyncPipeline.__call__ (bytedance/LatentSync a229c39, pipelines/lipsync_pipeline.py).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from diffusers import DDIMScheduler, DPMSolverMultistepScheduler, UniPCMultistepScheduler
from torch import Tensor

from ..data import IntArray
from ..errors import WeightsError
from ..models.bundle import LipSyncModels
from ..models.compiled import CompiledUNet
from ..models.fp8 import is_fp8
from ..models.walk import UNetWalk
from ..options import Options
from .condition import ConditionEncoder
from .latents import LatentCodec, to_crops
from .memory import Slicer, send
from .predict import Network, NoisePredictor

SCHEDULERS: dict[str, Callable[[Mapping[str, Any]], Any]] = {
    "ddim": DDIMScheduler.from_config,
    "dpm++": DPMSolverMultistepScheduler.from_config,
    "unipc": UniPCMultistepScheduler.from_config,
}


def draw_noise_frame(channels: int, height: int, width: int, generator: torch.Generator) -> Tensor:
    """Draw the one frame of noise that all frames of all windows start from, shape (1, C, 1, h, w).

    It is drawn on the CPU, so that a seed means the same on every device.
    """
    return torch.randn((1, channels, 1, height, width), generator=generator)


def _make_scheduler(sampler: str, models: LipSyncModels) -> Any:
    try:
        return SCHEDULERS[sampler](models.scheduler_config)
    except (TypeError, ValueError, NotImplementedError) as exc:
        raise WeightsError(f"The scheduler_config.json of {models.name} cannot be used: {exc}.") from exc


def _pick_network(models: LipSyncModels, options: Options) -> Network:
    """Compile the UNet where that is asked for.

    Else walk it in one layout where that is faster and its weights are plain: on a CPU, and not in `exact`.
    """
    if models.compile:
        return CompiledUNet(models.unet)
    plain = options.exact or models.device.type != "cpu" or is_fp8(models.unet)
    return models.unet if plain else UNetWalk(models.unet)


@dataclass(frozen=True, eq=False)
class WindowInput:
    """What a window is denoised from."""

    crops: npt.NDArray[np.float32]
    """Shape (F, R, R, 3), 0..255; F up to 24."""
    tokens: npt.NDArray[np.float32]
    """Shape (F, tokens, width)."""
    numbers: IntArray | None = None
    """Shape (F,): which frames the crops are, so that one of several windows is encoded once; see
    `ConditionEncoder.encode`."""


class Denoiser:
    """Turns crops and speech tokens into mouths, one window or several at a time, with one seed.

    keep: mask (R, R), 1 = keep the source. on_step is called after every denoising step, for each window; raise from
    it to cancel. sample_latents: draw from the VAE's distribution, as upstream does, instead of taking its mean.
    """

    def __init__(
        self,
        models: LipSyncModels,
        keep: npt.NDArray[np.float32],
        options: Options,
        on_step: Callable[[], None] = lambda: None,
        sample_latents: bool = False,
    ) -> None:
        self._models, self._options, self._on_step = models, options, on_step
        self._codec = LatentCodec(models.vae)
        self._rows = Slicer("UNet", 2 * (models.batch or 1))
        self._network = _pick_network(models, options)
        self._scheduler = _make_scheduler(options.sampler, models)
        generator = torch.Generator().manual_seed(options.seed)
        size = models.resolution // 2 ** (len(models.vae.config["block_out_channels"]) - 1)
        noise = draw_noise_frame(models.unet.latent_channels, size, size, generator)
        self._noise = noise.to(models.device)
        mask, sampled_by = torch.from_numpy(keep).to(models.device), generator if sample_latents else None
        self._condition = ConditionEncoder(self._codec, mask, (size, size), sampled_by)

    @torch.inference_mode()
    def denoise(self, *windows: WindowInput) -> Tensor:
        """Denoise windows of the same number of frames together; return their final latents (N, C, F, h, w), float32.

        A window's latents are those of denoising it alone, but for rounding. Raises DeviceError when even the smallest
        slices do not fit the device.
        """
        device, scheduler = self._models.device, self._scheduler
        tokens = np.stack([window.tokens for window in windows])
        condition = torch.cat([self._condition.encode(window.crops, window.numbers) for window in windows])
        rows = self._fill(len(windows))
        predict = NoisePredictor(
            self._network,
            condition[rows],
            send(torch.from_numpy(tokens[rows]).to(self._models.dtype), device),
            guidance=self._options.guidance,
            unguided=self._options.unguided_steps,
            reuse=self._options.reuse,
            rows=self._rows,
        )
        # Every frame of every window starts from the same noise, as upstream's do. The noise decides which of the
        # many mouths that fit the speech comes out, so windows with noise of their own would disagree at their seams.
        scheduler.set_timesteps(self._options.steps)
        latents = self._noise.expand(len(rows), -1, tokens.shape[1], -1, -1) * scheduler.init_noise_sigma
        latents = self._run_steps(predict, latents, send(scheduler.timesteps, device), len(windows))
        return self._check_finite(latents[: len(windows)])

    def _fill(self, count: int) -> list[int]:
        """Return which windows are denoised: for a compiled network the last one again, up to the number it knows."""
        missing = (self._models.batch or 1) - count if self._models.compile else 0
        return [*range(count), *[count - 1] * missing]

    def _run_steps(self, predict: NoisePredictor, latents: Tensor, timesteps: Tensor, count: int) -> Tensor:
        """Take all steps, of which none waits for the device. timesteps: on it. count: windows that are reported."""
        scheduler = self._scheduler
        # The scheduler looks its timesteps up in tables on the CPU: read from a GPU, each would wait for it.
        for step, (t, there) in enumerate(zip(scheduler.timesteps, timesteps, strict=True)):
            noise = predict(step, there, scheduler.scale_model_input(latents, t))
            latents = scheduler.step(noise, t, latents).prev_sample
            for _ in range(count):
                self._on_step()
        return latents

    @torch.inference_mode()
    def decode(self, latents: Tensor) -> npt.NDArray[np.float32]:
        """Decode latents (1, C, F, h, w) to mouths (F, R, R, 3) in 0..255, not clipped."""
        return to_crops(self._check_finite(self._codec.decode(latents.to(self._models.device))))

    def _check_finite(self, values: Tensor) -> Tensor:
        if not values.sum().isfinite():
            raise WeightsError(
                f"{self._models.name} returned NaN in {self._models.dtype}. Try dtype fp32; if it stays, the file "
                "is damaged: fetch it again."
            )
        return values
