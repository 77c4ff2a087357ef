"""How far drawn heads are turned, in degrees, against the truth."""

import numpy as np
import pytest
from face_scenes import ListClip

from latentsync_core.faces import choose, survey
from latentsync_core.plan.turned import fade_by_turn
from latentsync_lab.synthetic.backdrop import paint_backdrop
from latentsync_lab.synthetic.head import Expression, Head
from latentsync_lab.synthetic.identity import Identity
from latentsync_lab.synthetic.warp import Pose

SIDE = 320
VIEW = np.array([[1, 0, -SIDE / 2], [0, 1, -0.46 * SIDE]]) / (0.36 * SIDE)


def draw(seed, poses):
    identity = Identity.random(seed)
    head, backdrop = Head(identity), paint_backdrop(identity, SIDE, SIDE).astype(np.float32)
    for pose in poses:
        image = backdrop.copy()
        head.draw(image, VIEW, pose, Expression())
        yield np.clip(image, 0, 1)


def measure(finder, seed, poses):
    return np.array([faces[0].yaw for faces in finder.find(list(draw(seed, poses)))])


@pytest.mark.parametrize("seed", [1, 3, 4, 7, 9])
def test_every_person_is_measured_within_8_degrees(finder, seed):
    truth = np.array([-40, -30, -20, -10, 0, 10, 20, 30, 40])
    assert np.abs(measure(finder, seed, [Pose(yaw) for yaw in truth.tolist()]) - truth).mean() < 8


def test_nods_and_tilts_are_no_turns(finder):
    poses = [Pose(0, 12), Pose(0, -12), Pose(0, 0, 20), Pose(25, 0, 20), Pose(-25, 8)]
    assert np.allclose(measure(finder, 4, poses), [0, 0, 0, 25, -25], atol=8)


def test_a_mirrored_head_is_turned_to_the_other_side(finder):
    (image,) = draw(2, [Pose(30)])
    right, left = finder.find([image, image[:, ::-1]])
    assert right[0].yaw > 20 and left[0].yaw == pytest.approx(-right[0].yaw, abs=6)


def test_the_mouth_of_a_head_that_turns_away_fades_once_and_comes_back_once(finder):
    yaw = 45 * np.sin(np.linspace(0, np.pi, 30))
    frames = [np.rint(255 * image).astype(np.uint8) for image in draw(4, [Pose(float(a)) for a in yaw])]
    track = choose(survey(ListClip(frames), finder))
    assert np.abs(track.yaw - yaw).mean() < 8
    alpha = fade_by_turn(track, 25, 30)
    assert (alpha[yaw < 10] == 1).all() and (alpha[yaw > 40] == 0).all()
    assert np.sum(np.diff(alpha > 0)) == 2 and np.sum((alpha > 0) & (alpha < 1)) >= 2
