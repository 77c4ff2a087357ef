"""Windows made by processes beside the command: the same file, and a report that says who made it."""

import json

import numpy as np
import pytest

from latentsync_core import FileClip
from latentsync_core.cli import main

FAST = ["--steps", "1", "--guidance", "1"]


def sync(files, output, *arguments):
    given = ["sync", str(files / "video.mkv"), str(files / "speech.wav"), str(output)]
    return main([*given, "--model", str(files / "checkpoint"), *FAST, *arguments])


def test_two_processes_make_the_file_of_one(files, tmp_path):
    reports = [tmp_path / "one.json", tmp_path / "two.json"]
    assert sync(files, tmp_path / "one.mkv", "--device", "cpu", "--report", str(reports[0])) == 0
    assert sync(files, tmp_path / "two.mkv", "--devices", "cpu,cpu", "--report", str(reports[1])) == 0
    frames = [list(FileClip(tmp_path / f"{name}.mkv").read(range(20))) for name in ("one", "two")]
    assert np.array_equal(*frames)
    one, two = (json.loads(report.read_text())["model"] for report in reports)
    assert one["hash"] == two["hash"] and one["dtype"] == two["dtype"]
    assert two["workers"] and all(worker["threads"] >= 1 for worker in two["workers"])
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".json", ".json", ".mkv", ".mkv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [(["--devices", "cpu", "--preset", "exact"], "`exact` cannot be made by several workers"),
     (["--devices", "cpu", "--ray"], "not by both"),
     (["--workers", "2"], "--workers counts those of a --ray cluster"),
     (["--devices", "cpu", "--batch", "2"], "batch takes 1 where workers make the windows, got 2"),
     (["--batch", "33"], "batch takes 1..32 windows"),
     (["--devices", "cuda:99"], "cuda:99 is unknown or absent")],
)  # fmt: skip
def test_what_cannot_be_is_said_before_the_work(files, tmp_path, capsys, arguments, words):
    assert sync(files, tmp_path / "out.mkv", *arguments) == 1
    assert words in capsys.readouterr().err and not (tmp_path / "out.mkv").exists()


def test_without_ray_the_command_says_what_to_install(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("latentsync_core.pool.open.find_spec", lambda name: None)
    assert sync(files, tmp_path / "out.mkv", "--ray") == 1
    assert "pip install 'ray>=2.55,<3'" in capsys.readouterr().err
