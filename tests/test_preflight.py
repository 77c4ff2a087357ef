"""What is said before anything is denoised, on drawn footage with known faces and speech."""

import json
import time
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from support.runs import POINTS, clip_of, speech_of, track_of

from latentsync_core import FaceTrack, Options, TensorClip, Waveform, plan_sync
from latentsync_core.data import Plan, SceneChoice, SpeakerChoice, Window
from latentsync_core.diffusion import Pace, measure_pace, pace
from latentsync_core.preflight import Estimate, inspect_line
from latentsync_lab.synthetic import bundled_speech, talking_clip


def inspect(frames=50, seconds=2.0, missing=(), speech=None, models=None, **options):
    clip, track, chosen = clip_of(frames), track_of(frames, missing), Options(**options)
    (line,) = plan_sync(clip, speech or speech_of(seconds), chosen, track).lines
    return inspect_line(clip, line, models), line.plan


def test_a_plain_clip_takes_a_few_words():
    found, plan = inspect()
    assert str(found).startswith("Face: at least ") and str(found).count("\n") == 0
    assert "50 of 50 frames get a new mouth. " in str(found)
    assert str(found).endswith(f"{len(plan.windows)} windows of 8 steps to denoise.")
    assert not {"longer", "shorter", "silent", "bridged"} & set(str(found).split())


def test_who_speaks_and_why_is_said_and_scene_by_scene_where_that_changes():
    found, _ = inspect()
    assert "Speaker" not in str(found)  # the face was given
    first, second = SceneChoice(0, 29, (1,), "area"), SceneChoice(30, 49, (2,), "asked")
    one = replace(found, speaker=SpeakerChoice(3, (first,), "no audio"))
    assert str(one).startswith("Speaker, of 3 persons found: person 1, the most face area (no audio). Face: ")
    two = replace(found, speaker=SpeakerChoice(2, (first, second)))
    paragraph, *rest = str(two).splitlines()
    assert paragraph.startswith(
        "Speaker, of 2 persons found: person 1 in 1 scene, person 2 in 1 scene. Face: "
    )
    assert rest == [
        "speaker, of 2 found: frames 0-29: person 1, the most face area",
        "  frames 30-49: person 2, as asked for",
    ]
    assert json.loads(json.dumps(two.to_json()))["speaker"]["persons_found"] == 2


def test_missing_and_bridged_frames_are_counted():
    missing = [10, 11, *range(20, 50)]
    found, _ = inspect(missing=missing)
    assert found.why == {"resync": 18, "no face": 32} and found.bridged == 0 and found.frames == 50
    assert "18 of 50 frames get a new mouth, the others keep theirs: 32 no face." in str(found)
    found, _ = inspect(missing=missing, missing_face="hold")
    assert found.why["resync"] == 20 + found.bridged - 2 and found.bridged >= 2
    assert f"{found.bridged} of them where the face was not found and its place is held" in str(found)


@pytest.mark.parametrize("seconds, said", [(3.0, "1.00 s longer"), (1.0, "1.00 s shorter"), (2.05, None)])
def test_a_difference_in_length_is_said(seconds, said):
    found, _ = inspect(seconds=seconds)
    assert found.longer == pytest.approx(seconds - 2.0)
    assert (
        (f"The speech is {said} than the video." in str(found))
        if said
        else "than the video" not in str(found)
    )


def test_silence_is_said_once():
    silence = Waveform(np.zeros((1, 32000), np.float32), 16000)
    found, _ = inspect(speech=silence)
    assert found.silent == 50 and "The whole speech is silent: check the audio." in str(found)
    half = Waveform(np.concatenate([speech_of(1.0).samples, silence.samples[:, :16000]], 1), 16000)
    found, _ = inspect(speech=half)
    assert 15 <= found.silent <= 25 and f"{found.silent} frames without speech." in str(found)
    found, _ = inspect(speech=half, silence="keep")
    assert f"keep theirs: {found.silent} silent." in str(found) and "without speech" not in str(found)


