"""Material so small that every stage runs in a second."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from latentsync_core.training import data
from latentsync_core.training.data import Store
from latentsync_core.training.recipes import NANO, LoopRecipe, ReaderRecipe, Recipe, SyncNetRecipe

LOOP = LoopRecipe(steps=6, batch=2, learning_rate=1e-3, warmup=1, save_every=2)


def tone(seed):
    """4 s that sound a little like vowels, so that no espeak-ng is needed."""
    rng = np.random.default_rng(seed)
    times = np.arange(4 * 16_000) / 16_000
    loud = np.clip(np.sin(2 * np.pi * rng.uniform(2, 4) * times), 0, 1)
    return (0.3 * loud * np.sin(2 * np.pi * rng.uniform(500, 900) * times)).astype(np.float32)


@pytest.fixture(autouse=True, scope="session")
def quick():
    torch.set_num_threads(2)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(data, "train_track", tone)
        patch.setattr(data, "test_track", lambda seed: tone(1000 + seed))
        yield


@pytest.fixture(scope="session")
def recipe():
    return Recipe(
        data=replace(NANO.data, tracks=2, test_tracks=2, identities=2, test_identities=2, clip_frames=18),
        encoder=replace(NANO.encoder, loop=replace(LOOP, steps=4), frames=16),
        vae=replace(NANO.vae, loop=LOOP),
        unet=replace(NANO.unet, loop=LOOP, window=4),
        reader=ReaderRecipe(loop=LOOP),
        syncnet=SyncNetRecipe(loop=LOOP),
        videomae=replace(NANO.videomae, loop=LOOP),
        pixels=replace(NANO.pixels, loop=replace(LOOP, steps=2), unet=replace(NANO.unet, paired=1.0)),
    )


@pytest.fixture
def store(recipe, tmp_path):
    return Store(tmp_path / "data", recipe.data)
