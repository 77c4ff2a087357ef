"""The recipes for own footage, on random crops and from `nano`."""

import json
import shutil
import sys
from dataclasses import replace

import numpy as np
import pytest
import torch

from latentsync_core import FileClip, Options, read_audio
from latentsync_core.errors import InputError
from latentsync_core.weights import load_models, load_syncnet
from latentsync_lab.cli import main as cli
from latentsync_lab.training import RECIPES, FootageRecipe, Sources, tune, validate
from latentsync_lab.training.data import save
from latentsync_lab.training.footage import Footage, audio_path, crops_path
from latentsync_lab.training.latents import LatentStore
from latentsync_lab.training.recipes import NANO, LoopRecipe
from latentsync_lab.training.validate import ValidationVideo

FRAMES = 48
PUBLISHED = {
    "stage1": RECIPES["stage1"].stage,
    "stage2": replace(RECIPES["stage2"].stage, perceptual=0.0),
}


def brief(stage):
    return FootageRecipe(128, replace(stage, loop=replace(stage.loop, steps=2)))


@pytest.fixture(autouse=True)
def short_validation(monkeypatch):
    monkeypatch.setattr(validate, "OPTIONS", Options(steps=2))


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """Three prepared clips, of which the first is held out."""
    folder, rng = tmp_path_factory.mktemp("data"), np.random.default_rng(0)
    names = ["00000", "00001", "00002"]
    for name in names:
        save(crops_path(folder, name), rng.integers(0, 256, (FRAMES, 128, 128, 3), np.uint8))
        save(audio_path(folder, name), rng.integers(-9000, 9000, FRAMES * 640).astype(np.int16))
    report = {"resolution": 128, "files": {"video.mp4": {"clips": names, "dropped": []}}}
    (folder / "report.json").write_text(json.dumps(report))
    return folder


@pytest.mark.parametrize("name", [pytest.param("stage1", marks=pytest.mark.slow), "stage2"])
def test_recipe_makes_a_checkpoint_that_loads(name, data, nano, tmp_path):
    sources = Sources(str(nano), nano / "syncnet", nano / "videomae")
    shown = []
    tune(brief(PUBLISHED[name]), data, tmp_path, sources, lambda *what: shown.append(what))
    before, after = (load_models(f, device="cpu").unet for f in (nano, tmp_path / "checkpoint"))
    moved = [k for k, v in after.state_dict().items() if not torch.equal(v, before.state_dict()[k])]
    assert moved
    if name == "stage2":
        assert all("motion_modules." in key or "attentions." in key for key in moved)
        curve = json.loads((tmp_path / "pixels.json").read_text())
        assert set(curve["losses"]) == {"noise", "sync", "temporal"}
        assert {"validation confidence", "validation offset"} <= set(curve["scores"][-1])
    assert [done for stage, done, _ in shown if stage == "validation"] == list(range(1, 7))  # 3 windows
    assert shown[-1][1:] == (2, 2)
    videos = sorted((tmp_path / "validation").iterdir())
    assert [video.name for video in videos] == ["000002.mp4"]
    clip = FileClip(videos[-1])
    assert (clip.height, clip.width, len(clip.times)) == (128, 256, FRAMES)
    assert abs(read_audio(videos[-1]).duration - FRAMES / 25) < 0.05


def test_footage_that_grew_or_was_made_anew_is_encoded_anew(data, nano, tmp_path):
    """Of a folder of one clip that clip is learnt from; of more, the first is held out, and another has its place."""
    grown, report = tmp_path / "data", json.loads((data / "report.json").read_text())
    shutil.copytree(data, grown)
    report["files"]["video.mp4"]["clips"] = ["00000"]
    (grown / "report.json").write_text(json.dumps(report))
    models = load_models(nano, device="cpu")

    def first():
        return (
            LatentStore(Footage(grown), tmp_path / "latents", models.vae, models.whisper).load([0])[0].latents
        )

    before = first()
    assert torch.equal(before, first())
    shutil.copy(data / "report.json", grown)
    other = first()
    assert not torch.equal(before, other)
    crops = np.load(crops_path(grown, "00001"))
    save(crops_path(grown, "00001"), crops[::-1])
    assert torch.equal(first(), other.flip(2))


