"""Stage 1 of the denoiser: the noise loss in latent space."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from math import sqrt
from typing import Any

import numpy as np
import torch
from diffusers import DDIMScheduler
from torch import Tensor, nn

from ..diffusion.latents import mask_latent
from ..faces.mask import keep_mask
from .latents import MASKED, WHOLE, LatentClip
from .loop import Run
from .recipes import UNetRecipe
from .vae import mouth_weight

HIGH_NOISE = 800
OUTSIDE = 0.25
"""Weight of the part that is kept, whose latents are given."""
PROBE_STEP = 900
SCORE_EVERY = 400


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
        """The same in float32 on a device."""
        return Batch(*(part.to(device, torch.float32) for part in (self.target, self.condition, self.tokens)))


def parameter_groups(unet: nn.Module, recipe: UNetRecipe) -> list[dict[str, Any]]:
    """The cross-attention to the sound learns faster than the rest."""
    heard = [p for name, p in unet.named_parameters() if _hears(name)]
    others = [p for name, p in unet.named_parameters() if not _hears(name)]
    return [{"params": others, "scale": 1.0}, {"params": heard, "scale": recipe.speech_rate}]


def _hears(name: str) -> bool:
    return ".attn2." in name and "motion_modules" not in name


def train_unet(
    run: Run,
    recipe: UNetRecipe,
    scheduler: DDIMScheduler,
    train: Sequence[LatentClip],
    test: Sequence[LatentClip],
) -> None:
    """Train until the recipe's steps are over."""
    device, size = run.accelerator.device, train[0].latents.shape[-1]
    weight = loss_weight(size, recipe.mouth).to(device)
    for step in run.steps():
        rng, generator = run.rng(), run.generator()
        count, length = recipe.shape(step)
        batch = assemble(choose(rng, train, recipe.paired, count, length), train).to(device)
        silence(rng, batch, recipe.audio_dropout)
        timestep = draw_timesteps(rng, count, recipe.high_noise).to(device)
        noise = mixed_noise(batch.target.shape, generator).to(device)
        noisy = scheduler.add_noise(batch.target, noise, timestep)
        wanted = wanted_output(scheduler, batch.target, noise, timestep)
        given = run.model(torch.cat([noisy, batch.condition], 1), timestep, batch.tokens).sample
        run.update(noise=((given - wanted) ** 2 * weight).mean())
        if run.step % SCORE_EVERY == 0:
            run.score(**probe(run.ema, scheduler, test, recipe))


@dataclass(frozen=True)
class Pick:
    """One window: where it is, and where its references come from."""

    clip: int
    take: int
    start: int
    reference: int
    length: int


def choose(
    rng: np.random.Generator, clips: Sequence[LatentClip], paired: float, count: int, length: int
) -> list[Pick]:
    """`count` random windows of `length` frames; `paired` is the share with references of the same frames."""
    picks = []
    for clip in rng.integers(len(clips), size=count):
        takes, _, frames = clips[clip].latents.shape[:3]
        start = int(rng.integers(frames - length + 1))
        reference = start if rng.random() < paired else elsewhere(rng, start, length, frames)
        picks.append(Pick(int(clip), int(rng.integers(takes)), start, reference, length))
    return picks


def elsewhere(rng: np.random.Generator, start: int, length: int, frames: int) -> int:
    """The start of a window of a clip that shares no frame with the one at `start`."""
    starts = [s for s in range(frames - length + 1) if abs(s - start) >= length]
    return int(rng.choice(starts))


def assemble(picks: Sequence[Pick], clips: Sequence[LatentClip]) -> Batch:
    """The windows: one take is to be painted, the other gives the blanked frames and the references."""
    parts = [_window(clips[pick.clip], pick) for pick in picks]
    return Batch(*(torch.stack(part) for part in zip(*parts, strict=True)))


def silence(rng: np.random.Generator, batch: Batch, share: float) -> None:
    """Take the sound from a share of the windows, in place: for guidance."""
    batch.tokens[torch.from_numpy(rng.random(len(batch.tokens)) < share)] = 0


def _window(clip: LatentClip, pick: Pick) -> tuple[Tensor, Tensor, Tensor]:
    """Target, condition and tokens; see `Batch`."""
    here, there = (
        slice(pick.start, pick.start + pick.length),
        slice(pick.reference, pick.reference + pick.length),
    )
    target, given = clip.latents[pick.take, WHOLE, here], clip.latents[1 - pick.take]
    mask = latent_mask(given.shape[-1]).half().expand(pick.length, 1, -1, -1)
    condition = torch.cat([mask, given[MASKED, here], given[WHOLE, there]], 1)
    return target.transpose(0, 1), condition.transpose(0, 1), clip.tokens[pick.take, here].clone()


@cache
def latent_mask(size: int) -> Tensor:
    """(size, size), 1 = keep: the mask as the pipeline gives it to the UNet."""
    return mask_latent(torch.from_numpy(keep_mask(8 * size)), (size, size))[0, 0, 0]


