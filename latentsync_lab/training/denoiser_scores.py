"""What a denoiser makes of pure noise, in one step and in several, on clips never trained on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import Tensor, nn

from .draw import Batch, Pick, assemble, estimate, loss_weight
from .latents import WHOLE, LatentClip
from .recipes import UNetRecipe

OUTSIDE = 0.25
"""Weight of the kept part in the error."""
SAMPLED_CLIPS, SAMPLER_STEPS = 8, 8
"""How many clips are also sampled in how many steps: a network that is good at one step can be bad at several."""


@torch.no_grad()
def score_denoiser(
    unet: nn.Module, scheduler: DDIMScheduler, clips: Sequence[LatentClip], recipe: UNetRecipe
) -> dict[str, float]:
    """Return the error with the right audio, with none, and after several DDIM steps with the right one.

    Where the true mouths are known, also how they are followed in one step.
    """
    device = next(unet.parameters()).device
    batches = [
        assemble([_choose_window(k, clips, recipe.window)], clips).to(device) for k in range(len(clips))
    ]
    muted = [replace(batch, tokens=torch.zeros_like(batch.tokens)) for batch in batches]
    conditioned, unconditional = (
        [_run_step(unet, scheduler, batch, seed) for seed, batch in enumerate(part)]
        for part in (batches, muted)
    )
    errors, unconditional_errors = (
        [_measure_error(predicted, batch) for predicted, batch in zip(part, batches, strict=True)]
        for part in (conditioned, unconditional)
    )
    some = batches[:: -(-len(batches) // SAMPLED_CLIPS)]  # every so many, at most SAMPLED_CLIPS of them
    sampled = [_measure_error(_run_steps(unet, scheduler, b, seed), b) for seed, b in enumerate(some)]
    scores = {
        "error": float(np.mean(errors)),
        "error without sound": float(np.mean(unconditional_errors)),
        "error as sampled": float(np.mean(sampled)),
    }
    known = [clip.openness for clip in clips if clip.openness is not None]
    return scores | (
        _measure_following(clips, known, conditioned, unconditional, recipe.window) if known else {}
    )


def _choose_window(number: int, clips: Sequence[LatentClip], length: int) -> Pick:
    """Take the frames to be painted as references if there are two utterances, else the frames before them."""
    last = len(clips[number].latents) - 1
    return Pick(number, last, length, length if last else 0, length)


def _run_step(unet: nn.Module, scheduler: DDIMScheduler, batch: Batch, seed: int) -> Tensor:
    """Return the one-step estimate of a window, (1, C, F, h, w)."""
    noise = _draw_start(batch, seed)
    timestep = torch.tensor([scheduler.config.num_train_timesteps - 1], device=noise.device)
    output = unet(torch.cat([noise, batch.condition], 1), timestep, batch.tokens).sample
    return estimate(scheduler, noise, output, timestep).cpu()


def _run_steps(unet: nn.Module, scheduler: DDIMScheduler, batch: Batch, seed: int) -> Tensor:
    """Denoise a window by DDIM without guidance, (1, C, F, h, w)."""
    sampler = DDIMScheduler.from_config(scheduler.config)
    sampler.set_timesteps(SAMPLER_STEPS)
    latents = _draw_start(batch, seed)
    for timestep in sampler.timesteps.to(latents.device):
        output = unet(torch.cat([latents, batch.condition], 1), timestep, batch.tokens).sample
        latents = sampler.step(output, timestep, latents).prev_sample
    return latents.cpu()


def _draw_start(batch: Batch, seed: int) -> Tensor:
    """Draw noise that all frames share, (1, C, F, h, w), as the pipeline starts.

    No trace of the target is in it: under noise that frames share, their differences would give the mouth away.
    """
    shape = batch.target.shape
    noise = torch.randn((*shape[:2], 1, *shape[3:]), generator=torch.Generator().manual_seed(seed))
    return noise.expand(shape).to(batch.target.device)


def _measure_error(predicted: Tensor, batch: Batch) -> float:
    weight = loss_weight(predicted.shape[-1], 0.0, OUTSIDE)
    return float(((predicted - batch.target.cpu()) ** 2 * weight).mean())


def _measure_following(
    clips: Sequence[LatentClip],
    openness: list[Tensor],
    conditioned: list[Tensor],
    unconditional: list[Tensor],
    length: int,
) -> dict[str, float]:
    """Read the openness off the latents by ridge regression, and correlate it with the truth within clips."""
    regression = _fit_ridge(
        [(clip.latents[0, WHOLE], known[0]) for clip, known in zip(clips, openness, strict=True)]
    )
    with_audio, without = (
        torch.cat([_centre(_flatten_mouth(predicted[0].transpose(0, 1)) @ regression) for predicted in part])
        for part in (conditioned, unconditional)
    )
    new, old = (
        torch.cat([_centre(known[utterance, length : 2 * length]) for known in openness])
        for utterance in (1, 0)
    )
    return {
        "follows the sound": _correlation(with_audio, new),
        "follows the source": _correlation(with_audio, old),
        "without sound": _correlation(without, new),
        "gain": float((with_audio * new).sum() / (new * new).sum()),
    }


def _flatten_mouth(latents: Tensor) -> Tensor:  # (F, C, h, w) -> (F, n)
    size = latents.shape[-1]
    part = latents[:, :, size // 2 : size - 1, size // 5 : size - size // 5].float().flatten(1)
    return torch.cat([part, torch.ones(len(part), 1)], 1)


def _fit_ridge(pairs: list[tuple[Tensor, Tensor]], strength: float = 30.0) -> Tensor:
    features = torch.cat([_flatten_mouth(latents) for latents, _ in pairs])
    square = features.T @ features + strength * torch.eye(features.shape[1])
    return torch.linalg.solve(square, features.T @ torch.cat([openness for _, openness in pairs]))


def _centre(values: Tensor) -> Tensor:
    return values - values.mean()


def _correlation(a: Tensor, b: Tensor) -> float:
    return float((a * b).sum() / (a.norm() * b.norm() + 1e-9))
