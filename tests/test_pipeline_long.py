"""Long clips: what a frame costs in memory and time when it is planned and composited, with stand-ins for networks."""

import importlib.util
import time
import tracemalloc
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import torch
from support.runs import speech_of

from latentsync_core import FaceTrack, Options, make_plan, pipeline, plan_sync, render

HOUR_MB = 100
FRAMES_OF_AN_HOUR = 90_000


def load_stand_ins():
    path = Path(__file__).resolve().parents[1] / "benchmarks" / "footage" / "long.py"
    spec = importlib.util.spec_from_file_location("benchmark_long", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


class Repeated:
    """One frame over and over."""

    fps, height, width = Fraction(25), 80, 80

    def __init__(self, count):
        self.times, self.duration = np.arange(count) / 25, count / 25
        self.frame = np.random.default_rng(0).integers(0, 255, (80, 80, 3), np.uint8)

    def read(self, indices):
        for _ in indices:
            yield self.frame.copy()


def track_of(count):
    """A face that trembles and is missing in one frame."""
    points = np.array([[25.0, 25], [55, 25], [40, 45]]) + np.random.default_rng(0).normal(
        0, 0.3, (count, 1, 2)
    )
    points[-40] = np.nan
    return FaceTrack.from_points(points)


def trace(work):
    """Return the peak memory in bytes and the CPU seconds of a call."""
    tracemalloc.start()
    begun = time.process_time()
    work()
    seconds, peak = time.process_time() - begun, tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return peak, seconds


def grow(run, few, many):
    """Return the MB that an hour adds by what `many` frames take more than `few`, and how much slower a frame is."""
    run(few)  # imports
    (short, quick), (long, slow) = trace(lambda: run(few)), trace(lambda: run(many))
    return (long - short) / (many - few) * FRAMES_OF_AN_HOUR / 1e6, (slow / many) / (quick / few)


def test_planning_an_hour_takes_little():
    def run(count):
        plan = make_plan(Repeated(count), speech_of(2.0), Options(length="silence"), track_of(count))
        assert len(plan) == count

    megabytes, slower = grow(run, 5000, 20000)
    assert megabytes < HOUR_MB and slower < 1.7


def test_compositing_an_hour_takes_little(monkeypatch):
    stand_ins = load_stand_ins()
    monkeypatch.setattr(pipeline.windows, "Denoiser", stand_ins.PassingDenoiser)
    config = SimpleNamespace(num_mel_bins=80, max_source_positions=1500, d_model=8, encoder_layers=2)
    models = SimpleNamespace(
        batch=1,
        name="stand-in", resolution=32, alignment=32, window_frames=16, device=torch.device("cpu"),
        whisper=stand_ins.SilentWhisper(config),
    )  # fmt: skip

    def run(count):
        clip, speech, track = Repeated(count), speech_of(2.0), track_of(count)
        options = Options(length="silence", steps=1)
        dub = plan_sync(clip, speech, options, track, models=models)
        changed = sum((frame != clip.frame).any() for frame in render(dub, models))
        assert changed == dub.changed.sum()

    megabytes, slower = grow(run, 200, 600)
    assert megabytes < HOUR_MB and slower < 1.7
