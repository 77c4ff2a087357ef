"""One stage on own footage, from a checkpoint that is there already: the published recipes."""

from __future__ import annotations

import copy
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch
from accelerate import PartialState
from diffusers import DDIMScheduler
from torch import nn

from latentsync_core.data import Progress
from latentsync_core.errors import InputError
from latentsync_core.models.bundle import LipSyncModels
from latentsync_core.models.syncnet import StableSyncNet
from latentsync_core.weights import (
    find_checkpoint,
    find_syncnet,
    load_clip_encoder,
    load_models,
    load_syncnet,
)

from .checkpoint import replace_checkpoint
from .footage import Footage
from .latents import LatentClip, LatentStore
from .loop import Run, count_progress
from .pixels import LossNetworks, freeze_all_but, load_lpips, train_pixels
from .recipes import FootageRecipe, PixelRecipe, SyncNetRecipe, UNetRecipe
from .syncnet import load_utterances, train_syncnet
from .unet import parameter_groups, train_unet
from .validate import ValidationVideo

HALF_DTYPES = {"fp16": torch.float16, "bf16": torch.bfloat16}


@dataclass(frozen=True)
class Sources:
    """Where the networks come from."""

    model: str
    """What is trained: `1.5`, `1.6` or a checkpoint's folder."""
    syncnet: str | Path | None = None
    """For the sync loss, as `find_syncnet` takes it: a checkpoint, the published file, or the `syncnet.pt` of a
    run; None looks beside the model."""
    video_encoder: Path | None = None
    """For the temporal loss: VideoMAEv2's published file, or a folder."""


def tune(
    recipe: FootageRecipe, data: Path, folder: Path, sources: Sources, progress: Progress | None = None
) -> None:
    """Follow a recipe on footage that `prepare` laid out in `data`.

    `folder` holds the run, which goes on if it is there, `validation`, videos of what it makes of a clip held out,
    and in the end `checkpoint`, which `load_models` takes (of a SyncNet: `syncnet.pt`, which `load_syncnet` takes).
    progress is called after every clip of the stage `latents` and every step of the training. Raises InputError
    where the footage is of another size than the recipe's, or the recipe asks for a loss whose network is missing, and
    WeightsError as `load_models` does.
    """
    footage = Footage(data), Footage(data, test=True)
    if footage[0].resolution != recipe.resolution:
        raise InputError(
            f"The recipe takes crops of {recipe.resolution} px, {data} has {footage[0].resolution}; prepare the "
            f"videos with --resolution {recipe.resolution}, or take a recipe of that size."
        )
    if isinstance(recipe.stage, SyncNetRecipe):
        torch.manual_seed(recipe.stage.loop.seed)
        run = Run("syncnet", StableSyncNet(), recipe.stage.loop, folder, progress=progress)
        train_syncnet(run, recipe.stage, *(load_utterances(part) for part in footage))
    else:
        _Tuning(recipe.stage, recipe.resolution, footage, folder, sources, progress).run()


@dataclass(frozen=True)
class _Tuning:
    """The denoiser's training on footage."""

    recipe: UNetRecipe | PixelRecipe
    resolution: int
    footage: tuple[Footage, Footage]
    """To learn from, and held out."""
    folder: Path
    sources: Sources
    progress: Progress | None

    def run(self) -> None:
        """Train, and write the checkpoint."""
        checkpoint = find_checkpoint(self.sources.model)
        models = load_models(checkpoint, self.resolution, PartialState().device, "fp32")
        if isinstance(self.recipe, PixelRecipe):
            # The loss networks come first: one that is missing must not be found out after hours of making latents.
            run = self._train_pixels(
                self.recipe, models, _load_loss_networks(self.recipe, models, self.sources)
            )
        else:
            run = self._train_noise(self.recipe, models)
        replace_checkpoint(
            self.folder / "checkpoint",
            unet=run.ema,
            vae=models.vae,
            whisper=models.whisper,
            manifest=replace(checkpoint.manifest, resolution=self.resolution),
            scheduler=models.scheduler_config,
        )

    def _train_noise(self, recipe: UNetRecipe, models: LipSyncModels) -> Run:
        train, test = self._load_latents(models)
        unet = models.unet.train().requires_grad_(True)
        groups = parameter_groups(unet, recipe)
        run = Run("unet", unet, recipe.loop, self.folder, groups, progress=self.progress)
        scheduler = DDIMScheduler.from_config(models.scheduler_config)
        train_unet(run, recipe, scheduler, train, test, self._make_validation(models, None))
        return run

    def _train_pixels(self, recipe: PixelRecipe, models: LipSyncModels, loss_networks: LossNetworks) -> Run:
        train, test = self._load_latents(models)
        unet = freeze_all_but(models.unet.train(), recipe.trainable)
        run = Run("pixels", unet, recipe.loop, self.folder, progress=self.progress)
        scheduler = DDIMScheduler.from_config(models.scheduler_config)
        validate = self._make_validation(models, loss_networks.syncnet)
        train_pixels(
            run, recipe, scheduler, loss_networks, train, load_utterances(self.footage[0]), test, validate
        )
        return run

    def _load_latents(self, models: LipSyncModels) -> list[list[LatentClip]]:
        folder = self.folder / "latents"
        places = [LatentStore(part, folder, models.vae, models.whisper) for part in self.footage]
        on_clip = count_progress(self.progress, "latents", sum(place.work for place in places))
        return [place.load(range(place.clips), on_clip) for place in places]

    def _make_validation(self, models: LipSyncModels, syncnet: StableSyncNet | None) -> ValidationVideo:
        """Validate on a held-out clip, or on the only clip there is."""
        train, test = self.footage
        clips = test if test.clips else train
        return ValidationVideo(models, clips, self.folder / "validation", syncnet, self.progress)


def _load_loss_networks(recipe: PixelRecipe, models: LipSyncModels, sources: Sources) -> LossNetworks:
    """Load them on the models' device; on a GPU in the precision of the recipe, as upstream keeps them."""
    dtype = (
        HALF_DTYPES.get(recipe.loop.precision, torch.float32)
        if models.device.type == "cuda"
        else torch.float32
    )

    def freeze(network: Any) -> Any:
        # diffusers' own `to` warns about modules kept in float32, of which these networks have none
        return nn.Module.to(network, models.device, dtype).eval().requires_grad_(False)

    video_encoder = sources.video_encoder
    loss_networks = LossNetworks(
        freeze(copy.deepcopy(models.vae)),  # which makes the latents in float32, and is exported
        syncnet=freeze(load_syncnet(find_syncnet(sources.syncnet or sources.model))) if recipe.sync else None,
        clip_encoder=freeze(load_clip_encoder(video_encoder)) if recipe.temporal and video_encoder else None,
        perceptual=load_lpips().to(models.device) if recipe.perceptual else None,
        dtype=dtype,
    )
    loss_networks.check(recipe)
    return loss_networks
