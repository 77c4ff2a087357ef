"""Where the video and the speech differ in length."""

from fractions import Fraction
from typing import get_args

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentsync_core.errors import InputError, OptionError
from latentsync_core.media import LENGTH_MODES, fit
from latentsync_core.media.lengths import describe_lengths
from latentsync_core.media.timeline import OVERHANG_SECONDS
from latentsync_core.options import LengthMode

REPEATING = ["loop", "bounce"]


@st.composite
def clips(draw):
    """Times and duration of a clip of constant or variable rate."""
    steps = draw(st.lists(st.integers(1, 400), min_size=1, max_size=30))
    if draw(st.booleans()):
        steps = steps[:1] * len(steps)
    ends = np.cumsum(steps) / 1000
    return np.append(0, ends[:-1]), float(ends[-1])


def grid(count, rate=25):
    return np.arange(count) / rate, count / rate


speech_lengths = st.floats(0.001, 30)


@given(
    clips(), speech_lengths, st.sampled_from(list(LENGTH_MODES)), st.none() | st.just(Fraction(24000, 1001))
)
def test_every_timeline_is_valid(clip, speech, mode, fps):
    times, duration = clip
    line = fit(times, duration, speech, mode, fps)
    assert len(line) >= 1 and line.times[0] == 0
    assert (np.diff(line.times) > 0).all() and line.times[-1] < line.duration
    assert line.source.min() >= 0 and line.source.max() < len(times)
    if mode not in ("silence", "longest"):
        assert len(line) == 1 or line.times[-1] < speech
    if mode in ("loop", "bounce", "remap"):
        assert line.duration >= speech - 1e-6


@given(clips(), speech_lengths)
def test_silence_keeps_exactly_the_frames_of_the_video(clip, speech):
    times, duration = clip
    line = fit(times, duration, speech, "silence")
    np.testing.assert_array_equal(line.source, np.arange(len(times)))
    np.testing.assert_array_equal(line.times, times)
    assert line.duration == duration


@given(clips(), speech_lengths, st.floats(0, 1))
def test_longest_loses_neither_video_nor_speech(clip, speech, extent):
    """Every frame of the video stays, and speech that lasts 0.25 s or more beyond it makes the video bounce."""
    times, duration = clip
    line = fit(times, duration, speech, "longest", None, extent * speech)
    longer = extent * speech - duration >= OVERHANG_SECONDS
    other = fit(times, duration, speech, "bounce" if longer else "silence")
    np.testing.assert_array_equal(line.source, other.source)
    np.testing.assert_array_equal(line.times, other.times)
    assert line.duration >= (max(duration, speech - 1e-6) if longer else duration)


@pytest.mark.parametrize(
    ("speech", "extent", "count"),
    [(2.0, 2.0, 50), (1.0, 1.0, 50), (2.24, 2.24, 50), (2.25, 2.25, 57), (3.0, 2.1, 50), (3.0, 0.0, 50), (3.0, 2.5, 75)],
)  # fmt: skip
def test_what_overhangs_shortly_or_silently_adds_no_frame(speech, extent, count):
    line = fit(*grid(50), speech, "longest", None, extent)
    assert len(line) == count
    assert line.source[:50].tolist() == list(range(50)) and line.source[50:].tolist() == list(
        range(49, 49 - count + 50, -1)
    )


@pytest.mark.parametrize(("fps", "count"), [(None, 60), (30, 72), (Fraction(10), 24), (Fraction(100), 240)])
def test_an_image_lasts_as_long_as_the_speech(fps, count):
    line = fit(*grid(1), 2.4, "longest", fps and Fraction(fps))
    assert line.source.tolist() == [0] * count
    np.testing.assert_allclose(line.times, np.arange(count) * 2.4 / count, atol=1e-9)


@given(clips(), speech_lengths, st.sampled_from(REPEATING))
def test_the_first_lap_is_the_clip_and_the_laps_have_no_gap(clip, speech, mode):
    times, duration = clip
    line = fit(times, duration, speech, mode)
    lap = min(len(times), len(line))
    np.testing.assert_array_equal(line.times[:lap], times[:lap])
    np.testing.assert_array_equal(line.source[:lap], np.arange(lap))
    own = np.diff(times, append=duration)
    np.testing.assert_allclose(np.diff(line.times, append=line.duration), own[line.source], atol=1e-9)


@given(clips(), speech_lengths)
def test_cut_off_ends_with_the_shorter_one(clip, speech):
    times, duration = clip
    assert len(fit(times, duration, speech, "cut_off")) == max(1, int((times < speech - 1e-9).sum()))


