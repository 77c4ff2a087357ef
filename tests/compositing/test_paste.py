"""Pasting mouths back: parity with upstream's restore, and nothing changed outside the mask."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from support.pasting import paste, paste_crop
from support.recipes import GOLDEN, frame, looks_equal

from latentsync_core.compositing import blend_mask, surround


def golden_face(resolution):
    y, x = np.mgrid[0:resolution, 0:resolution].astype(np.float32)
    planes = [np.sin(x / 19 + y / 31), np.cos(x / 23) * np.sin(y / 29), np.cos((x + y) / 37)]
    return ((np.stack(planes, -1) / 2 + 0.5) * 255).astype(np.float32)


def crop_size(resolution):
    return int(75 * resolution / 256 * 2.8), int(100 * resolution / 256 * 2.8)


@pytest.mark.parametrize(("resolution", "index"), [(256, 0), (512, 3)])
def test_restore_equals_upstream(resolution, index):
    golden = np.load(GOLDEN / "face.npz")
    out, _ = paste_crop(
        frame(180, 200, index),
        golden_face(resolution),
        golden[f"M_smooth_{resolution}"][index],
        crop_size(resolution),
    )
    assert looks_equal(out, golden[f"restore_{resolution}_frame_i{index}"])


def keep_mask(side):
    """A stand-in: keep all but the lower middle."""
    keep = np.ones((side, side), np.float32)
    keep[side // 2 : -side // 8, side // 8 : -side // 8] = 0
    return keep


def placed(scale, angle, x, y, dtype):
    """A frame, and the matrix that puts the middle of a crop of 105 x 140 at (x, y)."""
    source = frame(140, 160, 1)
    source = source if dtype == np.uint8 else (source / 255).astype(dtype)
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    matrix = np.array([[cosine, -sine, 0], [sine, cosine, 0]])
    matrix[:, 2] = np.array([52, 70]) - matrix[:, :2] @ [x, y]
    return source, matrix


PLACES = {
    "scale": st.floats(0.2, 3),
    "angle": st.floats(-3.1, 3.1),
    "x": st.floats(-150, 350),
    "y": st.floats(-150, 350),
    "dtype": st.sampled_from([np.uint8, np.float16, np.float32, np.float64]),
}


@given(**PLACES)
@settings(max_examples=60, deadline=None)
def test_outside_the_mask_nothing_changes(scale, angle, x, y, dtype):
    """Whatever the transform, also partly or wholly out of the frame."""
    source, matrix = placed(scale, angle, x, y, dtype)
    mask = blend_mask(keep_mask(128), 0.06)
    out, _ = paste(source, np.full((128, 128, 3), 255, np.float32), matrix, (105, 140), mask)
    assert out.dtype == source.dtype and out.shape == source.shape
    rows, columns = np.mgrid[0:140, 0:160]
    points = np.stack([columns, rows, np.ones_like(rows)], -1) @ matrix.T
    pixels = (points + 0.5) * [128 / 105, 128 / 140] - 0.5
    inside = np.flatnonzero(mask.any(0)), np.flatnonzero(mask.any(1))
    reach = 3 + 4 * max(1, 128 / 105 / scale)
    far = (pixels[..., 0] < inside[0][0] - reach) | (pixels[..., 0] > inside[0][-1] + reach)
    far |= (pixels[..., 1] < inside[1][0] - reach) | (pixels[..., 1] > inside[1][-1] + reach)
    assert np.array_equal(out[far], source[far])


@given(exact=st.booleans(), **PLACES)
@settings(max_examples=60, deadline=None)
def test_the_shares_say_what_was_changed(exact, scale, angle, x, y, dtype):
    """Where alpha is 0 the frame is as it was; where it is not, it moved towards the mouth by alpha."""
    source, matrix = placed(scale, angle, x, y, dtype)
    white, size = np.full((128, 128, 3), 255, np.float32), (105, 140)
    if exact:
        out, alpha = paste_crop(source, white, matrix, size)
    else:
        out, alpha = paste(source, white, matrix, size, blend_mask(keep_mask(128), 0.06))
    assert alpha.shape == source.shape[:2] and alpha.dtype == np.float32
    assert alpha.min() >= 0 and alpha.max() <= 1
    assert np.array_equal(out[alpha == 0], source[alpha == 0])
    unit = 255 if dtype == np.uint8 else 1
    blended = source + alpha[..., None] * (unit - source.astype(float))
    inside = slice(None) if not exact else alpha > 0.999  # upstream's crop is dark along its rim
    assert np.abs(out.astype(float) - blended)[inside].max(initial=0) <= (1 if dtype == np.uint8 else 0.01)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
@pytest.mark.parametrize("scale", [0.4, 1.0, 2.5])
def test_the_crop_itself_comes_back(dtype, scale):
    """Pasting what was there changes little; pasting another colour changes the mask's inside to it."""
    source = np.full((300, 300, 3), 100, np.uint8)
    source = source if dtype == np.uint8 else (source / 255).astype(dtype)
    matrix = np.array([[1 / scale, 0, 52 - 150 / scale], [0, 1 / scale, 70 - 150 / scale]])
    mask = blend_mask(keep_mask(128), 0.06)
    same, _ = paste(source, np.full((128, 128, 3), 100, np.float32), matrix, (105, 140), mask)
    assert np.abs(same.astype(float) - source).max() <= (0 if dtype == np.uint8 else 1e-6)
    other, _ = paste(source, np.full((128, 128, 3), 200, np.float32), matrix, (105, 140), mask)
    centre = other[150 + int(20 * scale), 150]
    assert np.allclose(centre, 200 if dtype == np.uint8 else 200 / 255, atol=1e-6)
    assert np.array_equal(source, np.full_like(source, source[0, 0, 0]))  # the input is not written to


