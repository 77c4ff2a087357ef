"""Detector and mesh on images with known faces."""

import numpy as np
import pytest
from face_scenes import scene

from latentsync_core.data import FaceTrack
from latentsync_core.errors import InputError
from latentsync_core.faces.detect import _place_tiles


def centre(face):
    return (face.box[:2] + face.box[2:]) / 2


def test_points_lie_where_they_are_painted(finder):
    side = 300
    (face,) = finder.find([scene((1, 240, 180, side, 0))])[0]
    left, right, nose = (
        (face.points - [240 - side / 2, 180 - side / 2]) / side * 352
    )  # heads.jpg shown doubled
    assert np.allclose([left, right, nose], [[141, 132], [222, 132], [181, 200]], atol=9)
    assert face.score > 0.9 and abs(face.yaw) < 10 and FaceTrack.from_points(face.points[None]).turn[0] < 28


@pytest.mark.parametrize("convert", [lambda f: f, lambda f: f / 255, lambda f: (f / 255).astype(np.float16)])
def test_any_kind_of_frame(finder, convert):
    frame = scene((1, 240, 180, 250, 0))
    expected = finder.find([frame])[0][0].points
    (face,) = finder.find([convert(frame)])[0]
    assert np.abs(face.points - expected).max() < 0.5


def test_frames_of_a_batch_may_differ_in_size(finder):
    frames = [
        scene((0, 150, 150, 200, 0), size=(300, 300)),
        scene(),
        scene((2, 800, 500, 700, 0), size=(1080, 1620)),
    ]
    found = finder.find(frames)
    assert [len(faces) for faces in found] == [1, 0, 1]
    assert np.linalg.norm(centre(found[2][0]) - [800, 500]) < 100


def test_points_move_with_the_head(finder):
    first, second = (finder.find([scene((2, x, 180, 260, 0))])[0][0] for x in (200, 247))
    assert np.allclose(second.points - first.points, [47, 0], atol=1.0)


@pytest.mark.parametrize("number, degrees", [(0, 30), (2, 60), (0, 90), (2, 90), (1, 180), (1, 270)])
def test_rolled_faces(finder, number, degrees):
    upright = finder.find([scene((number, 240, 180, 260, 0))])[0][0].points - [240, 180]
    (face,) = finder.find([scene((number, 240, 180, 260, degrees))], thorough=True)[0]
    cos, sin = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    expected = upright @ np.array([[cos, -sin], [sin, cos]]) + [240, 180]  # counter-clockwise, y down
    assert np.abs(face.points - expected).max() < 8


def test_small_faces_need_a_thorough_search(finder):
    frame = scene((0, 1400, 300, 90, 0), (1, 300, 800, 90, 0), size=(1080, 1920))
    assert finder.find([frame])[0] == []
    found = finder.find([frame], thorough=True)[0]
    assert len(found) == 2
    places = sorted(centre(face).round().tolist() for face in found)
    assert np.allclose(places, [[300, 800], [1400, 300]], atol=20)


@pytest.mark.parametrize(
    "frame",
    [
        np.zeros((1, 1, 3), np.uint8),
        np.ones((2, 2, 3), np.float32),
        np.full((1, 3000, 3), 200, np.uint8),
        np.full((64, 48, 3), np.nan, np.float32),
        np.random.default_rng(0).integers(0, 255, (240, 320, 3), dtype=np.uint8),
        scene(),
    ],
    ids=["1x1", "2x2", "strip", "nan", "noise", "plain"],
)
def test_no_face(finder, frame):
    assert finder.find([frame], thorough=True) == [[]]


@pytest.mark.parametrize("length, side", [(1080, 648), (1920, 648), (10, 648), (3000, 500)])
def test_tiles_cover_the_frame_and_are_few(length, side):
    starts = _place_tiles(length, side)
    assert starts[0] == 0 and starts[-1] + side >= length and len(starts) <= 8
    assert all(b - a < side for a, b in zip(starts, starts[1:], strict=False))


def test_what_is_no_frame_is_refused(finder):
    for bad, message in [
        (np.zeros((4, 4), np.uint8), r"\(4, 4\)"),
        (np.zeros((4, 4, 4), np.uint8), r"\(4, 4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"\(0, 4, 3\)"),
        (np.zeros((4, 4, 3), np.int32), "int32"),
    ]:
        with pytest.raises(InputError, match=message):
            finder.find([bad])
    assert finder.find([]) == []
