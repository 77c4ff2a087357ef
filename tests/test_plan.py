"""The plan: who changes, who passes through and why, and how windows cover what changes."""

import json
from fractions import Fraction
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsync_core.data import FaceTrack
from latentsync_core.errors import FaceError
from latentsync_core.media import Timeline, fit
from latentsync_core.method import Upstream
from latentsync_core.options import Options
from latentsync_core.plan import Layout, build_plan
from latentsync_core.plan.layout import find_breaks, lay_windows, pick_keys

FACE = np.array([[40.0, 40], [80, 40], [60, 65]])


def track_of(present, turned=(), cuts=(), others=None, covered=None):
    points = np.where(np.asarray(present)[:, None, None], FACE, np.nan)
    yaw = np.where(np.asarray(present), 0.0, np.nan)
    yaw[list(turned)] = -80
    return FaceTrack(points, np.asarray(present, float), cuts, yaw=yaw, others=others, covered=covered)


UPSTREAM = Upstream.layout


def plan_of(
    present,
    *,
    fps=25,
    speaks=None,
    turned=(),
    cuts=(),
    others=None,
    hidden=None,
    window=16,
    mode="silence",
    seconds=None,
    layout=None,
    **options,
):
    present = np.asarray(present, bool)
    times = np.arange(len(present)) / fps
    timeline = fit(times, len(present) / fps, seconds or len(present) / fps, mode)
    speaks = np.ones(len(timeline.source), bool) if speaks is None else np.asarray(speaks)
    seconds = seconds or len(present) / fps
    clip = SimpleNamespace(
        times=times, duration=len(present) / fps, fps=Fraction(fps).limit_denominator(1001)
    )
    return build_plan(
        clip,
        timeline,
        track_of(present, turned, cuts, None if others is None else np.array(others), hidden),
        present,
        speaks,
        seconds,
        Options(length=mode, **options),
        window,
        layout,
    )


@given(keys=st.integers(1, 200), size=st.integers(1, 24), overlap=st.integers(0, 8), exact=st.booleans())
def test_windows_cover_every_frame_with_shares_that_sum_to_one(keys, size, overlap, exact):
    windows = lay_windows(np.arange(keys), size, overlap, layout=UPSTREAM if exact else Layout())
    total = np.zeros(keys)
    for window in windows:
        assert np.array_equal(window.frames, np.arange(window.frames[0], window.frames[-1] + 1))
        assert (window.weights > 0).all() and len(window.frames) <= size
        total[window.frames] += window.weights
    assert np.allclose(total, 1, atol=1e-6)
    starts = [window.frames[0] for window in windows]
    assert starts == sorted(set(starts))
    if exact:
        assert starts == list(range(0, keys, size))
    elif keys >= size:
        assert {len(window.frames) for window in windows} == {size}


def test_windows_start_where_the_docstring_says():
    assert [w.frames[0] for w in lay_windows(np.arange(40), 16, 4)] == [0, 12, 24]


@settings(deadline=None, max_examples=60)
@given(st.data())
def test_every_frame_changes_or_says_why_not(data):
    count = data.draw(st.integers(1, 120))
    present = data.draw(st.lists(st.booleans(), min_size=count, max_size=count).filter(any))
    speaks = data.draw(st.lists(st.booleans(), min_size=count, max_size=count))
    plan = plan_of(present, speaks=speaks, silence="keep", fps=data.draw(st.sampled_from([10, 25, 50, 120])))
    assert len(plan) == count == len(plan.reasons) == len(plan.strength)
    used = {int(f) for window in plan.windows for f in window.frames[window.weights > 0]}
    filled = {int(f) for window in plan.windows for f in window.frames}
    assert all(present[i] for i in filled)
    for i, (reason, strength) in enumerate(zip(plan.reasons, plan.strength, strict=True)):
        expected = "no face" if not present[i] else "resync" if speaks[i] else "silent"
        assert reason == expected
        assert (strength > 0) == (reason == "resync")
        assert i not in used or reason == "resync"
    json.dumps(plan.to_json())


def windows_of(plan):
    """First and last frame of each window, and of those whose mouths are used."""
    return [(*w.frames[[0, -1]].tolist(), *w.frames[w.weights > 0][[0, -1]].tolist()) for w in plan.windows]


def test_short_windows_are_filled_with_neighbours_of_the_scene():
    speaks = np.zeros(100, bool)
    speaks[[40, 41, 97]] = True
    plan = plan_of([True] * 100, speaks=speaks, silence="keep")
    assert windows_of(plan) == [(33, 48, 40, 41), (84, 99, 97, 97)]
    assert all(np.array_equal(w.weights > 0, speaks[w.frames]) for w in plan.windows)
    assert not plan.strength[~speaks].any()


