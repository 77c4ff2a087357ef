"""Training a model from nothing, stage by stage; each stage goes on where it was stopped."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import torch
from accelerate import PartialState
from diffusers import AutoencoderKL, DDIMScheduler
from torch import nn
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from latentsync_core.data import Array, Progress
from latentsync_core.errors import InputError
from latentsync_core.metrics.sync import FRAMES
from latentsync_core.models.syncnet import StableSyncNet
from latentsync_core.models.unet import LatentSyncUNet
from latentsync_core.models.videomae import ClipEncoder
from latentsync_core.weights import Manifest, load_clip_encoder, load_syncnet
from latentsync_core.weights.catalogue import SCHEDULER_CONFIG

from ..fresh import UNET_GROUPS, UNET_HEADS, nano_networks
from .checkpoint import replace_checkpoint
from .data import SyntheticDataset
from .encoder import SupervisedEncoder, load_speech, train_encoder
from .latents import LatentClip, LatentStore
from .loop import Run, count_progress
from .mouth_regressor import MouthRegressor, train_mouth_regressor
from .pixels import LossNetworks, freeze_all_but, load_lpips, train_pixels
from .recipes import LoopRecipe, Recipe, VaeRecipe
from .start import START, begin_with, fill_from
from .syncnet import load_utterances, nano_syncnet, train_syncnet
from .unet import parameter_groups, train_unet
from .vae import Autoencoder, latent_scale, to_pixels, train_vae
from .videomae import MaskedClips, train_videomae

log = logging.getLogger(__name__)

SCHEDULER = {**SCHEDULER_CONFIG, "prediction_type": "v_prediction", "set_alpha_to_one": True}
"""With the usual noise prediction a network of this size learns nothing at high noise, where the audio decides. And
DDIM ends at clean latents: where it leaves the published 3 % of noise, which a large decoder is used to, this one
shows it."""
SCALE_CLIPS = 32
"""Clips over which the spread of latents and the mean of video features are taken."""
GIVEN = ("encoder", "vae", "unet")
"""The stages whose networks every checkpoint has."""
NOTE = "synthetic demo model, made to show and test this software; not for real people"
"""The note of a checkpoint that was trained on drawn people: `load_models` shows it to the user."""


@dataclass(frozen=True)
class RunDirectory:
    """A recipe, the folder in which it is followed, and what the finished stages have made there."""

    recipe: Recipe
    folder: Path
    progress: Progress | None = None

    def run(
        self, name: str, module: nn.Module, loop: LoopRecipe, groups: list[dict[str, Any]] | None = None
    ) -> Run:
        """Start or resume a network's training here."""
        return Run(name, module, loop, self.folder, groups, progress=self.progress)

    @cached_property
    def train(self) -> SyntheticDataset:
        """The training set."""
        return SyntheticDataset(self.folder / "data", self.recipe.data)

    @cached_property
    def test(self) -> SyntheticDataset:
        """The held-out set."""
        return SyntheticDataset(self.folder / "data", self.recipe.data, test=True)

    def has(self, name: str) -> bool:
        """Return whether a stage was run here, as a whole or in part."""
        return (self.folder / f"{name}.pt").exists()

    @property
    def start(self) -> Path | None:
        """The checkpoint that the run begins with, if it does not begin from nothing."""
        place = self.folder / START
        return place if place.exists() else None

    def make_networks(self, seed: int) -> tuple[LatentSyncUNet, AutoencoderKL, WhisperEncoder]:
        """Make fresh networks from a seed, or with the weights that the run begins with."""
        torch.manual_seed(seed)
        networks = nano_networks()
        if self.start:
            fill_from(self.start, networks)
        return networks

    def load_trained(self, name: str, module: nn.Module) -> Any:
        """Give the module a stage's averaged weights, frozen, on this process's device."""
        path = self.folder / f"{name}.pt"
        if self.has(name):
            module.load_state_dict(torch.load(path, map_location="cpu", weights_only=True)["ema"])
        elif not (self.start and name in GIVEN):
            raise InputError(f"{path} is missing; run the stage {name!r} first.")
        return module.eval().requires_grad_(False).to(PartialState().device)

    def load_whisper(self) -> WhisperEncoder:
        return self.load_trained("encoder", SupervisedEncoder(self.make_networks(0)[2])).whisper

    def load_vae(self) -> AutoencoderKL:
        """Load the autoencoder, with the scale of its latents in its config."""
        stage = "decoder" if self.has("decoder") else "vae"
        vae = self.load_trained(stage, Autoencoder(self.make_networks(0)[1])).vae
        clips = min(SCALE_CLIPS, self.train.clips)
        images = np.concatenate([self.train.crops(clip)[::16] for clip in range(clips)])
        vae.register_to_config(scaling_factor=latent_scale(vae, to_pixels(images)))
        return vae

    def load_syncnet(self) -> StableSyncNet:
        """Load the SyncNet."""
        if self.start and not self.has("syncnet"):
            return load_syncnet(self.start / "syncnet").to(PartialState().device)
        return self.load_trained("syncnet", nano_syncnet()).syncnet

    def load_clip_encoder(self) -> ClipEncoder:
        """Load the video network of the temporal loss."""
        if self.start and not self.has("videomae"):
            return load_clip_encoder(self.start / "videomae").to(PartialState().device)
        clips = range(min(SCALE_CLIPS, self.train.clips))
        windows = torch.stack([to_pixels(self.train.crops(clip)[:FRAMES]) for clip in clips])
        return self.load_trained("videomae", MaskedClips()).encoder(windows)

    def load_finished(self) -> tuple[LatentSyncUNet, AutoencoderKL, WhisperEncoder]:
        """Load the networks of the model in float32, the UNet as its last stage left it."""
        stage = "pixels" if self.has("pixels") else "unet"
        return self.load_trained(stage, self.make_networks(0)[0]), self.load_vae(), self.load_whisper()

    def load_latents(self) -> list[list[LatentClip]]:
        """Load what the UNet is trained on and what it is measured on."""
        stores, networks = (self.train, self.test), (self.load_vae(), self.load_whisper())
        places = [LatentStore(store, self.folder / "latents", *networks) for store in stores]
        on_clip = count_progress(self.progress, "latents", sum(place.work for place in places))
        return [place.load(range(place.clips), on_clip) for place in places]


