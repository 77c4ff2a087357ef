"""Clips: reading, truth and events."""

from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsync_core.data import Waveform
from latentsync_core.errors import InputError
from latentsync_lab.synthetic import (
    Cutaway,
    Identity,
    Motion,
    Occlusion,
    Person,
    Scene,
    Silence,
    SyntheticClip,
    TurnAway,
    Walk,
    bundled_speech,
    mouth_from_speech,
    talking_clip,
)

SPEECH = bundled_speech("a").samples[0]


@pytest.fixture(scope="module")
def clip():
    return talking_clip(5, SPEECH, size=(160, 160))


@pytest.fixture(scope="module")
def eventful():
    events = (Cutaway(0.3, 0.8), TurnAway(1.0, 2.2), Occlusion(2.4, 3.4), Silence(1.2, 2.6))
    return talking_clip(5, SPEECH, size=(160, 160), events=events)


def frames_between(clip, start, end):
    return np.flatnonzero((clip.times >= start) & (clip.times < end))


def test_reading_is_random_access_and_repeatable(clip):
    again = talking_clip(5, SPEECH, size=(160, 160))
    forwards = list(clip.read([3, 9, 40]))
    backwards = list(again.read([40, 9, 3]))[::-1]
    for a, b in zip(forwards, backwards, strict=True):
        assert a.dtype == np.uint8 and a.shape == (160, 160, 3)
        assert a.tobytes() == b.tobytes()
    assert not np.array_equal(forwards[0], forwards[2])


def test_reading_does_not_change_what_was_read(clip):
    frame = next(clip.read([7]))
    copy = frame.copy()
    list(clip.read([8, 7]))
    frame[:] = 0
    assert np.array_equal(next(clip.read([7])), copy)


@pytest.mark.parametrize("index", [-1, 107])
def test_frames_outside_are_refused(clip, index):
    assert clip.scene.frames == 107
    with pytest.raises(InputError, match=r"0\.\.106"):
        next(clip.read([index]))


@settings(max_examples=8, deadline=None)
@given(
    fps=st.sampled_from([12, 24, 25, Fraction(30000, 1001), 60, 29.97]),
    width=st.integers(48, 200),
    height=st.integers(48, 200),
    seed=st.integers(0, 10**9),
)
def test_any_rate_and_size(fps, width, height, seed):
    clip = talking_clip(seed, SPEECH[:8000], fps, (width, height))
    assert (clip.width, clip.height) == (width, height)
    assert abs(float(clip.fps) - float(fps)) < 1e-3
    assert clip.times[0] == 0 and np.allclose(np.diff(clip.times), 1 / float(clip.fps))
    assert clip.duration == pytest.approx(0.5, abs=0.51 / float(clip.fps))
    (truth,) = clip.truth
    assert len(truth.mouth) == len(truth.visible) == len(truth.track) == clip.scene.frames
    assert np.array_equal(truth.track.found, truth.visible)
    (frame,) = clip.read([clip.scene.frames - 1])
    assert frame.shape == (height, width, 3)


def test_the_rate_does_not_change_what_happens():
    slow, fast = (talking_clip(2, SPEECH, fps, (96, 96)) for fps in (20, 60))
    # The middle of frame k at 20 a second is that of frame 3k + 1 at 60 a second.
    np.testing.assert_allclose(
        slow.truth[0].points, fast.truth[0].points[1::3][: slow.scene.frames], atol=1e-6
    )
    np.testing.assert_allclose(
        slow.truth[0].mouth.openness, fast.truth[0].mouth.openness[1::3][: slow.scene.frames], atol=1e-6
    )


def test_truth_is_in_range_and_in_the_frame(clip):
    (truth,) = clip.truth
    for values in (truth.mouth.openness, truth.mouth.spread, truth.mouth.roundness):
        assert values.min() >= 0 and values.max() <= 1
    assert truth.visible.all() and not truth.occluded.any()
    left, right, nose = truth.points.transpose(1, 0, 2)
    assert (left[:, 0] < nose[:, 0]).all() and (nose[:, 0] < right[:, 0]).all()
    assert (nose[:, 1] > left[:, 1]).all() and (truth.boxes[:, 1] > nose[:, 1]).all()
    assert (truth.boxes >= 0).all() and (truth.boxes < 160).all()


def test_truth_is_the_mouth_of_the_clips_own_audio(eventful):
    for clip in (eventful,):
        audio = clip.speech().samples[0]
        expected = mouth_from_speech(audio, clip.times + 0.5 / float(clip.fps))
        np.testing.assert_allclose(clip.truth[0].mouth.openness, expected.openness, atol=2e-3)


def test_silence(eventful):
    audio = eventful.speech()
    assert audio.duration == pytest.approx(eventful.duration, abs=1e-3)
    assert not audio.samples[0, round(1.22 * 16000) : round(2.58 * 16000)].any()
    mouth = eventful.truth[0].mouth
    assert mouth.openness[frames_between(eventful, 1.4, 2.4)].max() == 0
    assert mouth.openness.max() > 0.5


