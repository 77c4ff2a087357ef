"""One stage on own footage, from a checkpoint that is there already: the published recipes."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from diffusers import DDIMScheduler

from ..errors import InputError
from ..models.bundle import LipSyncModels
from ..models.syncnet import StableSyncNet
from ..weights import find_syncnet, load_clip_encoder, load_models, load_syncnet, locate
from .footage import Footage
from .latents import LatentClip, LatentStore
from .loop import Run
from .pixels import Judges, freeze_all_but, load_lpips, train_pixels
from .recipes import FootageRecipe, PixelRecipe, SyncNetRecipe, UNetRecipe
from .stages import replace_checkpoint
from .syncnet import spoken, train_syncnet
from .unet import parameter_groups, train_unet


@dataclass(frozen=True)
class Sources:
    """Where the networks come from."""

    model: str
    """What is trained: `1.5`, `1.6` or a checkpoint's folder."""
    syncnet: Path | None = None
    """For the loss of synchrony: the published file, or the `syncnet.pt` of a run; None looks beside the model."""
    video_encoder: Path | None = None
    """For the temporal loss: VideoMAEv2's published file, or a folder."""


def tune(recipe: FootageRecipe, data: Path, folder: Path, sources: Sources) -> None:
    """Follow a recipe on footage that `prepare` laid out in `data`.

    `folder` holds the run, which goes on if it is there, and in the end `checkpoint`, which `load_models` takes
    (of a SyncNet: `syncnet.pt`, which `load_syncnet` takes). Raises InputError where the footage is of another size
    than the recipe's, or the recipe asks for a loss whose judge is missing, and WeightsError as `load_models` does.
    """
    train, test = Footage(data), Footage(data, test=True)
    if train.resolution != recipe.resolution:
        raise InputError(
            f"The recipe takes crops of {recipe.resolution} px, {data} has {train.resolution}; prepare the videos "
            f"with --resolution {recipe.resolution}, or take a recipe of that size."
        )
    if isinstance(recipe.stage, SyncNetRecipe):
        _tune_syncnet(recipe.stage, train, test, folder)
    else:
        _tune_unet(recipe.stage, train, test, folder, sources, recipe.resolution)


def _tune_syncnet(recipe: SyncNetRecipe, train: Footage, test: Footage, folder: Path) -> None:
    torch.manual_seed(recipe.loop.seed)
    run = Run("syncnet", StableSyncNet(), recipe.loop, folder)
    train_syncnet(run, recipe, spoken(train), spoken(test))


def _tune_unet(
    recipe: UNetRecipe | PixelRecipe,
    train: Footage,
    test: Footage,
    folder: Path,
    sources: Sources,
    resolution: int,
) -> None:
    device = PartialState().device
    checkpoint = locate(sources.model)
    models = load_models(checkpoint, resolution, device, "fp32")
    if isinstance(recipe, PixelRecipe):
        # A judge that is missing is missed before the latents of all clips are made, which takes long.
        judges = _judges(recipe, models, sources, device)
        run = _run_pixels(recipe, models, judges, train, test, folder)
    else:
        run = _run_noise(recipe, models, train, test, folder)
    replace_checkpoint(
        folder / "checkpoint",
        unet=run.ema,
        vae=models.vae,
        whisper=models.whisper,
        manifest=replace(checkpoint.manifest, resolution=resolution),
        scheduler=models.scheduler_config,
    )


def _run_noise(recipe: UNetRecipe, models: LipSyncModels, train: Footage, test: Footage, folder: Path) -> Run:
    latents = _latents(models, (train, test), folder)
    unet = models.unet.train().requires_grad_(True)
    run = Run("unet", unet, recipe.loop, folder, parameter_groups(unet, recipe))
    train_unet(run, recipe, DDIMScheduler.from_config(models.scheduler_config), *latents)
    return run


def _run_pixels(
    recipe: PixelRecipe, models: LipSyncModels, judges: Judges, train: Footage, test: Footage, folder: Path
) -> Run:
    latents = _latents(models, (train, test), folder)
    unet = freeze_all_but(models.unet.train(), recipe.trainable)
    run = Run("pixels", unet, recipe.loop, folder)
    scheduler = DDIMScheduler.from_config(models.scheduler_config)
    train_pixels(run, recipe, scheduler, judges, latents[0], spoken(train), latents[1])
    return run


def _latents(models: LipSyncModels, parts: tuple[Footage, ...], folder: Path) -> list[list[LatentClip]]:
    places = [LatentStore(part, folder / "latents", models.vae, models.whisper) for part in parts]
    return [place.load(range(place.clips)) for place in places]


def _judges(recipe: PixelRecipe, models: LipSyncModels, sources: Sources, device: torch.device) -> Judges:
    def frozen(network: Any) -> Any:
        return network.to(device).eval().requires_grad_(False)

    video_encoder = sources.video_encoder
    judges = Judges(
        frozen(models.vae),
        syncnet=frozen(load_syncnet(sources.syncnet or find_syncnet(sources.model))) if recipe.sync else None,
        clip_encoder=frozen(load_clip_encoder(video_encoder)) if recipe.temporal and video_encoder else None,
        perceptual=frozen(load_lpips()) if recipe.perceptual else None,
    )
    judges.check(recipe)
    return judges
