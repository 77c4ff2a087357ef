"""Joining windows: every mouth arrives once, in order, blended, and little is held."""

import itertools
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsync_core.data import FaceTrack
from latentsync_core.diffusion import cross_fade
from latentsync_core.media import fit
from latentsync_core.options import Options
from latentsync_core.plan import build_plan


def plan_of(present, fps, overlap, window=16):
    present = np.asarray(present, bool)
    points = np.where(present[:, None, None], np.array([[40.0, 40], [80, 40], [60, 65]]), np.nan)
    timeline = fit(np.arange(len(present)) / fps, len(present) / fps, 1.0, "silence")
    track = FaceTrack(points, present.astype(float))
    speaks = np.ones(len(present), bool)
    clip = SimpleNamespace(times=timeline.times, duration=timeline.duration, fps=fps)
    return build_plan(clip, timeline, track, present, speaks, 1.0, Options(overlap=overlap), window)


def crops_of(plan):
    """A crop holds the number of its frame."""
    denoised = {int(frame) for window in plan.windows for frame in window.frames}
    for i in range(len(plan)):
        yield np.full((2, 2, 3), i, np.float32) if i in denoised else None


@settings(deadline=None, max_examples=80)
@given(
    present=st.lists(st.booleans(), min_size=1, max_size=150).filter(any),
    fps=st.sampled_from([25, 50, 75]),
    overlap=st.integers(0, 8),
    window=st.integers(1, 24),
    batch=st.integers(1, 5),
)
def test_each_frame_gets_its_own_mouth(present, fps, overlap, window, batch):
    """With a renderer that returns its crops, blending gives the frame's own number back at every rate."""
    plan, calls = plan_of(present, fps, overlap, window), []
    mouths = list(
        cross_fade(plan, crops_of(plan), lambda crops, frames: calls.append(frames) or crops, batch)
    )
    assert_in_order(plan, calls, batch)
    assert len(mouths) == len(plan)
    segment_of = {int(f): w.segment for w in plan.windows for f in w.frames[w.weights > 0]}
    for i, mouth in enumerate(mouths):
        assert (mouth is None) == (plan.strength[i] == 0)
        if mouth is not None:
            below = max(key for key in segment_of if key <= i)
            above = min((key for key in segment_of if key >= i), default=None)
            held = above is None or segment_of[above] != segment_of[below]
            assert np.allclose(mouth, below if held else i, atol=1e-3)


def assert_in_order(plan, calls, batch):
    """Every window is rendered once, in order, and beside others of its segment only."""
    rendered = [frames for call in calls for frames in call]
    assert [f.tolist() for f in rendered] == [w.frames.tolist() for w in plan.windows]
    segments = iter([w.segment for w in plan.windows])
    for call in calls:
        assert len(call) <= batch and len({next(segments) for _ in call}) == 1


def test_neighbouring_windows_cross_fade():
    plan = plan_of([True] * 28, 25, 4)
    count = itertools.count()
    mouths = [
        m[0, 0, 0]
        for m in cross_fade(
            plan, crops_of(plan), lambda crops, frames: [own * 0 + next(count) for own in crops]
        )
    ]
    assert mouths[:12] == [0] * 12 and mouths[16:] == [1] * 12
    assert np.allclose(mouths[12:16], [0.2, 0.4, 0.6, 0.8])


def test_mouths_between_windows_that_only_touch_are_blended():
    """At 50 fps frame 31 lies between the last denoised frame of one window and the first of the next."""
    plan = plan_of([True] * 64, 50, 0)
    assert [w.frames[0] for w in plan.windows] == [0, 32]
    mouths = list(cross_fade(plan, crops_of(plan), lambda crops, frames: crops))
    assert mouths[31][0, 0, 0] == 31


@pytest.mark.parametrize("batch", [1, 3])
def test_crops_are_read_as_far_ahead_as_a_batch_and_never_fall_behind(batch):
    plan = plan_of([False] * 50 + [True] * 60 + [False] * 50, 25, 4)
    read = itertools.count()
    latest = 0

    def crops():
        nonlocal latest
        for crop in crops_of(plan):
            latest = next(read)
            yield crop

    for i, _ in enumerate(cross_fade(plan, crops(), lambda crops, frames: crops, batch)):
        assert i <= latest <= i + 16 * batch


def test_an_error_while_rendering_reaches_the_caller():
    def broken(crops, frames):
        raise RuntimeError("stop")

    plan = plan_of([True] * 20, 25, 4)
    with pytest.raises(RuntimeError, match="stop"):
        next(cross_fade(plan, crops_of(plan), broken))
