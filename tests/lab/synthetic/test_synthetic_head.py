"""Identities and the renderer."""

import dataclasses

import numpy as np
import pytest

from latentsync_core.errors import InputError
from latentsync_lab.synthetic import Expression, Head, Identity, MouthShape, Pose
from latentsync_lab.synthetic.backdrop import PAINTERS, paint_backdrop, paint_landscape
from latentsync_lab.synthetic.hairstyles import HAIR_STYLES
from latentsync_lab.synthetic.identity import BACKDROPS

SIZE = 160
VIEW = np.array([[2.7 / SIZE, 0, -1.35], [0, 2.7 / SIZE, -1.2]])


def render(head, pose, expression):
    image = np.full((SIZE, SIZE, 3), 0.5, np.float32)
    head.draw(image, VIEW, pose, expression)
    return image


def pixels(points):
    return (points - VIEW[:, 2]) / VIEW[0, 0]


@pytest.fixture(scope="module")
def heads():
    return [Head(Identity.random(seed), 224) for seed in range(5)]


def test_same_seed_same_bits():
    pose, expression = Pose(9, -4, 3), Expression(MouthShape(0.6, 0.2, 0.1), 0.3, (0.2, 0.1))
    first, second = (render(Head(Identity.random(11), 224), pose, expression) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert Identity.random(11) == Identity.random(11) != Identity.random(12)


def test_any_run_of_seeds_covers_all_skin_tones():
    lightness = np.sort([np.mean(Identity.random(seed).skin) for seed in range(300, 340)])
    assert lightness[0] < 0.25 and lightness[-1] > 0.78
    assert np.diff(lightness).max() < 0.06


def test_lips_stand_out_on_every_skin():
    for seed in range(60):
        identity = Identity.random(seed)
        skin, lips = np.array(identity.skin), np.array(identity.lips)
        redness = lips[0] / lips.sum() - skin[0] / skin.sum()
        assert redness > 0.02 and np.abs(skin - lips).max() > 0.03, seed


@pytest.mark.parametrize("style", HAIR_STYLES)
def test_every_hair_style_can_be_painted(style):
    identity = dataclasses.replace(Identity.random(3), hair_style=style, glasses=True, beard=0.5, age=1.0)
    image = render(Head(identity, 128), Pose(), Expression())
    assert np.isfinite(image).all() and image.min() >= 0 and image.max() <= 1.2
    assert image.std() > 0.05


def test_only_the_face_changes_with_the_mouth(heads):
    for head in heads:
        pose = Pose(6, 3, -2)
        shut, wide = MouthShape(), MouthShape(openness=1.0)
        images = [render(head, pose, Expression(mouth)) for mouth in (shut, wide)]
        changed = np.abs(images[1] - images[0]).max(-1) > 1e-4
        left, top, right, bottom = pixels(head.mouth_box(pose, wide).reshape(2, 2)).ravel()
        rows, columns = np.nonzero(changed)
        inside = changed[round(top) : round(bottom), round(left) : round(right)]
        assert inside.mean() > 0.6
        brows = pixels(head.points(pose))[:2, 1].max()
        assert rows.min() > brows
        unit = 1 / VIEW[0, 0]
        middle = (left + right) / 2
        assert columns.min() > middle - unit and columns.max() < middle + unit
        assert bottom < rows.max() < bottom + 0.75 * unit


def test_mouth_box_grows_with_openness_and_shrinks_with_roundness(heads):
    for head in heads:
        rest, wide, oo, ee = (
            head.mouth_box(Pose(), m)
            for m in (MouthShape(), MouthShape(1.0), MouthShape(0, 0, 1.0), MouthShape(0, 1.0, 0))
        )
        assert wide[3] - wide[1] > 2 * (rest[3] - rest[1])
        assert wide[3] - rest[3] > 0.155  # the gap between the lips gives 0.14, the jaw the rest
        assert oo[2] - oo[0] < rest[2] - rest[0] < ee[2] - ee[0]


def test_openness_is_monotonic_in_the_frame(heads):
    for head in heads:
        levels = [render(head, Pose(), Expression(MouthShape(o))) for o in np.linspace(0, 1, 6)]
        from_shut = [np.abs(level - levels[0]).sum() for level in levels]
        assert all(np.diff(from_shut) > 0)


def test_teeth_do_not_glow(heads):
    for head in heads:
        mouth = MouthShape(0.5, 0.6)
        image = render(head, Pose(), Expression(mouth))
        left, top, right, bottom = (
            pixels(head.mouth_box(Pose(), mouth).reshape(2, 2)).ravel().round().astype(int)
        )
        inside = image[top:bottom, left:right].min(-1)
        assert 0.35 < inside.max() < 0.9


def test_points_follow_the_pose(heads):
    for head in heads:
        still = head.points(Pose())
        moved = head.points(Pose(x=0.1, y=-0.2, scale=0.5))
        np.testing.assert_allclose(moved, 0.5 * still + [0.1, -0.2], atol=1e-12)
        tilted = head.points(Pose(roll=8))
        a = np.radians(8)
        np.testing.assert_allclose(
            tilted, still @ np.array([[np.cos(a), np.sin(a)], [-np.sin(a), np.cos(a)]])
        )
        nose = [head.points(Pose(yaw=yaw))[2, 0] for yaw in (-18, 0, 18)]
        assert nose[0] < -0.05 and abs(nose[1]) < 1e-6 and nose[2] > 0.05
        assert head.points(Pose(pitch=9))[2, 1] > head.points(Pose(pitch=-9))[2, 1]


def test_blink_hides_the_iris(heads):
    for head in heads:
        identity = head.identity
        eye = pixels(np.array([[identity.eye_x, identity.eye_y]])).round().astype(int)[0]
        opened, shut = (render(head, Pose(), Expression(blink=b))[eye[1], eye[0]] for b in (0.0, 1.0))
        assert opened.mean() < 0.1 < shut.mean()


def test_backdrops_and_landscape():
    assert set(PAINTERS) == set(BACKDROPS)
    for backdrop in BACKDROPS:
        image = paint_backdrop(dataclasses.replace(Identity.random(1), backdrop=backdrop), 90, 160)
        assert image.shape == (90, 160, 3) and image.min() >= 0 and image.max() <= 1
    assert not np.array_equal(paint_landscape(1, 40, 60), paint_landscape(2, 40, 60))


def test_an_identity_checks_itself():
    with pytest.raises(InputError, match="hair style"):
        dataclasses.replace(Identity.random(0), hair_style="mullet")
    with pytest.raises(InputError, match="colours"):
        dataclasses.replace(Identity.random(0), skin=(2.0, 0.5, 0.5))
    with pytest.raises(InputError, match="seed"):
        Identity.random(-1)