def test_the_smallest_face_is_measured_where_a_mouth_is_painted():
    """The drawn head's true height is that between the ends of its own mesh."""
    small = clip_of(40)
    points = np.repeat(POINTS[None], 40, 0)
    points[20:] *= 0.5
    points[30:] = np.nan
    track = FaceTrack.from_points(points)
    (line,) = plan_sync(small, speech_of(1.6), Options(), track).lines
    found = inspect_line(small, line)
    whole = inspect_line(small, replace(line, track=FaceTrack.from_points(points[:1].repeat(40, 0))))
    assert found.smallest_face == pytest.approx(whole.smallest_face / 2, rel=0.02)


def test_a_drawn_head_is_told_from_noise():
    said = bundled_speech("a")
    said = Waveform(np.ascontiguousarray(said.samples[:, 4000:8000]), said.sample_rate)
    head = talking_clip(3, said, size=(192, 192))
    track = FaceTrack.from_points(head.truth[0].points)
    (line,) = plan_sync(head, said, Options(), track).lines
    assert inspect_line(head, line).photographed is False
    frames = np.stack(list(head.read(range(len(head.times)))))
    noisy = frames + np.random.default_rng(0).normal(0, 30, frames.shape)
    noisy = TensorClip(noisy.clip(0, 255).astype(np.uint8), 25)
    found = inspect_line(noisy, line)
    assert found.photographed is True and "photographed by its texture" in str(found)


class FakeDenoiser:
    """Takes 3 s to encode, 2 s for a step, 5 s to decode, and 100 s more for the first window of all."""

    clock, used = 0.0, False

    def __init__(self, models, keep, options, on_step):
        self.steps, self.on_step, self.reuse = options.steps, on_step, options.reuse

    def denoise(self, window):
        FakeDenoiser.clock += 3 + (0 if FakeDenoiser.used else 100)
        FakeDenoiser.used = True
        for step in range(self.steps):
            FakeDenoiser.clock += 2 if step % self.reuse == 0 else 0.5
            self.on_step()

    def decode(self, latents):
        FakeDenoiser.clock += 5


@pytest.fixture
def fake_networks(monkeypatch):
    """Networks of nano's sizes that are never run, and a clock that only FakeDenoiser turns."""
    from latentsync_core import load_models

    FakeDenoiser.clock, FakeDenoiser.used = 0.0, False
    monkeypatch.setattr(pace, "Denoiser", FakeDenoiser)
    monkeypatch.setattr(time, "perf_counter", lambda: FakeDenoiser.clock)
    return load_models("nano", device="cpu")


@pytest.mark.parametrize("reuse, step, steps", [(1, 2.0, 2), (2, 1.25, 2), (3, 1.0, 3)])
def test_the_pace_is_measured_without_what_comes_once(fake_networks, reuse, step, steps):
    measured = measure_pace(fake_networks, Options(reuse=reuse))
    assert 2 * measured.row == step and measured.steps == steps
    assert measured.rest == pytest.approx(8, abs=1)  # the first step is a whole one


def test_short_runs_are_not_measured_and_long_ones_say_so(fake_networks):
    found, plan = inspect(models=fake_networks)
    assert found.estimate is None and FakeDenoiser.clock == 0
    found, plan = inspect(frames=400, seconds=16.0, models=fake_networks, steps=20, reuse=1, overlap=4)
    assert len(plan.windows) == 33
    assert found.estimate == Estimate(33 * (20 * 2 + 8), 2)
    assert str(found).endswith("take the networks about 26 min 24 s, an estimate from 2 measured steps.")


def test_an_estimate_is_proportional_to_windows_and_steps():
    windows = tuple(Window(np.arange(16), np.ones(16, np.float32), 0) for _ in range(10))
    ones = np.ones(16, np.float32)
    plan = Plan(
        Fraction(25), np.arange(16), np.arange(16) / 25, 0.64, ("resync",) * 16, ones, windows, 0.64, ones > 0
    )
    assert Pace(1.0, 5.0, 2).estimate(plan, Options(steps=8)) == 10 * (8 * 2 + 5)
    assert Pace(1.0, 5.0, 2).estimate(plan, Options(steps=8, guided=0.5)) == 10 * (4 + 4 * 2 + 5)
    assert Pace(1.0, 5.0, 2).estimate(plan, Options(steps=8, guidance=1.0)) == 10 * (8 + 5)
    assert Pace(2.0, 5.0, 2).estimate(replace(plan, windows=()), Options()) == 0
