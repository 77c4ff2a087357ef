"""What the progress bars say on a terminal."""

import io
import re
import sys

import numpy as np
import pytest

from latentsync_core import FaceTrack, Options, TensorClip, Waveform, plan_sync
from latentsync_core.cli.progress import progress_bars


class Terminal(io.StringIO):
    def isatty(self):
        return True


@pytest.fixture
def clock(monkeypatch):
    """Seconds that only a test moves on."""
    now = [0.0]
    monkeypatch.setattr("time.monotonic", lambda: now[0])
    return now


@pytest.fixture
def plan():
    points = np.tile([[70.0, 60], [118, 62], [95, 100]], (64, 1, 1))
    clip = TensorClip(np.zeros((64, 8, 8, 3), np.uint8), 25)
    speech = Waveform(np.zeros((1, 16000 * 64 // 25), np.float32), 16000)
    return plan_sync(clip, speech, Options(overlap=0), FaceTrack.from_points(points))


def bars_of(text):
    return [line for line in text.split("\r") if line.startswith("resync")]


def test_the_time_left_counts_steps_and_decoding(monkeypatch, clock, plan):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)  # here, as pytest sets it anew after fixtures

    def frames():
        bars("resync", 0, 40)
        for index in range(len(plan)):
            if index % 16 == 0:
                for step in range(10):
                    clock[0] += 1
                    bars("resync", index // 16 * 10 + step + 1, 40)
                clock[0] += 10  # decoding
            yield np.zeros((8, 8, 3), np.uint8)

    with progress_bars() as bars:
        for _ in bars.frames(frames(), plan):
            pass
    said = bars_of(terminal.getvalue())
    first = next(i for i, line in enumerate(said) if "left" in line)
    assert "11/40" in said[first] and "left" not in "".join(said[:first])
    halves = [line for line in said if "20/40" in line and "left" in line]
    seconds = [60 * int(m) + int(s) for m, s in re.findall(r"about (\d+):(\d+) left", "".join(halves))]
    assert seconds[-1] == 40  # two windows of 10 + 10 seconds


def test_elsewhere_nothing_is_shown(monkeypatch, plan):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    with progress_bars() as bars:
        bars("survey", 0, 10)
        bars("survey", 10, 10)
    assert sys.stderr.getvalue() == ""


def test_a_stage_that_comes_back_is_shown_again(monkeypatch, clock):
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    with progress_bars() as bars:
        for stage, done in (("unet", 0), ("unet", 1), ("validation", 1), ("validation", 4), ("unet", 2)):
            clock[0] += 1
            bars(stage, done, 4)
    said = [line for line in terminal.getvalue().split("\r") if "2/4" in line]
    assert any(line.startswith("unet") for line in said)