def make_data(run_dir: RunDirectory) -> None:
    """Make speech and crops."""
    on_file = count_progress(run_dir.progress, "data", run_dir.test.files + run_dir.train.files)
    with PartialState().main_process_first():
        for store in (run_dir.test, run_dir.train):
            store.prepare(on_file)


def make_encoder(run_dir: RunDirectory) -> None:
    """Train the speech encoder."""
    recipe = run_dir.recipe.encoder
    listener = SupervisedEncoder(run_dir.make_networks(recipe.loop.seed)[2])
    run = run_dir.run("encoder", listener, recipe.loop)
    train_encoder(run, recipe, load_speech(run_dir.train), load_speech(run_dir.test))


def make_vae(run_dir: RunDirectory) -> None:
    """Train the image autoencoder."""
    recipe = run_dir.recipe.vae
    fit_vae(run_dir, "vae", recipe, Autoencoder(run_dir.make_networks(recipe.loop.seed)[1]))


def make_decoder(run_dir: RunDirectory) -> None:
    """Train its decoder on, for the painted part of an image; the latents stay what they are."""
    vae = run_dir.load_trained("vae", Autoencoder(run_dir.make_networks(0)[1])).train()
    vae = freeze_all_but(vae, (".decoder.", ".post_quant_conv."))
    fit_vae(run_dir, "decoder", run_dir.recipe.decoder, vae)


def fit_vae(run_dir: RunDirectory, name: str, recipe: VaeRecipe, vae: nn.Module) -> None:
    """Train what is not frozen of an autoencoder."""
    run = run_dir.run(name, vae, recipe.loop)
    crops = map(run_dir.train.crops, range(run_dir.train.clips))
    clips = [np.ascontiguousarray(clip[:: recipe.frame_stride]) for clip in crops]
    frames = run_dir.recipe.data.clip_frames
    test = np.stack([run_dir.test.crops(c)[7 * c % frames] for c in range(run_dir.test.clips)])
    train_vae(run, recipe, clips, to_pixels(test))


def make_unet(run_dir: RunDirectory) -> None:
    """Train stage 1 of the denoiser, on latents that are made first."""
    recipe = run_dir.recipe.unet
    unet = run_dir.make_networks(recipe.loop.seed)[0]
    train, test = run_dir.load_latents()
    run = run_dir.run("unet", unet, recipe.loop, parameter_groups(unet, recipe))
    train_unet(run, recipe, DDIMScheduler.from_config(SCHEDULER), train, test)