def test_loop_starts_again_and_bounce_turns_like_upstream():
    times, duration = grid(3)
    assert fit(times, duration, 0.4, "loop").source.tolist() == [0, 1, 2, 0, 1, 2, 0, 1, 2, 0]
    assert fit(times, duration, 0.4, "bounce").source.tolist() == [0, 1, 2, 2, 1, 0, 0, 1, 2, 2]
    assert fit(times, duration, 0.04, "bounce").source.tolist() == [0]
    uneven = fit(np.array([0, 0.1]), 0.4, 0.8, "bounce")
    np.testing.assert_allclose(uneven.times, [0, 0.1, 0.4, 0.7])


def test_remap_slows_and_speeds():
    times, duration = grid(4)
    slow = fit(times, duration, 2 * duration, "remap")
    assert len(slow) == 8 and (np.diff(slow.source) <= 1).all() and slow.source[-1] == 3
    same = fit(times, duration, duration, "remap")
    assert same.source.tolist() == [0, 1, 2, 3]
    fast = fit(*grid(100), 2.0, "remap")
    np.testing.assert_array_equal(fast.source, np.arange(50) * 2)


@given(st.integers(1, 2000), st.sampled_from([24, 25, 30, Fraction(24000, 1001), 50]))
def test_speech_as_long_as_the_video_changes_nothing_in_any_mode(count, rate):
    times, duration = np.arange(count) / float(rate), float(count / Fraction(rate))
    for mode in LENGTH_MODES:
        np.testing.assert_array_equal(fit(times, duration, duration, mode).source, np.arange(count))


def test_a_constant_rate_shows_the_frame_that_is_on_at_that_time():
    line = fit(np.array([0, 0.03, 0.1, 0.5]), 0.6, 9.0, "silence", Fraction(10))
    assert line.source.tolist() == [0, 2, 2, 2, 2, 3]
    np.testing.assert_allclose(line.times, np.arange(6) / 10)
    rounded = fit(np.array([0, 0.0400005]), 0.08, 9.0, "silence", Fraction(25))
    assert rounded.source.tolist() == [0, 1]
    assert len(fit(np.array([0.0]), 0.01, 9.0, "silence", Fraction(25))) == 1
    assert fit(*grid(50, 50), 1.0, "bounce", Fraction(25)).source.tolist() == list(range(0, 50, 2))


def test_speech_shorter_than_a_frame_is_a_frame():
    for mode in set(LENGTH_MODES) - {"silence", "longest"}:
        assert len(fit(*grid(10), 0.001, mode)) == 1


def test_what_cannot_be_laid_out_is_refused():
    with pytest.raises(OptionError, match="loop"):
        fit(*grid(3), 1.0, "backwards")
    for seconds in (0.0, -1.0, float("nan"), float("inf")):
        with pytest.raises(InputError, match="speech"):
            fit(*grid(3), seconds, "loop")
    for times in ([], [0, 0.2, 0.1], [0.1, 0.2], [0, 0.5]):
        with pytest.raises(InputError):
            fit(np.array(times), 0.4, 1.0, "loop")


def test_the_modes_are_those_of_the_options():
    assert set(LENGTH_MODES) == set(get_args(LengthMode))


@pytest.mark.parametrize(
    ("mode", "frames", "speech", "words"),
    [
        ("longest", 50, 5.0, ["the video (2.00 s) ends before the speech: it runs backwards and forwards until 5.00 s"]),
        ("longest", 50, 1.0, ["the last 1.00 s are silent"]),
        ("longest", 50, 2.2, ["the last 0.20 s of the speech are cut: silence, or speech of less than 0.25 s"]),
        ("longest", 50, 2.0, []),
        ("longest", 1, 2.4, ["the image is shown for as long as the speech lasts"]),
        ("loop", 50, 5.0, ["it starts again until 5.00 s"]),
        ("remap", 50, 5.0, ["it is slowed down until 5.00 s"]),
        ("remap", 50, 1.0, ["the video (2.00 s) is sped up"]),
        ("cut_off", 50, 1.0, ["the last 1.00 s of the video are cut"]),
        ("cut_off", 50, 3.0, ["the last 1.00 s of the speech are cut: the video ends first. The length mode longest"]),
        ("silence", 50, 3.0, ["the last 1.00 s of the speech are cut: the video ends first. The length mode longest"]),
        ("silence", 50, 1.0, ["the last 1.00 s are silent"]),
    ],
)  # fmt: skip
def test_what_was_done_to_lengths_is_said(mode, frames, speech, words):
    times, duration = grid(frames)
    result = fit(times, duration, speech, mode).duration
    notes = describe_lengths(mode, times, duration, speech, result)
    assert len(notes) == len(words) and all(part in note for part, note in zip(words, notes, strict=True))
