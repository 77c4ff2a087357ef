"""Stage 2 of the denoiser: the one-step estimate is decoded, and judged as a picture, by its sound and in time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from diffusers import DDIMScheduler
from torch import Tensor, nn

from ..metrics.sync import FRAMES, face_window
from ..metrics.temporal import temporal_distance
from ..models.syncnet import StableSyncNet, sync_loss
from ..models.videomae import ClipEncoder
from .latents import LatentClip
from .loop import Run
from .recipes import PixelRecipe
from .syncnet import Spoken
from .unet import (
    Pick,
    assemble,
    choose,
    draw_timesteps,
    estimate,
    mixed_noise,
    probe,
    silence,
    wanted_output,
)
from .vae import mouth_weight, to_pixels

SCORE_EVERY = 200


@dataclass(frozen=True, eq=False)
class Judges:
    """The frozen networks that look at the pictures; without one its loss is left out."""

    vae: Any
    syncnet: StableSyncNet | None = None
    clip_encoder: ClipEncoder | None = None


def freeze_all_but_attention(unet: nn.Module) -> nn.Module:
    """As upstream, stage 2 trains the motion modules and the spatial transformers only."""
    for name, parameter in unet.named_parameters():
        parameter.requires_grad_("motion_modules." in name or "attentions." in name)
    return unet


def train_pixels(
    run: Run,
    recipe: PixelRecipe,
    scheduler: DDIMScheduler,
    judges: Judges,
    train: Sequence[LatentClip],
    takes: Sequence[Spoken],
    test: Sequence[LatentClip],
) -> None:
    """takes: those of clip 0, of clip 1 and so on, all of a clip together."""
    device = run.accelerator.device
    for _ in run.steps():
        rng = run.rng()
        picks = choose(rng, train, recipe.unet.paired, recipe.loop.batch, FRAMES)
        batch = assemble(picks, train).to(device)
        silence(rng, batch, recipe.unet.audio_dropout)
        timestep = draw_timesteps(rng, len(picks), recipe.unet.high_noise).to(device)
        noise = mixed_noise(batch.target.shape, run.generator()).to(device)
        noisy = scheduler.add_noise(batch.target, noise, timestep)
        given = run.model(torch.cat([noisy, batch.condition], 1), timestep, batch.tokens).sample
        wanted = wanted_output(scheduler, batch.target, noise, timestep)
        clean = estimate(scheduler, noisy, given, timestep)
        seen = [takes[pick.clip * len(train[0].latents) + pick.take] for pick in picks]
        run.update(
            noise=((given - wanted) ** 2).mean(),
            **picture_losses(recipe, judges, clean, batch.tokens, list(zip(picks, seen, strict=True))),
        )
        if run.step % SCORE_EVERY == 0:
            run.score(**probe(run.ema, scheduler, test, recipe.unet))


def picture_losses(
    recipe: PixelRecipe, judges: Judges, latents: Tensor, tokens: Tensor, seen: list[tuple[Pick, Spoken]]
) -> dict[str, Tensor]:
    """Losses of estimated latents (B, C, F, h, w) against the true pictures and the sound of each window."""
    made = decode(judges.vae, latents)  # (B, F, 3, R, R)
    true = torch.stack([to_pixels(take.crops[pick.start : pick.start + FRAMES]) for pick, take in seen])
    true = true.to(made.device)
    weight = mouth_weight(made.shape[-1], recipe.mouth).to(made.device)
    losses = {"picture": recipe.picture * ((made - true).abs() * weight).mean()}
    if judges.syncnet is not None:
        losses["sync"] = recipe.sync * _sync(judges.syncnet, made, tokens, seen)
    if judges.clip_encoder is not None:
        losses["temporal"] = recipe.temporal * temporal_distance(judges.clip_encoder, made, true)
    return losses


def _sync(syncnet: StableSyncNet, made: Tensor, tokens: Tensor, seen: list[tuple[Pick, Spoken]]) -> Tensor:
    """Windows without sound, which cannot be in sync, do not count."""
    heard = (tokens != 0).flatten(1).any(1)
    if not heard.any():
        return made.new_zeros(())
    faces = torch.stack([face_window(clip, 0) for clip in made])
    mels = torch.stack([take.heard(pick.start) for pick, take in seen]).to(made.device)
    face, mel = syncnet(faces[heard], mels[heard])
    return sync_loss(face, mel, torch.ones(len(face), device=made.device))


def decode(vae: Any, latents: Tensor) -> Tensor:
    """Scaled latents (B, C, F, h, w) -> pictures (B, F, 3, R, R) in about -1..1, with gradients."""
    frames = latents.transpose(1, 2).flatten(0, 1) / vae.config.scaling_factor + (
        vae.config.shift_factor or 0.0
    )
    return vae.decode(frames).sample.unflatten(0, (len(latents), -1))
