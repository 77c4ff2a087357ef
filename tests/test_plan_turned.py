"""How much of the new mouth a turned head shows: by degrees, faded, without switching to and fro."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from latentsync_core.data import FaceTrack
from latentsync_core.plan.layout import limit_steps
from latentsync_core.plan.turned import FADE_DEGREES, fade_by_turn

LIMIT = 60.0


def alphas(yaw, fps=25, cuts=()):
    yaw = np.asarray(yaw, float)
    points = np.where(np.isnan(yaw)[:, None, None], np.nan, np.ones((len(yaw), 3, 2)))
    return fade_by_turn(FaceTrack(points, np.ones(len(yaw)), cuts, yaw=yaw), fps, LIMIT)


def switches(alpha):
    return np.abs(np.diff(alpha > 0)).sum()


@pytest.mark.parametrize("side", [1, -1])
def test_a_head_that_turns_slowly_fades_between_two_angles(side):
    yaw = np.linspace(0, 90, 91)
    assert np.allclose(alphas(side * yaw), np.clip((LIMIT - yaw) / FADE_DEGREES, 0, 1), atol=0.11)


@pytest.mark.parametrize("fps", [8, 25, 60, 120])
@pytest.mark.parametrize("frame", [0, 1, 40, 79])
def test_one_bad_frame_changes_nothing(fps, frame):
    yaw = np.full(80, 5.0)
    yaw[frame] = 85
    assert (alphas(yaw, fps) == 1).all()
    yaw = np.full(80, 85.0)
    yaw[frame] = 5
    assert (alphas(yaw, fps) == 0).all()


@pytest.mark.parametrize("swing", [2, 6, 12])
@pytest.mark.parametrize("seconds", [0.3, 0.5, 0.6])
def test_a_head_that_swings_about_the_limit_does_not_toggle(swing, seconds):
    times = np.arange(250) / 25
    alpha = alphas(LIMIT + swing * np.sin(2 * np.pi * times / seconds + 0.1))
    assert switches(alpha[15:-15]) == 0  # it may end with a moment of the front


def test_a_head_that_comes_back_for_longer_shows_the_new_mouth():
    yaw = np.repeat([0.0, 80, 0, 80, 0], [40, 20, 40, 20, 40])
    assert (alphas(yaw) == (yaw == 0)).all()


def test_scenes_do_not_know_of_one_another_and_gaps_are_bridged():
    yaw = np.repeat([80.0, 0, np.nan, 0, 80, np.nan, 80], [10, 10, 4, 6, 10, 30, 10])
    assert (alphas(yaw, cuts=(10, 30)) == [0] * 10 + [1] * 20 + [0] * 50).all()


def test_without_a_face_nothing_is_turned():
    assert (alphas([np.nan] * 5) == 1).all() and len(alphas([])) == 0


def test_without_a_measured_yaw_the_nose_tells():
    points = np.tile([[40.0, 40], [80, 40], [60, 65]], (30, 1, 1))
    points[:, 2, 0] += 40 * 0.75
    track = FaceTrack.from_points(points)
    assert track.turn == pytest.approx(69.3, abs=0.1) and "turned by up to 69 degrees" in str(track)
    assert (fade_by_turn(track, 25, 69) == 0).all() and (fade_by_turn(track, 25, 80) == 1).all()


def test_a_scene_may_begin_and_end_with_a_moment_of_the_front():
    yaw = np.repeat([0.0, 80, 0], [6, 30, 6])
    assert (alphas(yaw) == (yaw == 0)).all()


@given(st.lists(st.sampled_from([0, 0.2, 0.5, 1]), min_size=1, max_size=40), st.integers(0, 6), st.data())
def test_steps_of_the_strength_are_limited(values, fade, data):
    wanted = np.array(values, np.float32)
    breaks = np.array(data.draw(st.lists(st.booleans(), min_size=len(values), max_size=len(values))))
    strength = limit_steps(wanted, breaks, fade)
    steps = np.abs(np.diff(strength))[~breaks[1:]]
    assert (strength <= wanted).all() and (steps <= 1 / (fade + 1) + 1e-6).all()
    assert ((strength == 0) == (wanted == 0)).all() and (fade or (strength == wanted).all())
