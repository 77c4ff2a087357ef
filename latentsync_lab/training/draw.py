"""What a step of the denoiser's training is drawn from: windows, references, timesteps, noise and target."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import Tensor

from latentsync_core.diffusion.latents import mask_latent
from latentsync_core.faces.mask import keep_mask

from .latents import MASKED, WHOLE, LatentClip
from .vae import mouth_weight

HIGH_NOISE = 800


@dataclass(frozen=True, eq=False)
class Batch:
    """Windows of a batch; the first dimension is the window."""

    target: Tensor
    """(B, C, F, h, w)"""
    condition: Tensor
    """(B, 1 + 2C, F, h, w): mask, blanked frames, references."""
    tokens: Tensor
    """(B, F, tokens, width)"""

    def to(self, device: torch.device) -> Batch:
        """Return the batch in float32 on a device."""
        return Batch(*(part.to(device, torch.float32) for part in (self.target, self.condition, self.tokens)))


@dataclass(frozen=True)
class Pick:
    """One window: where it is, and where its references come from."""

    clip: int
    utterance: int
    start: int
    reference: int
    length: int


def choose(
    rng: np.random.Generator, clips: Sequence[LatentClip], paired: float, count: int, length: int
) -> list[Pick]:
    """Choose `count` random windows of `length` frames; the fraction `paired` has its own frames as references."""
    picks = []
    for clip in rng.integers(len(clips), size=count):
        utterances, _, frames = clips[clip].latents.shape[:3]
        start = int(rng.integers(frames - length + 1))
        reference = start if rng.random() < paired else choose_elsewhere(rng, start, length, frames)
        picks.append(Pick(int(clip), int(rng.integers(utterances)), start, reference, length))
    return picks


def choose_elsewhere(rng: np.random.Generator, start: int, length: int, frames: int) -> int:
    """Choose the start of a window of the clip that has no frame in common with the one at `start`."""
    starts = [s for s in range(frames - length + 1) if abs(s - start) >= length]
    return int(rng.choice(starts))


def assemble(picks: Sequence[Pick], clips: Sequence[LatentClip]) -> Batch:
    """Stack windows: one utterance is the target, the other (if any) gives the masked frames and the references."""
    parts = [_cut_window(clips[pick.clip], pick) for pick in picks]
    return Batch(*(torch.stack(part) for part in zip(*parts, strict=True)))


def drop_audio(rng: np.random.Generator, batch: Batch, fraction: float) -> None:
    """Set the tokens of a fraction of the windows to zero, in place, for classifier-free guidance."""
    batch.tokens[torch.from_numpy(rng.random(len(batch.tokens)) < fraction)] = 0


def _cut_window(clip: LatentClip, pick: Pick) -> tuple[Tensor, Tensor, Tensor]:
    """Return target, condition and tokens; see `Batch`."""
    here, there = (
        slice(pick.start, pick.start + pick.length),
        slice(pick.reference, pick.reference + pick.length),
    )
    # Of two utterances -1 is the other one: the same motion with another mouth. Of one it is the same utterance.
    target, source = clip.latents[pick.utterance, WHOLE, here], clip.latents[pick.utterance - 1]
    mask = latent_mask(source.shape[-1]).half().expand(pick.length, 1, -1, -1)
    condition = torch.cat([mask, source[MASKED, here], source[WHOLE, there]], 1)
    # A copy, because `drop_audio` overwrites the tokens of a batch.
    return target.transpose(0, 1), condition.transpose(0, 1), clip.tokens[pick.utterance, here].clone()


@cache
def latent_mask(size: int) -> Tensor:
    """Return the mask as the pipeline gives it to the UNet, (size, size), 1 = keep."""
    return mask_latent(torch.from_numpy(keep_mask(8 * size)), (size, size))[0, 0, 0]


def draw_timesteps(rng: np.random.Generator, count: int, high_noise: float) -> Tensor:
    """Draw timesteps, most in the high noise, where the audio and not the noisy latents decides the mouth."""
    high = rng.random(count) < high_noise
    steps = np.where(high, rng.integers(HIGH_NOISE, 1000, count), rng.integers(0, 1000, count))
    return torch.from_numpy(steps)


def draw_mixed_noise(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """Draw noise (B, C, F, h, w), half of whose variance all frames share (mixed noise of PYoCo, alpha 1)."""
    shared = torch.randn((*shape[:2], 1, *shape[3:]), generator=generator)
    return sqrt(0.5) * (shared + torch.randn(tuple(shape), generator=generator))


def target_output(scheduler: DDIMScheduler, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """Return what the UNet should predict, by the scheduler's `prediction_type`."""
    if scheduler.config["prediction_type"] == "v_prediction":
        return scheduler.get_velocity(clean, noise, timestep)
    return noise


def estimate(scheduler: DDIMScheduler, noisy: Tensor, output: Tensor, timestep: Tensor) -> Tensor:
    """Return the clean latents in one step from the UNet's output; timestep: (B,)."""
    alpha = scheduler.alphas_cumprod.to(noisy.device)[timestep][:, None, None, None, None]
    if scheduler.config["prediction_type"] == "v_prediction":
        return alpha.sqrt() * noisy - (1 - alpha).sqrt() * output
    return (noisy - (1 - alpha).sqrt() * output) / alpha.sqrt()


def loss_weight(size: int, mouth: float, outside: float) -> Tensor:
    """Return weights (size, size) of mean 1, as ratios: kept part `outside`, painted part 1, its mouth 1 + `mouth`."""
    weight = (outside + (1 - outside) * (1 - latent_mask(size))) * mouth_weight(size, mouth)
    return weight / weight.mean()
