"""Covered mouths are found by comparing a face with itself: on drawn people, whose truth is known."""

import cv2
import numpy as np
import pytest

from latentsync_core.faces.covered import describe_cells, measure_covered
from latentsync_lab.synthetic import bundled_speech, talking_clip
from latentsync_lab.synthetic.events import Occlusion

SECONDS, SIDE, FOUND = 3.2, 160, 0.10


def drawn(seed, *events):
    speech = bundled_speech("a").samples[0, : round(16000 * SECONDS)]
    clip = talking_clip(seed, speech, size=(SIDE, SIDE), events=events)
    return clip, list(clip.read(range(len(clip.times))))


def covered_in(clip, frames, cuts=()):
    points, openings = clip.truth[0].points, clip.truth[0].mouth.openness * 0.2
    cells = {i: describe_cells(frame, points[i]) for i, frame in enumerate(frames)}
    return measure_covered(cells, openings, clip.times, cuts)


@pytest.fixture(scope="module")
def talking():
    return drawn(5)


@pytest.mark.parametrize("seed", [3, 8, 11])
def test_a_hand_is_found_and_speech_is_not(seed):
    clip, frames = drawn(seed, Occlusion(1.2, 2.4))
    covered, truth = covered_in(clip, frames), clip.truth[0].occluded
    assert covered.min() >= 0 and covered.max() <= 1
    assert np.mean(covered[truth] > FOUND) >= 0.75  # the plan fills short dips
    far = (clip.times < 1.2) | (clip.times > 2.4)
    assert np.mean(covered[far] > FOUND) <= 0.02


def test_a_microphone_is_found(talking):
    clip, frames = talking
    hidden = [frame.copy() for frame in frames]
    for i in range(20, 40):
        left, right, nose = clip.truth[0].points[i]
        apart = np.linalg.norm(right - left)
        place = (nose + [0, 0.8 * apart]).astype(int).tolist()
        cv2.circle(hidden[i], place, int(0.5 * apart), (60, 60, 64), -1)
    covered = covered_in(clip, hidden)
    assert (covered[20:40] > 0.2).all() and (covered[:20] < FOUND).all() and (covered[40:] < FOUND).all()


CHANGES = {
    "dark": lambda frame: frame * 0.5,
    "warm": lambda frame: frame * [1.15, 1, 0.75],
    "gamma": lambda frame: 255 * (frame / 255) ** 1.6,
    "side light": lambda frame: frame * np.linspace(0.6, 1.3, SIDE)[:, None],
    "blur": lambda frame: cv2.GaussianBlur(frame, (0, 0), 2.0),
    "noise": lambda frame: frame + np.random.default_rng(0).normal(0, 12, frame.shape),
    "fade to grey": lambda frame: frame * 0.5 + 60,
}


@pytest.mark.parametrize("change", CHANGES)
def test_light_blur_and_noise_do_not_cover_a_mouth(talking, change):
    clip, frames = talking
    other = [
        np.clip(CHANGES[change](frame.astype(float)), 0, 255).astype(np.uint8) if 30 <= i < 55 else frame
        for i, frame in enumerate(frames)
    ]
    assert np.mean(covered_in(clip, other) > FOUND) <= 0.02


def test_float_frames_are_described_like_8_bit_ones(talking):
    clip, frames = talking
    points = clip.truth[0].points[0]
    eight, floats = (describe_cells(f, points) for f in (frames[0], (frames[0] / 255).astype(np.float32)))
    assert eight.shape == (104, 9) and eight.dtype == np.uint8
    assert np.abs(eight.astype(int) - floats).max() <= 1


def test_what_lies_outside_of_the_frame_is_unknown_and_not_covered(talking):
    clip, frames = talking
    bottom = int(clip.truth[0].boxes[:, 3].max()) - 8
    covered = covered_in(clip, [f[:bottom] if 20 <= i < 40 else f for i, f in enumerate(frames)])
    assert (describe_cells(frames[0][:bottom], clip.truth[0].points[0])[:, 0] == 0).any()
    assert np.mean(covered > FOUND) <= 0.02
    gone = describe_cells(frames[0], clip.truth[0].points[0] + 10 * SIDE)
    assert not gone[:, 0].any()


def test_where_nothing_can_be_compared_nothing_is_covered(talking):
    clip, frames = talking
    assert not measure_covered({}, np.zeros(4), np.arange(4) / 25, ()).any()
    points = clip.truth[0].points
    few = {i: describe_cells(frames[i], points[i]) for i in range(5)}
    assert not measure_covered(few, np.zeros(80), clip.times, ()).any()


def test_scenes_are_judged_apart_and_frames_between_are_filled():
    """Two scenes with other faces, in one of which every second frame was looked at."""
    a, b = (np.full((104, 9), value, np.uint8) for value in (90, 160))
    hidden = a.copy()
    hidden[:64] = 250
    cells = {i: hidden if 20 <= i < 30 else a for i in range(0, 50, 2)} | {i: b for i in range(50, 100)}
    covered = measure_covered(cells, np.zeros(100), np.arange(100) / 25, [50])
    assert (covered[20:29] == 1).all() and not covered[:19].any() and not covered[30:].any()


def test_a_mouth_that_is_wider_open_than_ever_is_a_mouth():
    plain = np.full((104, 9), 90, np.uint8)
    other = plain.copy()
    other[:64] = 200
    cells = {i: other if 20 <= i < 25 else plain for i in range(50)}
    openings = np.where(np.isin(np.arange(50), range(20, 25)), 0.2, 0.02)
    times = np.arange(50) / 25
    assert not measure_covered(cells, openings, times, ()).any()
    assert (measure_covered(cells, openings * 0 + 0.02, times, ())[20:25] == 1).all()
