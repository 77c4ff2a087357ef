"""Stage 1 of the denoiser: the noise loss in latent space."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from diffusers import DDIMScheduler
from torch import nn

from .denoiser_scores import score_denoiser
from .draw import assemble, choose, loss_weight
from .latents import LatentClip
from .loop import Run, Validate
from .predict import predict
from .recipes import UNetRecipe

SCORE_EVERY = 400


def parameter_groups(unet: nn.Module, recipe: UNetRecipe) -> list[dict[str, Any]]:
    """Return parameter groups in which the cross-attention to the audio learns faster than the rest."""
    conditioned = [p for name, p in unet.named_parameters() if _is_speech_attention(name)]
    others = [p for name, p in unet.named_parameters() if not _is_speech_attention(name)]
    return [{"params": others, "scale": 1.0}, {"params": conditioned, "scale": recipe.speech_rate}]


def _is_speech_attention(name: str) -> bool:
    return ".attn2." in name and "motion_modules" not in name


def train_unet(
    run: Run,
    recipe: UNetRecipe,
    scheduler: DDIMScheduler,
    train: Sequence[LatentClip],
    test: Sequence[LatentClip],
    validate: Validate | None = None,
) -> None:
    """Train until the recipe's steps are over; without `test` nothing is measured on the way."""
    device, size = run.accelerator.device, train[0].latents.shape[-1]
    weight = loss_weight(size, recipe.mouth, recipe.outside).to(device)
    for step in run.steps():
        rng = run.rng()
        count, length = recipe.shape(step)
        batch = assemble(choose(rng, train, recipe.paired, count, length), train).to(device)
        prediction = predict(run.model, scheduler, recipe, batch, rng, run.generator())
        run.update(noise=(prediction.error**2 * weight).mean())
        if test and run.step % SCORE_EVERY == 0:
            run.measure(score_denoiser, scheduler, test, recipe)
        run.validate(validate)
