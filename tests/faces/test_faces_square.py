"""Clips whose pixels are not square: found, cropped and pasted as they are shown."""

from fractions import Fraction

import cv2
import numpy as np
import pytest
from face_scenes import ListClip, scene
from support.pasting import paste

from latentsync_core.data import FaceTrack
from latentsync_core.faces import (
    align_track,
    choose,
    crop_face,
    crop_size,
    draw_faces,
    fit_track,
    make_square,
    square_pixels,
    survey,
)

SIZE = (360, 480)


def shot(count=4):
    return [scene((1, 220 + 6 * k, 180, 260, 5), size=SIZE) for k in range(count)]


def squeezed(frames, aspect):
    """The frames as a recorder stores them whose pixels are `aspect` times as wide as high."""
    width = round(frames[0].shape[1] / aspect)
    clip = ListClip([cv2.resize(f, (width, SIZE[0]), interpolation=cv2.INTER_AREA) for f in frames])
    clip.pixel_aspect = Fraction(aspect)
    return clip


@pytest.fixture(scope="module")
def square(finder):
    clip = ListClip(shot())
    return clip, survey(clip, finder)


@pytest.mark.parametrize("aspect", [Fraction(4, 3), Fraction(64, 45), Fraction(10, 11)])
def test_a_face_is_found_and_cropped_as_it_is_shown(finder, square, aspect):
    plain, expected = square[0], choose(square[1])
    clip = squeezed(plain.frames, aspect)
    found = survey(clip, finder)
    track = choose(found)
    assert track.size == (360, clip.width) and found.boxes[0, 0, 2] < clip.width
    shown = track.points * [float(aspect), 1]
    assert np.abs(shown - expected.points).max() < 2.5 and np.abs(track.yaw - expected.yaw).max() < 3
    crops = [
        crop_face(c.frames[2], align_track(c, t, 256)[2], 256) for c, t in ((plain, expected), (clip, track))
    ]
    assert np.abs(crops[0] - crops[1]).mean() < 4
    assert fit_track(track, clip) is track


def test_a_crop_goes_back_to_where_it_came_from(finder, square):
    clip = squeezed(square[0].frames, Fraction(4, 3))
    frame, matrix = clip.frames[1], align_track(clip, choose(survey(clip, finder)), 256)[1]
    pasted, alpha = paste(
        frame, crop_face(frame, matrix, 256), matrix, crop_size(256), np.ones((256, 256), np.float32)
    )
    assert alpha.mean() > 0.1 and np.abs(pasted.astype(float) - frame)[alpha > 0.99].mean() < 2


def test_a_place_in_the_stored_frame_is_the_same_place_in_the_shown_one():
    """Of a step from black to white, the middle."""
    stored = np.zeros((40, 30, 3), np.uint8)
    stored[:, 10:] = 200
    clip = ListClip([stored])
    clip.pixel_aspect = Fraction(2)
    edge = FaceTrack.from_points(np.full((1, 3, 2), 9.5), size=(40, 30))
    seen, track = make_square(clip, edge)
    (frame,) = seen.read([0])
    assert (seen.height, seen.width) == frame.shape[:2] == track.size == (40, 60)
    x = track.points[0, 0, 0]
    assert np.interp(x, np.arange(60), frame[5, :, 0]) == pytest.approx(100, abs=1)
    assert track.points[0, 0, 1] == 9.5


def test_square_pixels_stay_as_they_are(square):
    clip, found = square
    assert square_pixels(clip) is clip and make_square(clip, found.tracks[0]) == (clip, found.tracks[0])


def test_the_outline_of_the_crop_is_drawn_as_it_is_shown(finder, square):
    clip = squeezed(square[0].frames, 2)
    found = survey(clip, finder)
    as_stored, as_shown = (
        (draw_faces(clip.frames[0], found, 0, pixel_aspect=a) != clip.frames[0]).any(-1) for a in (1.0, 2.0)
    )
    assert (as_stored != as_shown).any()