def test_no_window_is_filled_across_a_cut_or_a_long_absence():
    speaks = np.zeros(60, bool)
    speaks[[20, 40]] = True
    present = np.ones(60, bool)
    present[[*range(30, 39), 44]] = False
    plan = plan_of(present, speaks=speaks, silence="keep", cuts=(18,))
    assert windows_of(plan)[0] == (18, 29, 20, 20)
    assert windows_of(plan)[1] == (39, 55, 40, 40) and 44 not in plan.windows[1].frames


def test_windows_are_filled_with_frames_as_far_apart_as_denoised_ones():
    speaks = np.zeros(200, bool)
    speaks[100:103] = True
    (window,) = plan_of([True] * 200, speaks=speaks, silence="keep", fps=50).windows
    assert len(window.frames) == 16 and set(np.diff(window.frames)) == {2}


def test_a_resting_mouth_hears_nothing_and_all_frames_change():
    speaks = np.ones(50, bool)
    speaks[20:30] = speaks[45:] = False
    plan = plan_of([True] * 50, speaks=speaks, silence="closed")
    assert set(plan.reasons) == {"resync"} and len(windows_of(plan)) == 4
    assert plan.voice[:20].tolist() == [1] * 20 and not plan.voice[23:27].any()
    assert np.allclose(plan.voice[20:23], [0.75, 0.5, 0.25]) and np.allclose(
        plan.voice[27:30], [0.25, 0.5, 0.75]
    )
    assert plan.voice[44] == 1 and plan.voice[-1] == 0
    assert plan_of([True] * 50, speaks=speaks).voice is None


def test_a_gap_passes_through_with_faded_edges():
    plan = plan_of([True] * 30 + [False] * 20 + [True] * 30)
    assert plan.summarize()["passed_through"] == [{"frames": [30, 49], "reason": "no face"}]
    assert plan.strength[0] == 1 and plan.strength[-1] == 1
    assert np.allclose(plan.strength[27:30], [0.75, 0.5, 0.25])
    assert np.allclose(plan.strength[50:53], [0.25, 0.5, 0.75])
    assert "frames 30-49 pass through: no face" in str(plan)


def test_other_faces_than_the_speakers_are_said_so():
    present = [True] * 10 + [False] * 10
    plan = plan_of(present, others=[False] * 5 + [True] * 10 + [False] * 5)
    assert plan.reasons == ("resync",) * 10 + ("another person",) * 5 + ("no face",) * 5
    with pytest.raises(FaceError, match="10 of 20 frames"):
        plan_of(present, others=[True] * 20, missing_face="error")


def hidden_in(*stretches, frames=100):
    values = np.zeros(frames)
    for first, last in stretches:
        values[first:last] = 0.4
    return values


def test_covered_frames_keep_their_mouth_and_fade_beside_it():
    plan = plan_of([True] * 100, hidden=hidden_in((40, 50), (55, 60), (80, 81)))
    # two frames more on either side, the short dip between, and not the one frame that was measured badly
    assert plan.summarize()["passed_through"] == [{"frames": [38, 61], "reason": "covered"}]
    assert np.allclose(plan.strength[35:38], [0.75, 0.5, 0.25]) and plan.strength[80] == 1
    assert set(plan_of([True] * 100, hidden=hidden_in((40, 60)), covered="ignore").reasons) == {"resync"}
    assert set(plan_of([True] * 100, hidden=hidden_in((40, 45)), cuts=(42,)).reasons[38:42]) == {"covered"}


def test_a_mouth_that_is_hidden_a_little_shows_in_part():
    plan = plan_of([True] * 100, hidden=np.full(100, 0.07))
    assert np.allclose(plan.strength, 0.5, atol=0.01) and set(plan.reasons) == {"resync"}


def test_a_mouth_that_is_hidden_a_little_for_a_while_fades_too():
    plan = plan_of([True] * 100, hidden=hidden_in((40, 60)) / 0.4 * 0.08)
    assert np.allclose(plan.strength[36:40], [0.83, 0.58, 0.33, 0.33], atol=0.01) and set(plan.reasons) == {
        "resync"
    }
    plan = plan_of([True] * 100, hidden=hidden_in((40, 60)) / 0.4 * 0.08, cuts=(40,))
    assert plan.strength[39] == 1 and np.isclose(plan.strength[40], 1 / 3)


def test_one_is_not_many():
    assert "  frame 1 passes through: no face" in str(plan_of([True, False, True]))
    plan = plan_of([True])
    assert str(plan).startswith("1 frame at 25.000 fps") and str(plan).endswith("1 re-synced in 1 window")


