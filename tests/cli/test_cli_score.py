"""`score`, with a SyncNet of random weights: what it reads, prints, writes and refuses."""

import importlib.util
import json
import shutil
from fractions import Fraction

import cv2
import numpy as np
import pytest
import torch

from latentsync_core import Waveform, open_writer
from latentsync_core.cli.main import main
from latentsync_core.models.syncnet import EncoderConfig, StableSyncNet
from latentsync_core.models.videomae import ClipEncoder
from latentsync_core.weights import Manifest, write_checkpoint
from latentsync_lab.fresh import nano_networks
from latentsync_lab.synthetic import bundled_speech, talking_clip


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """talk.mkv of 36 frames with audio, mute.mkv without, checkpoint/ with a SyncNet and a VideoMAE."""
    from transformers import VideoMAEConfig

    home = tmp_path_factory.mktemp("score")
    said = bundled_speech("a")
    said = Waveform(np.ascontiguousarray(said.samples[:, 4000:27040]), said.sample_rate)
    clip = talking_clip(3, said, size=(128, 128))
    for name, audio in (("talk.mkv", said), ("mute.mkv", None)):
        with open_writer(home / name, 128, 128, Fraction(25), audio=audio) as writer:
            for seconds, frame in zip(clip.times, clip.read(range(36)), strict=True):
                writer.write(frame, float(seconds))
    torch.manual_seed(0)
    visual = EncoderConfig(48, (32, 32, 32, 32, 64), ((1, 2), 2, 2, 2, 2), (False,) * 5)
    audio = EncoderConfig(1, (32, 32, 32, 32, 64), ((2, 1), 2, 2, 2, (4, 6)), (False,) * 5)
    small = VideoMAEConfig(image_size=16, patch_size=8, num_frames=4, hidden_size=16, num_hidden_layers=1,
                           num_attention_heads=2, intermediate_size=32)  # fmt: skip
    write_checkpoint(
        home / "checkpoint", *nano_networks(), Manifest(), {}, torch.float32,
        StableSyncNet(visual, audio), ClipEncoder(small),
    )  # fmt: skip
    return home


def score(folder, *arguments, video="talk.mkv", audio=None):
    files = [folder / name for name in (video, audio) if name]
    options = ["--device", "cpu", "--model", folder / "checkpoint", *arguments]
    return main(["score", *map(str, [*files, *options])])


def test_report_figures_and_plot(folder, tmp_path, capsys):
    code = score(
        folder, "--against", folder / "mute.mkv", "--videomae", folder / "checkpoint" / "videomae",
        "--json", tmp_path / "a.json", "--plot", tmp_path / "a.png",
    )  # fmt: skip
    said = capsys.readouterr().out
    assert code == 0
    assert "the face is in 100% of 36 frames" in said and "no shift beyond 6 frames" in said
    assert "TREPA" in said
    saved = json.loads((tmp_path / "a.json").read_text())
    assert saved["curve"]["offsets"] == list(range(-6, 7))
    assert saved["against"]["psnr_inside"] > 60 and saved["against"]["temporal"] < 1e-6
    assert len(saved["opening"]) == len(saved["level_db"]) == 36
    image = cv2.imread(str(tmp_path / "a.png"))
    assert image.shape == (600, 900, 3) and image.std() > 10


@pytest.mark.parametrize("workers", [(), pytest.param(("--devices", "cpu,cpu"), marks=pytest.mark.slow)])
def test_a_folder_is_scored_video_by_video_with_the_same_figures(folder, tmp_path, capsys, workers):
    """By this process and by two others: a table of all, and a mute video that does not stop the rest."""
    videos = tmp_path / "videos"
    (videos / "de").mkdir(parents=True)
    (videos / ".partial.mkv").touch()
    (videos / "notes.txt").touch()
    for name in ("a.mkv", "de/c.mkv"):
        shutil.copyfile(folder / "talk.mkv", videos / name)
    shutil.copyfile(folder / "mute.mkv", videos / "mute.mkv")
    assert score(folder, "--json", tmp_path / "one.json") == 0
    capsys.readouterr()
    assert score(folder, *workers, "--json", tmp_path / "all.json", video=videos) == 3
    said = capsys.readouterr()
    lines = said.out.splitlines()
    assert [line.split()[-1] for line in lines[:-1]] == ["video", "a.mkv", "de/c.mkv"]
    assert lines[-1] == "2 scored, 1 failed" and "mute.mkv has no audio stream" in said.err
    one, saved = (json.loads((tmp_path / f"{name}.json").read_text()) for name in ("one", "all"))
    assert list(saved["videos"]) == ["a.mkv", "de/c.mkv", "mute.mkv"]
    assert saved["videos"]["de/c.mkv"] == {name: one[name] for name in saved["videos"]["a.mkv"]}


def test_a_folder_without_videos(folder, tmp_path, capsys):
    assert score(folder, video=tmp_path) == 1
    assert "has no video" in capsys.readouterr().err


def test_audio_of_another_file(folder, tmp_path):
    curves = []
    for video, audio in (("talk.mkv", None), ("mute.mkv", "talk.mkv")):
        assert score(folder, "--json", tmp_path / "out.json", video=video, audio=audio) == 0
        curves.append(json.loads((tmp_path / "out.json").read_text())["curve"])
    assert curves[0] == curves[1]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--plot", "out.jpg"], "--plot takes a file that ends in .png"),
        (["--plot", "nowhere/out.png"], "not a folder"),
        (["--json", "talk.mkv"], "choose another name"),
        (["--json", "same.png", "--plot", "same.png"], "choose another name"),
        (["--videomae", "vit.pth"], "name it with --against"),
        (["--devices=cpu"], "share the videos of a folder"),
    ],
)
def test_what_would_fail_late_fails_early(folder, capsys, arguments, message):
    places = [a if a.startswith("--") else folder / a for a in arguments]
    assert score(folder, *places, video="missing.mkv" if "talk.mkv" not in arguments else "talk.mkv") == 1
    assert message in capsys.readouterr().err


def test_plot_without_matplotlib(folder, capsys, monkeypatch):
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "latentsync_core.cli.outputs.find_spec", lambda name: None if name == "matplotlib" else found(name)
    )
    assert score(folder, "--plot", folder / "out.png", video="missing.mkv") == 1
    assert "pip install matplotlib" in capsys.readouterr().err


def test_checkpoints_without_a_syncnet(folder, tmp_path, capsys, monkeypatch):
    monkeypatch.setenv("LATENTSYNC_MODELS", str(tmp_path))
    assert main(["score", str(folder / "talk.mkv"), "--model", "1.6"]) == 1
    assert "weights get 1.6 --syncnet" in capsys.readouterr().err
    assert main(["score", str(folder / "talk.mkv"), "--model", str(tmp_path)]) == 1
    assert "has no SyncNet" in capsys.readouterr().err


def test_video_without_audio(folder, capsys):
    assert score(folder, video="mute.mkv") == 1
    assert "mute.mkv has no audio stream" in capsys.readouterr().err