def test_cutaway_shows_nobody(clip, eventful):
    cut = frames_between(eventful, 0.32, 0.76)
    assert not eventful.truth[0].visible[cut].any()
    landscape = [f.astype(float) for f in eventful.read(cut)]
    assert np.abs(landscape[0] - landscape[-1]).mean() < 4
    assert np.abs(landscape[0] - next(clip.read([cut[0]]))).mean() > 20


def test_turn_away_leaves_the_frame_and_comes_back(eventful):
    (truth,) = eventful.truth
    assert not truth.visible[frames_between(eventful, 1.45, 1.75)].any()
    assert truth.visible[frames_between(eventful, 2.3, 2.4)].all()
    empty = [f.astype(float) for f in eventful.read(frames_between(eventful, 1.5, 1.7))]
    assert np.abs(empty[0] - empty[-1]).mean() < 4


def test_occlusion_covers_the_mouth_and_nothing_else_moves(clip, eventful):
    middle = int(2.9 * 25)
    (truth,) = eventful.truth
    assert truth.occluded[middle] and truth.visible[middle]
    assert not truth.occluded[: int(2.4 * 25)].any() and not truth.occluded[int(3.4 * 25) :].any()
    with_hand, without = (next(c.read([middle])).astype(float) for c in (eventful, clip))
    left, top, right, bottom = truth.boxes[middle].round().astype(int)
    assert (np.abs(with_hand - without).max(-1)[top:bottom, left:right] > 6).mean() > 0.7
    assert np.abs(with_hand - without)[: top - 60].max() == 0


def test_several_people_have_their_own_truth():
    people = tuple(
        Person(Identity.random(k), speech, (60 + 120 * k, 70), 45, Motion(k))
        for k, speech in enumerate((SPEECH, bundled_speech("b").samples[0]))
    )
    events = (TurnAway(0.5, 1.5, person=1),)
    clip = SyntheticClip(Scene(people, Fraction(25), 50, (240, 160), events))
    first, second = clip.truth
    assert first.visible.all() and not second.visible[22:28].any()
    assert first.points[0, 2, 0] < 120 < second.points[0, 2, 0]
    assert not np.array_equal(first.mouth.openness, second.mouth.openness)
    assert not np.array_equal(clip.speech(0).samples, clip.speech(1).samples)


def test_who_walks_behind_another_is_hidden_for_a_while():
    people = tuple(
        Person(Identity.random(k), SPEECH, (60 + 120 * k, 70), 30, Motion(k, 0.0)) for k in range(2)
    )
    events = (Walk(0.4, 1.6, 0, way=120), Walk(0.4, 1.6, 1, way=-120))
    clip = SyntheticClip(Scene(people, Fraction(25), 50, (240, 160), events, grain=0.0))
    first, second = clip.truth
    assert second.visible.all() and not first.visible[24:26].any() and first.visible[[5, 45]].all()
    for truth, way in ((first, 120), (second, -120)):
        assert np.ptp(truth.points[:10, 2, 0]) == 0 and truth.points[-1, 2, 0] == pytest.approx(
            truth.points[0, 2, 0] + way
        )
    alone = SyntheticClip(
        Scene(people[1:], Fraction(25), 50, (240, 160), (replace(events[1], person=0),), grain=0.0)
    )
    left, top, right, bottom = second.boxes[25].round().astype(int)
    both, front = (next(film.read([25]))[top:bottom, left:right] for film in (clip, alone))
    assert np.array_equal(both, front)


def test_motion_stays_within_the_angles_and_can_be_stopped():
    times = np.linspace(0, 60, 3000)
    for seed in range(5):
        motion = Motion(seed)
        angles = np.array([(p.yaw, p.pitch, p.roll) for p in motion.poses(times)])
        assert (np.abs(angles) <= [18, 9, 8]).all() and angles.std(0).min() > 0.3
        blinks = motion.blinks(times)
        assert blinks.min() == 0 and blinks.max() > 0.95 and blinks.mean() < 0.15
        assert np.abs(motion.gazes(times)).max() <= 0.46
    assert len({(p.yaw, p.x) for p in Motion(1, 0.0).poses(times)}) == 1


def test_wrong_scenes_are_refused():
    person = Person(Identity.random(0), SPEECH, (50, 50), 30, Motion(0))
    with pytest.raises(InputError, match="at least one person"):
        Scene((), Fraction(25), 10, (64, 64))
    with pytest.raises(InputError, match="frame rate"):
        Scene((person,), Fraction(0), 10, (64, 64))
    with pytest.raises(InputError, match="person outside"):
        Scene((person,), Fraction(25), 10, (64, 64), (TurnAway(0, 1, person=1),))
    with pytest.raises(InputError, match="start < end"):
        Cutaway(2, 1)


def test_speech_may_be_a_waveform_of_another_rate():
    loud = Waveform(np.repeat(SPEECH, 3)[None], 48000)
    clip = talking_clip(1, loud, size=(64, 64))
    assert clip.scene.frames == 107
    reference = talking_clip(1, SPEECH, size=(64, 64)).truth[0].mouth.openness
    assert np.corrcoef(clip.truth[0].mouth.openness, reference)[0, 1] > 0.98