@pytest.mark.slow
def test_a_run_of_another_recipe_is_not_gone_on_with(data, nano, tmp_path):
    sources = Sources(str(nano), nano / "syncnet", nano / "videomae")
    tune(brief(PUBLISHED["stage2"]), data, tmp_path, sources)
    with pytest.raises(InputError, match="pixels.pt was trained by another recipe .* give another folder"):
        tune(brief(replace(RECIPES["stage2_efficient"].stage, perceptual=0.0)), data, tmp_path, sources)


def test_validation_is_scored_by_a_syncnet_of_another_size(data, nano, tmp_path):
    """Of 512 px the published one is of 256."""
    models = load_models(nano, device="cpu")
    syncnet = load_syncnet(nano / "syncnet")
    video = ValidationVideo(models, Footage(data), tmp_path, syncnet)
    result = np.zeros((FRAMES, 2 * syncnet.resolution, 2 * syncnet.resolution, 3), np.uint8)
    assert set(video._score_sync(result)) == {"validation confidence", "validation offset"}


def test_what_is_missing_is_named(data, nano, tmp_path):
    sources = Sources(str(nano), nano / "syncnet")
    with pytest.raises(InputError, match="takes crops of 256 px, .* has 128"):
        tune(RECIPES["stage1"], data, tmp_path, sources)
    with pytest.raises(InputError, match="'temporal' .* needs a VideoMAE"):
        tune(brief(PUBLISHED["stage2"]), data, tmp_path, sources)
    assert not any(tmp_path.iterdir())


@pytest.mark.slow
def test_a_loss_can_be_left_out_on_the_command_line(data, nano, tmp_path, monkeypatch):
    """LPIPS and the published VideoMAE are not at everybody's hand."""
    monkeypatch.setitem(sys.modules, "lpips", None)
    small = replace(RECIPES["stage2"], resolution=128)
    monkeypatch.setitem(RECIPES, "stage2", small)
    command = ["train", "stage2", "--data", str(data), "--out", str(tmp_path), "--steps", "1"]
    command += ["--model", str(nano), "--syncnet", str(nano / "syncnet")]
    assert cli(command) == 1
    assert cli([*command, "--perceptual", "0"]) == 1
    assert cli([*command, "--perceptual", "0", "--temporal", "0"]) == 0
    assert set(json.loads((tmp_path / "pixels.json").read_text())["losses"]) == {"noise", "sync"}
    assert cli([*command, "--perceptual", "-1", "--temporal", "0"]) == 1


@pytest.mark.parametrize(
    "recipe, option",
    [("syncnet", "--model"), ("stage1", "--syncnet"), ("stage2_efficient", "--video-encoder")],
)
def test_what_a_recipe_has_no_use_for_is_refused(recipe, option, capsys):
    with pytest.raises(SystemExit):
        cli(["train", recipe, "--data", "data", "--out", "out", option, "1.5"])
    assert f"unrecognized arguments: {option}" in capsys.readouterr().err


def test_published_hyper_parameters():
    loops = {recipe.stage.loop for name, recipe in RECIPES.items() if name.startswith("stage")}
    (loop,) = loops
    assert (loop.learning_rate, loop.clip, loop.precision, loop.checkpointing) == (1e-5, 1.0, "fp16", True)
    assert {loop.rate(step) for step in (0, 1, loop.steps // 2, loop.steps)} == {1.0}
    pixels = RECIPES["stage2"].stage
    assert (pixels.perceptual, pixels.sync, pixels.temporal, pixels.image) == (0.1, 0.05, 10.0, 0.0)
    assert RECIPES["stage2_efficient"].stage.temporal == 0.0
    assert {name for name, recipe in RECIPES.items() if recipe != NANO and recipe.resolution == 512} == {
        "stage1_512",
        "stage2_512",
    }


def test_command_line_knows_every_recipe(capsys):
    from latentsync_lab.cli.train_parser import FOOTAGE_RECIPES

    assert {"nano", *FOOTAGE_RECIPES} == set(RECIPES)
    with pytest.raises(SystemExit):
        cli(["train", "--help"])
    shown = capsys.readouterr().out
    assert all(name in shown for name in (*RECIPES, "prepare"))


def test_impossible_loops_are_refused():
    with pytest.raises(InputError, match="warmup of 1 or more, got 0"):
        LoopRecipe(steps=1, batch=1, learning_rate=1e-3, warmup=0)
    with pytest.raises(InputError, match=r"plateau in 0\.\.1, got 2"):
        LoopRecipe(steps=1, batch=1, learning_rate=1e-3, plateau=2)