def test_a_mouth_that_is_made_smaller_is_averaged():
    """Fine stripes come out grey in a face of a quarter of the crop's size, not as coarse stripes."""
    stripes = np.zeros((256, 256, 3), np.float32)
    stripes[:, ::2] = 255
    matrix = np.array([[4.0, 0, 0], [0, 4.0, 0]])
    out, _ = paste(np.zeros((80, 80, 3)), stripes, matrix, (210, 280), np.ones((256, 256), np.float32))
    assert np.abs(out[10:60, 10:40] - 0.5).max() < 0.15


def test_paste_lands_where_the_crop_was_taken():
    """A dot at a known place of the crop appears at the matching place of the frame, to a tenth of a pixel."""
    mouth = np.zeros((128, 128, 3), np.float32)
    y, x = np.mgrid[0:128, 0:128]
    mouth[...] = 255 * np.exp(-((x - 63.5) ** 2 + (y - 90.0) ** 2) / 18)[..., None]
    matrix = np.array([[0.5, 0, 10.0], [0, 0.5, -5.0]])
    out, _ = paste(np.zeros((400, 400, 3)), mouth, matrix, (105, 140), np.ones((128, 128), np.float32))
    out = out[..., 0]
    rows, columns = np.mgrid[0:400, 0:400]
    crop_x, crop_y = (63.5 + 0.5) * 105 / 128 - 0.5, (90 + 0.5) * 140 / 128 - 0.5
    assert abs((out * columns).sum() / out.sum() - (crop_x - 10) / 0.5) < 0.1
    assert abs((out * rows).sum() / out.sum() - (crop_y + 5) / 0.5) < 0.1


@pytest.mark.parametrize("feather", [0.0, 0.06, 0.5])
@pytest.mark.parametrize("side", [64, 256])
def test_blend_mask_is_whole_inside_and_zero_at_the_border(feather, side):
    keep = keep_mask(side)
    mask = blend_mask(keep, feather)
    assert mask.min() >= 0 and mask.max() <= 1
    assert (mask[keep == 0] == 1).all()
    assert (mask[[0, -1]] == 0).all() and (mask[:, [0, -1]] == 0).all()
    assert (mask[: max(1, int(side * (0.45 - feather)))] == 0).all()


def test_surround_keeps_the_crop_outside_of_the_mask():
    keep = keep_mask(64)
    mouths, crops = np.full((1, 64, 64, 3), 9, np.float32), np.full((1, 64, 64, 3), 7, np.float32)
    out = surround(mouths, crops, keep)
    assert (out[0][keep == 1] == 7).all() and (out[0][keep == 0] == 9).all()


def test_a_face_out_of_the_picture_changes_nothing():
    source = frame(60, 60, 0)
    matrix = np.array([[1.0, 0, 900], [0, 1, 900]])
    for out, alpha in (
        paste_crop(source, golden_face(256), matrix, (210, 280)),
        paste(source, golden_face(256), matrix, (210, 280), np.ones((256, 256), np.float32)),
    ):
        assert np.array_equal(out, source) and not alpha.any()
