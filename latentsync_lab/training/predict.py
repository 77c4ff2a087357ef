"""What the denoiser is given in a step of its training, and what it predicts."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import Tensor, nn

from .draw import HIGH_NOISE, Batch, draw_mixed_noise, draw_timesteps, drop_audio, estimate, target_output
from .recipes import UNetRecipe

MOST_STOPS = 2
"""Steps that a sampler makes between its start and the step that is trained. They cost a third of a step each; without
any, errors still add up."""


@dataclass(frozen=True, eq=False)
class Prediction:
    """The denoiser's prediction for a batch; both are (B, C, F, h, w)."""

    error: Tensor
    """What training minimises: predicted minus target."""
    clean: Tensor
    """The estimate of the clean latents, in one step."""


def predict(
    model: nn.Module,
    scheduler: DDIMScheduler,
    recipe: UNetRecipe,
    batch: Batch,
    rng: np.random.Generator,
    generator: torch.Generator,
) -> Prediction:
    """Run the denoiser once, after dropping the audio of some windows in place.

    For noised targets the error is that of the scheduler's target, as upstream; for a sampler's latents it is that of
    the clean latents, as the other would grow without bound where little noise is left.
    """
    sampled = rng.random() < recipe.sampled
    if sampled:
        timestep = torch.full((len(batch.target),), int(rng.integers(len(scheduler.alphas_cumprod))))
        timestep = timestep.to(batch.target.device)
        noisy = run_sampler(model, scheduler, batch, timestep, generator)
    else:
        timestep = draw_timesteps(rng, len(batch.target), recipe.high_noise).to(batch.target.device)
        noise = draw_mixed_noise(batch.target.shape, generator).to(batch.target.device)
        noisy = scheduler.add_noise(batch.target, noise, timestep)
    drop_audio(rng, batch, recipe.audio_dropout)
    output = model(torch.cat([noisy, batch.condition], 1), timestep, batch.tokens).sample
    clean = estimate(scheduler, noisy, output, timestep)
    if sampled:
        return Prediction(clean - batch.target, clean)
    return Prediction(output - target_output(scheduler, batch.target, noise, timestep), clean)


@torch.no_grad()
def run_sampler(
    model: nn.Module,
    scheduler: DDIMScheduler,
    batch: Batch,
    timestep: Tensor,
    generator: torch.Generator,
) -> Tensor:
    """Return the noisy latents (B, C, F, h, w) of a sampler at a timestep, with no trace of the target in them.

    It begins anywhere in the high noise, with noise that all frames share, and comes down by DDIM in a few steps of
    random length. timestep: (B,), the same for all windows.
    """
    shape, last = batch.target.shape, int(timestep[0])
    noisy = torch.randn((*shape[:2], 1, *shape[3:]), generator=generator).expand(shape).to(batch.target)
    for now, later in pairwise(_draw_way_down(len(scheduler.alphas_cumprod), last, generator)):
        output = model(torch.cat([noisy, batch.condition], 1), torch.full_like(timestep, now), batch.tokens)
        clean = estimate(scheduler, noisy, output.sample, torch.full_like(timestep, now))
        alpha = float(scheduler.alphas_cumprod[now])
        noise = (noisy - alpha**0.5 * clean) / (1 - alpha) ** 0.5
        noisy = scheduler.add_noise(clean, noise, torch.full_like(timestep, later))
    return noisy


def _draw_way_down(timesteps: int, last: int, generator: torch.Generator) -> list[int]:
    """Draw the timesteps that a sampler takes to the last one; where that is in the high noise, it begins there."""
    if last >= HIGH_NOISE:
        return [last]
    first = int(torch.randint(HIGH_NOISE, timesteps, (), generator=generator))
    stops = int(torch.randint(MOST_STOPS + 1, (), generator=generator))
    between = torch.randint(last, first, (stops,), generator=generator).tolist()
    return sorted([first, *between, last], reverse=True)