def draw_timesteps(rng: np.random.Generator, count: int, high_noise: float) -> Tensor:
    """Most from the high noise, where the sound and not the noisy picture tells the mouth."""
    high = rng.random(count) < high_noise
    steps = np.where(high, rng.integers(HIGH_NOISE, 1000, count), rng.integers(0, 1000, count))
    return torch.from_numpy(steps)


def mixed_noise(shape: Sequence[int], generator: torch.Generator) -> Tensor:
    """(B, C, F, h, w): half of the variance is common to all frames (mixed noise of PYoCo, alpha 1)."""
    shared = torch.randn((*shape[:2], 1, *shape[3:]), generator=generator)
    return sqrt(0.5) * (shared + torch.randn(tuple(shape), generator=generator))


def wanted_output(scheduler: DDIMScheduler, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """What the UNet should give, by the scheduler's `prediction_type`."""
    if scheduler.config["prediction_type"] == "v_prediction":
        return scheduler.get_velocity(clean, noise, timestep)
    return noise


def estimate(scheduler: DDIMScheduler, noisy: Tensor, given: Tensor, timestep: Tensor) -> Tensor:
    """The clean latents in one step from what the UNet gave; timestep: (B,)."""
    alpha = scheduler.alphas_cumprod.to(noisy.device)[timestep][:, None, None, None, None]
    if scheduler.config["prediction_type"] == "v_prediction":
        return alpha.sqrt() * noisy - (1 - alpha).sqrt() * given
    return (noisy - (1 - alpha).sqrt() * given) / alpha.sqrt()


def loss_weight(size: int, mouth: float) -> Tensor:
    """(size, size), mean 1: the painted part counts more, its mouth most."""
    weight = (OUTSIDE + (1 - OUTSIDE) * (1 - latent_mask(size))) * mouth_weight(size, mouth)
    return weight / weight.mean()


@torch.no_grad()
def probe(
    unet: nn.Module, scheduler: DDIMScheduler, clips: Sequence[LatentClip], recipe: UNetRecipe
) -> dict[str, float]:
    """One step from nearly pure noise on people never trained on: how far the mouth follows the sound.

    The mouth's openness is read off the latents by a ridge regression; correlations are within clips.
    """
    device, length = next(unet.parameters()).device, recipe.window
    reader = _ridge([(c.latents[0, WHOLE], c.openness[0]) for c in clips])
    told: dict[str, list[Tensor]] = {"heard": [], "unheard": []}
    new, old, errors = [], [], []
    weight = loss_weight(clips[0].latents.shape[-1], 0.0)
    for number, clip in enumerate(clips):
        batch = assemble([Pick(number, 1, length, length, length)], clips).to(device)
        noise = torch.randn(
            (*batch.target.shape[:2], 1, *batch.target.shape[3:]),
            generator=torch.Generator().manual_seed(number),
        )
        timestep = torch.tensor([PROBE_STEP], device=device)
        noisy = scheduler.add_noise(batch.target, noise.expand_as(batch.target).to(device), timestep)
        for name, tokens in (("heard", batch.tokens), ("unheard", torch.zeros_like(batch.tokens))):
            given = unet(torch.cat([noisy, batch.condition], 1), timestep, tokens).sample
            clean = estimate(scheduler, noisy, given, timestep)
            told[name].append(_centred(_read(reader, clean[0].transpose(0, 1).cpu())))
            if name == "heard":
                errors.append(float(((clean - batch.target) ** 2 * weight).mean()))
        new.append(_centred(clip.openness[1, length : 2 * length]))
        old.append(_centred(clip.openness[0, length : 2 * length]))
    heard, unheard, true, source = (torch.cat(p) for p in (told["heard"], told["unheard"], new, old))
    return {
        "follows the sound": _correlation(heard, true),
        "follows the source": _correlation(heard, source),
        "without sound": _correlation(unheard, true),
        "gain": float((heard * true).sum() / (true * true).sum()),
        "error": float(np.mean(errors)),
    }


def _features(latents: Tensor) -> Tensor:  # (F, C, h, w) -> (F, n)
    size = latents.shape[-1]
    part = latents[:, :, size // 2 : size - 1, size // 5 : size - size // 5].float().flatten(1)
    return torch.cat([part, torch.ones(len(part), 1)], 1)


def _ridge(pairs: list[tuple[Tensor, Tensor]], strength: float = 30.0) -> Tensor:
    features = torch.cat([_features(latents) for latents, _ in pairs])
    square = features.T @ features + strength * torch.eye(features.shape[1])
    return torch.linalg.solve(square, features.T @ torch.cat([openness for _, openness in pairs]))


def _read(reader: Tensor, latents: Tensor) -> Tensor:
    return _features(latents) @ reader


def _centred(values: Tensor) -> Tensor:
    return values - values.mean()


def _correlation(a: Tensor, b: Tensor) -> float:
    return float((a * b).sum() / (a.norm() * b.norm() + 1e-9))
