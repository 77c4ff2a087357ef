"""What `plan` and `sync` say, save and draw before and after the work."""

import importlib.util
import json
import wave
from dataclasses import replace

import cv2
import pytest
from support.runs import clip_of, speech_of, track_of
from test_cli import sync

from latentsync_core import Options, make_plan
from latentsync_core.cli import main
from latentsync_core.cli.plan_plot import draw_plan


def plan(files, *arguments, audio="speech.wav"):
    return main(["plan", *map(str, [files / "video.mkv", files / audio, *arguments])])


def test_the_plan_begins_with_a_paragraph_and_says_that_the_audio_is_silent(files, tmp_path, capsys):
    with wave.open(str(tmp_path / "silence.wav"), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 12800))
    assert plan(files, audio=tmp_path / "silence.wav") == 0
    first, *rest = capsys.readouterr().out.splitlines()
    assert "Face: at least" in first and "drawn by its texture" in first
    assert "The whole speech is silent: check the audio." in first
    assert rest == ["20 frames at 25.000 fps (0.80 s), 20 re-synced in 2 windows"]


def test_a_report_has_every_frame_and_what_the_run_took(files, tmp_path, capsys):
    assert sync(files, tmp_path / "out.mkv", "--report", str(tmp_path / "a.json"), "--seed", "7") == 0
    assert "20 of 20 frames get a new mouth" in capsys.readouterr().out
    said = json.loads((tmp_path / "a.json").read_text())
    frames = said["plan"]["each_frame"]
    assert {"source", "time", "reason", "alpha", "speech", "score", "turn", "yaw"} <= set(frames)
    assert {len(column) for column in frames.values()} == {20}
    assert frames["reason"] == ["resync"] * 20 and min(frames["score"]) > 0.9
    assert said["options"]["seed"] == 7 and said["preset"] == "balanced"
    assert list(said["seconds_per_stage"]) == [
        "load",
        "survey",
        "plan",
        "listen",
        "resync",
        "write",
    ]
    assert said["seconds"] == pytest.approx(sum(said["seconds_per_stage"].values()), abs=0.01)
    assert said["peak_memory_bytes"]["host"] > 50e6 and said["peak_memory_bytes"]["device"] is None
    assert said["preflight"]["why"] == {"resync": 20} and said["preflight"]["estimate"] is None
    assert len(said["model"]["hash"]) == 16
    assert sync(files, tmp_path / "b.mkv", "--report", str(tmp_path / "b.json"), "--model", "nano") == 0
    other = json.loads((tmp_path / "b.json").read_text())
    assert other["model"]["hash"] != said["model"]["hash"]


def test_a_plot_shows_every_reason(tmp_path):
    """Each reason has a colour of its own, and a cut is drawn as a line through all panels."""
    clip, options = clip_of(100), Options()
    track = replace(track_of(100, range(60, 80)), cuts=(30,))
    made = make_plan(clip, speech_of(4.0), options, track)
    sizes = []
    for name, drawn in (("a", made), ("b", replace(made, reasons=("resync",) * 100))):
        draw_plan(drawn, track, speech_of(4.0), tmp_path / f"{name}.png")
        image = cv2.imread(str(tmp_path / f"{name}.png"))
        assert image.shape == (700, 1200, 3)
        red = (image[..., 2] > 200) & (image[..., 0] < 100) & (image[..., 1] < 100)
        sizes.append(int(red.sum()))
    assert sizes[0] > 20_000 and sizes[1] < 500


def test_a_plot_is_drawn_and_what_would_keep_it_from_it_is_said_first(files, tmp_path, capsys, monkeypatch):
    assert plan(files, "--plot", tmp_path / "plan.png") == 0
    assert cv2.imread(str(tmp_path / "plan.png")).std() > 10
    assert plan(files, "--plot", tmp_path / "plan.jpg") == 1
    assert "ends in .png" in capsys.readouterr().err
    found = importlib.util.find_spec
    monkeypatch.setattr(
        "latentsync_core.cli.outputs.find_spec", lambda name: None if name == "matplotlib" else found(name)
    )
    assert plan(files, "--plot", tmp_path / "plan.png") == 1
    assert "pip install matplotlib" in capsys.readouterr().err


def test_a_range_is_given_in_seconds_or_timecode_and_the_rest_passes_through(files, tmp_path, capsys):
    given = ["plan", str(files / "video.mkv"), str(files / "speech.wav"), "--save", str(tmp_path / "p.json")]
    for begin, end in (("0.2", "0.4"), ("00:00:00:05", "00:00:00:10"), ("00:00:00.2", "0.4")):
        assert main([*given, "--from", begin, "--to", end]) == 0
        reasons = json.loads((tmp_path / "p.json").read_text())["plan"]["each_frame"]["reason"]
        assert [i for i, reason in enumerate(reasons) if reason != "no line"] == list(range(5, 10))
    capsys.readouterr()
    for wrong, words in (
        (["--from", "x"], "x"),
        (["--from", "9"], "A range takes a start >= 0"),
        (["--to", "0"], "A range"),
    ):
        assert main([*given, *wrong]) == 1 and words in capsys.readouterr().err
