"""A long clip in parts: each is conditioned on its own part of the speech, and comes out as in one go."""

import numpy as np
import pytest
from support.runs import FAST, clip_of, speech_of, track_of
from support.tiny import golden_pipeline_models

from latentsync_core import FaceTrack, Options, TensorClip, make_plan, plan_sync, render
from latentsync_core.errors import OptionError

WINDOW = 4


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def whole():
    """24 frames of a face that stands still, so that the parts are cut out of the same places."""
    frames = np.stack(list(clip_of(24).read(range(24))))
    return TensorClip(frames, 25), FaceTrack.from_points(track_of(1).points.repeat(24, 0))


def synced(models, clip, track, options, start=None):
    speech = speech_of(0.96)
    return list(render(plan_sync(clip, speech, options, track, models=models, audio_start=start), models))


def part_of(whole, first, last):
    clip, track = whole
    frames = np.stack(list(clip.read(range(first, last))))
    return TensorClip(frames, 25), FaceTrack.from_points(track.points[first:last])


@pytest.mark.parametrize("cut", [WINDOW, 12, 20])
def test_two_parts_are_the_frames_of_one_go(models, whole, cut):
    """Windows begin at the cut, so that only the speech could differ."""
    options = Options(overlap=0, **FAST)
    once = synced(models, *whole, options)
    first = synced(models, *part_of(whole, 0, cut), options, 0.0)
    second = synced(models, *part_of(whole, cut, 24), options, cut / 25)
    assert all(np.array_equal(a, b) for a, b in zip(once, [*first, *second], strict=True))
    wrong = synced(models, *part_of(whole, cut, 24), Options(overlap=0, length="silence", **FAST))
    assert not any(np.array_equal(a, b) for a, b in zip(once[cut:], wrong, strict=True))


@pytest.mark.parametrize("length", ["longest", "bounce", "cut_off", "remap"])
@pytest.mark.parametrize("start", [0.0, 0.4, 0.9, 5.0])
def test_a_part_keeps_its_frames_whatever_the_length_mode(length, start):
    plan = make_plan(clip_of(10), speech_of(2.0), Options(length=length), track_of(10), audio_start=start)
    assert len(plan) == 10 and plan.speech_start == start
    assert f"takes the speech from {start:.2f} s on" in str(plan)
    assert ("the last 0.40 s are silent" in str(plan)) == (start == 5.0)


def test_silence_is_looked_for_where_the_part_begins():
    speech = speech_of(2.0)
    speech.samples[:, 16000:] = 0
    options = Options(silence="keep")
    early, late = (
        make_plan(clip_of(10), speech, options, track_of(10), audio_start=start) for start in (0.4, 1.4)
    )
    assert set(early.reasons) == {"resync"} and set(late.reasons) == {"silent"}


@pytest.mark.parametrize("start", [-0.1, float("nan"), float("inf")])
def test_a_start_that_is_none_is_refused(start):
    with pytest.raises(OptionError, match="audio_start takes seconds >= 0"):
        make_plan(clip_of(10), speech_of(1.0), None, track_of(10), audio_start=start)
