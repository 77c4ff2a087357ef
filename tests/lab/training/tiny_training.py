"""Data and a recipe so small that every stage runs in seconds, without espeak-ng."""

from dataclasses import replace

import numpy as np
import torch

from latentsync_lab.training import data, loop
from latentsync_lab.training.recipes import NANO, LoopRecipe, MouthRegressorRecipe, Recipe

LOOP = LoopRecipe(steps=12, batch=2, learning_rate=1e-3, warmup=1, save_every=4)
TINY = Recipe(
    data=replace(NANO.data, tracks=2, test_tracks=2, identities=2, test_identities=2, clip_frames=18),
    encoder=replace(NANO.encoder, loop=replace(LOOP, steps=8, learning_rate=2e-3), frames=64),
    vae=replace(NANO.vae, loop=LOOP),
    decoder=replace(NANO.decoder, loop=LOOP),
    unet=replace(NANO.unet, loop=LOOP, window=4),
    mouth_regressor=MouthRegressorRecipe(loop=replace(LOOP, batch=8)),
    syncnet=replace(NANO.syncnet, loop=replace(LOOP, batch=4)),
    videomae=replace(NANO.videomae, loop=replace(LOOP, steps=8)),
    pixels=replace(
        NANO.pixels, loop=replace(LOOP, steps=2, batch=1), unet=replace(NANO.unet, window=4, paired=1.0)
    ),
)


def tone(seed):
    """4 s that sound a little like vowels."""
    rng = np.random.default_rng(seed)
    times = np.arange(4 * 16_000) / 16_000
    loud = np.clip(np.sin(2 * np.pi * rng.uniform(2, 4) * times), 0, 1)
    return (0.3 * loud * np.sin(2 * np.pi * rng.uniform(500, 900) * times)).astype(np.float32)


def make_tiny(set_attribute=setattr):
    """Use tones for speech, one thread, and no drawn curves, which take half a second each."""
    torch.set_num_threads(1)
    set_attribute(data, "train_track", tone)
    set_attribute(data, "test_track", lambda seed: tone(1000 + seed))
    set_attribute(loop, "draw_curve", lambda curve, path: None)
