import json

import numpy as np
import pytest
import torch

from latentsync_core.errors import InputError
from latentsync_core.training import train
from latentsync_core.training.recipes import MINUTES, NANO
from latentsync_core.weights import find_syncnet, load_models, load_syncnet


@pytest.fixture(scope="module")
def folder(recipe, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run")
    train(recipe, folder)
    return folder


def test_all_stages_make_a_checkpoint_that_loads(folder, recipe):
    models = load_models(folder / "checkpoint", device="cpu")
    assert models.resolution == recipe.data.resolution
    assert models.scheduler_config["prediction_type"] == "v_prediction"
    assert models.vae.config["scaling_factor"] != 0.45
    assert load_syncnet(find_syncnet(folder / "checkpoint")).resolution == 128
    curve = json.loads((folder / "unet.json").read_text())
    assert curve["steps"] == recipe.unet.loop.steps and np.isfinite(curve["losses"]["noise"]).all()


def test_two_runs_agree(folder, recipe, tmp_path_factory):
    again = tmp_path_factory.mktemp("again")
    train(recipe, again)
    for name in ("encoder", "vae", "unet"):
        first, second = (torch.load(f / f"{name}.pt", weights_only=True)["ema"] for f in (folder, again))
        assert all(torch.equal(first[key], second[key]) for key in first), name


def test_a_stage_names_the_one_that_is_missing(recipe, tmp_path):
    with pytest.raises(InputError, match="run the stage 'vae' first"):
        train(recipe, tmp_path, "unet")
    with pytest.raises(InputError, match="stage takes data, encoder"):
        train(recipe, tmp_path, "teach")


def test_shortened_recipe_keeps_everything_but_the_amount():
    short = NANO.shortened(3)
    assert short.unet.loop.steps == round(NANO.unet.loop.steps * 3 / MINUTES)
    assert short.data.identities >= 4
    assert short.unet.loop.learning_rate == NANO.unet.loop.learning_rate
    assert NANO.shortened(10 * MINUTES) == NANO