def make_pixels(run_dir: RunDirectory) -> None:
    """Train stage 2 of the denoiser, from the end of stage 1."""
    recipe = run_dir.recipe.pixels
    unet = freeze_all_but(run_dir.load_trained("unet", run_dir.make_networks(0)[0]).train(), recipe.trainable)
    run = run_dir.run("pixels", unet, recipe.loop)
    loss_networks = LossNetworks(
        run_dir.load_vae(),
        syncnet=run_dir.load_syncnet() if recipe.sync else None,
        clip_encoder=run_dir.load_clip_encoder() if recipe.temporal else None,
        perceptual=load_lpips().to(run.accelerator.device) if recipe.perceptual else None,
    )
    train, test = run_dir.load_latents()
    utterances = load_utterances(run_dir.train)
    train_pixels(run, recipe, DDIMScheduler.from_config(SCHEDULER), loss_networks, train, utterances, test)


def make_mouth_regressor(run_dir: RunDirectory) -> None:
    """Train the mouth regressor, which evaluates results and is no part of the model."""
    recipe = run_dir.recipe.mouth_regressor
    torch.manual_seed(recipe.loop.seed)
    run = run_dir.run("reader", MouthRegressor(), recipe.loop)
    train, test = (
        [_load_crops(store, clip) for clip in range(store.clips)] for store in (run_dir.train, run_dir.test)
    )
    train_mouth_regressor(run, recipe, train, test)


def make_syncnet(run_dir: RunDirectory) -> None:
    """Train the SyncNet."""
    recipe = run_dir.recipe.syncnet
    torch.manual_seed(recipe.loop.seed)
    run = run_dir.run("syncnet", nano_syncnet(), recipe.loop)
    train_syncnet(run, recipe, load_utterances(run_dir.train), load_utterances(run_dir.test))


def make_videomae(run_dir: RunDirectory) -> None:
    """Train the video network of the temporal loss."""
    recipe = run_dir.recipe.videomae
    torch.manual_seed(recipe.loop.seed)
    run = run_dir.run("videomae", MaskedClips(), recipe.loop)
    train_videomae(run, recipe, load_utterances(run_dir.train), load_utterances(run_dir.test))


def _load_crops(store: SyntheticDataset, clip: int) -> tuple[Array, Array]:
    mouth = store.mouth(store.utterances(clip)[0])
    return store.crops(clip), np.stack([mouth.openness, mouth.spread, mouth.roundness], -1)


def export(run_dir: RunDirectory) -> None:
    """Write the checkpoint to `folder`/checkpoint, in the place of an older one."""
    manifest = Manifest(
        resolution=run_dir.recipe.data.resolution,
        unet_heads=UNET_HEADS,
        unet_groups=UNET_GROUPS,
        note=NOTE,
        faces="drawn",
    )
    unet, vae, whisper = run_dir.load_finished()
    replace_checkpoint(
        run_dir.folder / "checkpoint",
        unet=unet,
        vae=vae,
        whisper=whisper,
        manifest=manifest,
        scheduler=SCHEDULER,
        syncnet=run_dir.load_syncnet() if run_dir.start or run_dir.has("syncnet") else None,
        clip_encoder=run_dir.load_clip_encoder() if run_dir.start or run_dir.has("videomae") else None,
    )


STAGES: dict[str, Callable[[RunDirectory], None]] = {
    "data": make_data,
    "encoder": make_encoder,
    "vae": make_vae,
    "decoder": make_decoder,
    "unet": make_unet,
    "reader": make_mouth_regressor,  # the name that users type and that runs on disk have
    "syncnet": make_syncnet,
    "videomae": make_videomae,
    "pixels": make_pixels,
    "export": export,
}


def train(
    recipe: Recipe,
    folder: Path,
    stage: str | None = None,
    start: Path | None = None,
    progress: Progress | None = None,
) -> None:
    """Run all stages in order, or one; progress is called after every step of each, as of `Run`.

    start: a checkpoint that an earlier run exported; its networks learn on, and those of stages that are not run
    stay as they are. It is copied into `folder`, so it has to be given only once. Raises InputError for an
    unknown stage or a checkpoint of other sizes, WeightsError for one that cannot be read.
    """
    if stage is not None and stage not in STAGES:
        raise InputError(f"stage takes {', '.join(STAGES)}, got {stage!r}.")
    run_dir = RunDirectory(recipe, folder, progress)
    if start and not run_dir.start:
        begin_with(start, folder)
    for name in [stage] if stage else STAGES:
        log.info("Stage %s.", name)
        STAGES[name](run_dir)