def test_a_cut_parts_windows_and_is_not_faded():
    plan = plan_of([True] * 60, cuts=(20,))
    assert all((window.frames < 20).all() or (window.frames >= 20).all() for window in plan.windows)
    assert (plan.strength == 1).all()


def breaks(source, cuts=(), fps=25, times=None):
    timeline = Timeline(np.array(source), np.arange(len(source)) / fps, len(source) / fps)
    clip_times = np.arange(max(source) + 1) / fps if times is None else times
    return np.flatnonzero(find_breaks(timeline, clip_times, cuts)).tolist()


def test_cuts_are_seen_in_both_directions():
    assert breaks([0, 1, 2, 3, 3, 2, 1, 0, 0, 1], (2,)) == [2, 6]


def test_cuts_are_seen_where_the_frame_that_opens_the_scene_is_dropped():
    assert breaks(range(0, 60, 2), (31,)) == [16]
    assert breaks(range(0, 60, 2), (30,)) == [15]
    assert breaks(np.arange(60) // 2, (15,)) == [30]


def test_jumps_in_the_source_are_breaks_and_uneven_times_are_not():
    assert breaks([*range(20), 0, 1]) == [20]
    uneven = np.cumsum(np.where(np.arange(60) < 30, 1 / 60, 1 / 10))
    shown = np.searchsorted(uneven, np.arange(0, 3, 0.1), side="right").clip(max=59)
    assert breaks(shown, fps=10, times=uneven) == []


def test_a_video_that_is_played_faster_has_no_jumps_but_its_own():
    assert breaks(range(0, 400, 10)) == []
    assert breaks([*range(0, 400, 10), 0, 10]) == [40]


def test_turned_heads_keep_their_mouth():
    plan = plan_of([True] * 60, turned=range(20, 40))
    assert [i for i, reason in enumerate(plan.reasons) if reason == "turned away"] == list(range(20, 40))
    assert plan_of([True] * 60, turned=range(20, 40), max_turn=85).reasons == ("resync",) * 60


def test_a_cut_ends_a_turn():
    plan = plan_of([True] * 40, turned=range(20), cuts=(20,))
    assert plan.reasons == ("turned away",) * 20 + ("resync",) * 20 and plan.strength[20] == 1


@pytest.mark.parametrize(
    ("fps", "stride"),
    [(10, 1), (25, 1), (30, 1), (31, 1), (32, 2), (35, 2), (40, 2), (50, 2), (60, 2), (90, 3), (120, 4)],
)
def test_high_rates_are_denoised_every_kth_frame(fps, stride):
    plan = plan_of([True] * 200, fps=fps)
    denoised = {int(frame) for window in plan.windows for frame in window.frames}
    assert denoised == set(range(0, 200, stride))


def test_where_frames_come_unevenly_only_the_dense_ones_are_thinned():
    times = np.concatenate([np.arange(60) / 60, 1 + np.arange(5) / 5])
    keys = pick_keys(times, 0, 65, 1 / 31)
    assert keys.tolist() == [*range(0, 60, 2), *range(60, 65)]


def test_speech_that_is_cut_is_said():
    plan = plan_of([True] * 30, seconds=3.0)
    assert plan.summarize()["seconds_of_speech_cut"] == 1.8
    assert "  the last 1.80 s of the speech are cut" in str(plan)
    assert plan.summarize()["notes"] == list(plan.notes) and len(plan.notes) == 1
    assert "cut" not in str(plan_of([True] * 30, seconds=1.2))


def test_exact_takes_upstream_windows_and_no_fades():
    plan = plan_of([True] * 40, layout=UPSTREAM, cuts=(10,), fps=50)
    assert [len(window.frames) for window in plan.windows] == [16, 16, 8]
    assert (plan.strength == 1).all()
    gap = plan_of([True] * 10 + [False] * 10 + [True] * 10, layout=UPSTREAM)
    assert set(gap.strength.tolist()) == {0.0, 1.0}


def test_no_face_anywhere_and_a_face_that_must_not_be_missing():
    with pytest.raises(FaceError, match="None of the 5 frames"):
        plan_of([False] * 5)
    with pytest.raises(FaceError, match="2 of 5 frames show no face of the speaker, the first is frame 3"):
        plan_of([True] * 3 + [False] * 2, missing_face="error")


def test_rate_of_the_result():
    assert plan_of([True] * 50, fps=24000 / 1001).fps == Fraction(24000, 1001)
    assert plan_of([True] * 10, mode="bounce", seconds=1.0).source.tolist() == [
        *range(10),
        *range(9, -1, -1),
        *range(5),
    ]
