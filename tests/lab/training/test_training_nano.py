"""`train nano` from nothing to a checkpoint, with everything small: what a long run relies on."""

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tiny_training import TINY

from latentsync_core.errors import InputError
from latentsync_core.weights import load_clip_encoder, load_models, load_syncnet
from latentsync_lab.cli import main
from latentsync_lab.training import train
from latentsync_lab.training.recipes import MINUTES, NANO

LEARNT = ("encoder", "vae", "decoder", "unet", "reader", "syncnet", "videomae", "pixels")

KILLED_IN_MID_STAGE = """
import os, signal, sys
sys.path.insert(0, sys.argv[1])
from pathlib import Path
from tiny_training import TINY, make_tiny
from latentsync_lab.training import loop, train
make_tiny()
update = loop.Run.update
def killed(run, **losses):
    if run.step == 6:
        os.kill(os.getpid(), signal.SIGKILL)
    update(run, **losses)
loop.Run.update = killed
train(TINY, Path(sys.argv[2]), "vae")
"""


def state(folder, stage):
    return torch.load(folder / f"{stage}.pt", weights_only=True)


def assert_same(first, second):
    for part in ("model", "ema"):
        assert all(torch.equal(first[part][key], second[part][key]) for key in first[part])
    assert first["losses"] == second["losses"]


@pytest.mark.slow
def test_all_stages_make_a_checkpoint_that_loads(finished):
    checkpoint = finished / "checkpoint"
    models = load_models(checkpoint, device="cpu")
    assert models.resolution == TINY.data.resolution
    assert models.scheduler_config["prediction_type"] == "v_prediction"
    assert models.vae.config["scaling_factor"] != 0.45
    trained = state(finished, "pixels")["ema"]
    assert all(torch.equal(v, trained[k].half().float()) for k, v in models.unet.state_dict().items())
    assert load_syncnet(checkpoint / "syncnet").resolution == TINY.data.resolution
    assert load_clip_encoder(checkpoint / "videomae").model.config.num_frames == 16


@pytest.mark.slow
@pytest.mark.parametrize("stage", LEARNT[:-1])
def test_every_loss_falls(finished, stage):
    curve = json.loads((finished / f"{stage}.json").read_text())
    assert all(np.isfinite(values).all() for values in curve["losses"].values())
    for name, values in state(finished, stage)["losses"].items():
        half = len(values) // 2
        # Of the latents' spread nothing is asked; synchrony shows after hundreds of steps, see test_training_syncnet.
        assert name in ("kl", "sync") or np.mean(values[half:]) < np.mean(values[:half]), name


@pytest.mark.slow
def test_the_decoder_learns_on_and_the_latents_stay(finished):
    before, after = (state(finished, stage)["ema"] for stage in ("vae", "decoder"))
    kept = {name for name in before if torch.equal(before[name], after[name])}
    assert kept == {name for name in before if name.startswith(("vae.encoder.", "vae.quant_conv."))}
    assert set(state(finished, "decoder")["losses"]) == {"absolute", "square", "gradient", "chroma"}
    exported = load_models(finished / "checkpoint", device="cpu").vae.state_dict()
    assert all(torch.equal(exported[k], after[f"vae.{k}"].half().float()) for k in exported)


@pytest.mark.slow
def test_stage_two_has_all_losses_and_moves_only_what_may_learn(finished):
    before, after = state(finished, "unet"), state(finished, "pixels")
    assert set(after["losses"]) == {"noise", "image", "sync", "temporal"}
    assert np.isfinite([v for values in after["losses"].values() for v in values]).all()
    moved = {k for k, v in after["model"].items() if not torch.equal(v, before["ema"][k])}
    assert moved and all("motion_modules." in key or "attentions." in key for key in moved)


@pytest.mark.slow
def test_three_minutes_of_the_full_recipe(tmp_path):
    """Everything at its full size but the number of people and steps; of tones, not of espeak-ng's words."""
    assert main(["train", "nano", "--out", str(tmp_path), "--minutes", "3"]) == 0
    assert load_models(tmp_path / "checkpoint", device="cpu").resolution == NANO.data.resolution
    # Stage 2, and the decoder in its 26 steps, go on from a network that has learned already.
    for stage in {*LEARNT} - {"pixels", "decoder"}:
        for name, values in state(tmp_path, stage)["losses"].items():
            half = len(values) // 2
            assert name in ("kl", "sync") or np.mean(values[half:]) < np.mean(values[:half]), (stage, name)


@pytest.mark.slow
def test_two_runs_agree_bit_for_bit(finished, tmp_path_factory):
    again = tmp_path_factory.mktemp("again")
    train(TINY, again)
    for stage in LEARNT:
        assert_same(state(finished, stage), state(again, stage))


@pytest.mark.slow
def test_killed_and_resumed_equals_uninterrupted(finished, tmp_path):
    shutil.copytree(finished / "data", tmp_path / "data")
    command = [sys.executable, "-c", KILLED_IN_MID_STAGE, str(Path(__file__).parent), str(tmp_path)]
    assert subprocess.run(command, cwd=Path(__file__).parents[3]).returncode == -signal.SIGKILL
    assert state(tmp_path, "vae")["step"] == 4
    train(TINY, tmp_path, "vae")
    assert_same(state(finished, "vae"), state(tmp_path, "vae"))


def test_a_stage_names_the_one_that_is_missing(tmp_path):
    with pytest.raises(InputError, match="run the stage 'vae' first"):
        train(TINY, tmp_path, "unet")
    with pytest.raises(InputError, match="stage takes data, encoder"):
        train(TINY, tmp_path, "teach")


def test_shortened_recipe_keeps_everything_but_the_amount():
    short = NANO.shortened(3)
    assert short.unet.loop.steps == round(NANO.unet.loop.steps * 3 / MINUTES)
    assert short.videomae.loop.steps < NANO.videomae.loop.steps
    assert short.data.identities >= 4
    assert short.unet.loop.save_every == NANO.unet.loop.save_every, "saving takes longer than its few steps"
    assert short.unet.loop.learning_rate == NANO.unet.loop.learning_rate
    assert NANO.shortened(10 * MINUTES) == NANO
