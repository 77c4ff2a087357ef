"""Training a model from nothing, stage by stage; each stage goes on where it was stopped."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler
from torch import nn
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from ..data import Array
from ..errors import InputError
from ..models.unet import LatentSyncUNet
from ..weights import Manifest, write_checkpoint
from ..weights.catalogue import SCHEDULER_CONFIG
from ..weights.fresh import UNET_GROUPS, UNET_HEADS, nano_networks
from .data import Store
from .encoder import Listener, listen, train_encoder
from .latents import LatentClip, LatentStore
from .loop import Run
from .pixels import Judges, freeze_all_but_attention, train_pixels
from .reader import MouthReader, train_reader
from .recipes import Recipe
from .syncnet import nano_syncnet, spoken, train_syncnet
from .unet import parameter_groups, train_unet
from .vae import Autoencoder, latent_scale, to_pixels, train_vae

log = logging.getLogger(__name__)

SCHEDULER = {**SCHEDULER_CONFIG, "prediction_type": "v_prediction"}
"""With the usual noise prediction a network of this size learns nothing at high noise, where the sound decides."""
SCALE_CLIPS = 32


@dataclass(frozen=True)
class Workshop:
    """A recipe, the folder in which it is followed, and what the finished stages have made there."""

    recipe: Recipe
    folder: Path

    @cached_property
    def train(self) -> Store:
        """The material to learn from."""
        return Store(self.folder / "data", self.recipe.data)

    @cached_property
    def test(self) -> Store:
        """The material to measure with."""
        return Store(self.folder / "data", self.recipe.data, test=True)

    def networks(self, seed: int) -> tuple[LatentSyncUNet, AutoencoderKL, WhisperEncoder]:
        """Fresh networks, the same for the same seed."""
        torch.manual_seed(seed)
        return nano_networks()

    def trained(self, name: str, module: nn.Module) -> Any:
        """The module with the averaged weights of a stage, in eval mode."""
        path = self.folder / f"{name}.pt"
        if not path.exists():
            raise InputError(f"{path} is missing; run the stage {name!r} first.")
        module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["ema"])
        return module.eval().requires_grad_(False)

    def whisper(self) -> WhisperEncoder:
        return self.trained("encoder", Listener(self.networks(0)[2])).whisper

    def vae(self) -> AutoencoderKL:
        """The autoencoder, with the scale of its latents in its config."""
        vae = self.trained("vae", Autoencoder(self.networks(0)[1])).vae
        clips = min(SCALE_CLIPS, self.train.clips)
        pictures = np.concatenate([self.train.crops(clip)[::16] for clip in range(clips)])
        vae.register_to_config(scaling_factor=latent_scale(vae, to_pixels(pictures)))
        return vae

    def latents(self) -> list[list[LatentClip]]:
        """What the UNet learns from, and is measured with."""
        stores, networks = (self.train, self.test), (self.vae(), self.whisper())
        places = [LatentStore(store, self.folder / "latents", *networks) for store in stores]
        return [place.load(range(place.clips)) for place in places]


def make_data(shop: Workshop) -> None:
    """Sounds and crops."""
    for store in (shop.test, shop.train):
        store.prepare()


def make_encoder(shop: Workshop) -> None:
    """The speech encoder."""
    recipe = shop.recipe.encoder
    listener = Listener(shop.networks(recipe.loop.seed)[2])
    run = Run("encoder", listener, recipe.loop, shop.folder)
    train_encoder(run, recipe, listen(shop.train), listen(shop.test))


def make_vae(shop: Workshop) -> None:
    """The picture autoencoder."""
    recipe = shop.recipe.vae
    vae = Autoencoder(shop.networks(recipe.loop.seed)[1])
    run = Run("vae", vae, recipe.loop, shop.folder)
    clips = [
        np.ascontiguousarray(shop.train.crops(c)[:: recipe.frame_stride]) for c in range(shop.train.clips)
    ]
    frames = shop.recipe.data.clip_frames
    test = np.stack([shop.test.crops(c)[7 * c % frames] for c in range(shop.test.clips)])
    train_vae(run, recipe, clips, to_pixels(test))


def make_unet(shop: Workshop) -> None:
    """Stage 1 of the denoiser, on latents that are made first."""
    recipe = shop.recipe.unet
    unet = shop.networks(recipe.loop.seed)[0]
    train, test = shop.latents()
    run = Run("unet", unet, recipe.loop, shop.folder, parameter_groups(unet, recipe))
    train_unet(run, recipe, DDIMScheduler.from_config(SCHEDULER), train, test)


def make_pixels(shop: Workshop) -> None:
    """Stage 2 of the denoiser, from the end of stage 1."""
    recipe = shop.recipe.pixels
    unet = shop.trained("unet", shop.networks(0)[0]).train()
    run = Run("pixels", freeze_all_but_attention(unet), recipe.loop, shop.folder)
    judges = Judges(shop.vae(), shop.trained("syncnet", nano_syncnet()))
    train, test = shop.latents()
    takes = spoken(shop.train)
    train_pixels(run, recipe, DDIMScheduler.from_config(SCHEDULER), judges, train, takes, test)


def make_reader(shop: Workshop) -> None:
    """The judge of results, which is no part of the model."""
    recipe = shop.recipe.reader
    torch.manual_seed(recipe.loop.seed)
    run = Run("reader", MouthReader(), recipe.loop, shop.folder)
    train, test = ([_filmed(store, clip) for clip in range(store.clips)] for store in (shop.train, shop.test))
    train_reader(run, recipe, train, test)


def make_syncnet(shop: Workshop) -> None:
    """The judge of synchrony."""
    recipe = shop.recipe.syncnet
    torch.manual_seed(recipe.loop.seed)
    run = Run("syncnet", nano_syncnet(), recipe.loop, shop.folder)
    train_syncnet(run, recipe, spoken(shop.train), spoken(shop.test))


def _filmed(store: Store, clip: int) -> tuple[Array, Array]:
    mouth = store.mouth(store.takes(clip)[0])
    return store.crops(clip), np.stack([mouth.openness, mouth.spread, mouth.roundness], -1)


def export(shop: Workshop) -> None:
    """The checkpoint, in `folder`/checkpoint; it replaces an older one."""
    manifest = Manifest(
        resolution=shop.recipe.data.resolution, unet_heads=UNET_HEADS, unet_groups=UNET_GROUPS
    )
    new, old = shop.folder / "checkpoint.new", shop.folder / "checkpoint"
    shutil.rmtree(new, ignore_errors=True)
    stage = "pixels" if (shop.folder / "pixels.pt").exists() else "unet"
    unet = shop.trained(stage, shop.networks(0)[0])
    write_checkpoint(new, unet, shop.vae(), shop.whisper(), manifest, SCHEDULER)
    shutil.rmtree(old, ignore_errors=True)
    new.rename(old)


STAGES: dict[str, Callable[[Workshop], None]] = {
    "data": make_data,
    "encoder": make_encoder,
    "vae": make_vae,
    "unet": make_unet,
    "reader": make_reader,
    "syncnet": make_syncnet,
    "pixels": make_pixels,
    "export": export,
}


def train(recipe: Recipe, folder: Path, stage: str | None = None) -> None:
    """Run all stages in order, or one. Raises InputError for an unknown stage."""
    if stage is not None and stage not in STAGES:
        raise InputError(f"stage takes {', '.join(STAGES)}, got {stage!r}.")
    shop = Workshop(recipe, folder)
    for name in [stage] if stage else STAGES:
        log.info("Stage %s.", name)
        STAGES[name](shop)
