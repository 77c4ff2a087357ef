"""Crops and the mask against upstream's."""

import re

import cv2
import numpy as np
import pytest
from support.recipes import GOLDEN, frame, golden_json

from latentsync_core.errors import InputError
from latentsync_core.faces import crop_face, crop_size, keep_mask, warp_crop
from latentsync_core.upstream import align_causally, crop_in_8_bit

FACE = np.load(GOLDEN / "face.npz")
CROPS = [name for name in FACE if name.startswith("crop_")]
MASK = golden_json("mask.json")
# OpenCV 4 rounds the place of a sample to 1/32 pixel, OpenCV 5 does not.
MOST, FRACTION = (1, 0.002) if int(cv2.__version__.split(".")[0]) >= 5 else (2, 0.08)
HALF = np.array([[0.5, 0.0, 3.0], [0.0, 0.5, -2.0]])


def differences(ours, golden):
    """Return the largest difference in grey levels and the fraction of values that differ."""
    difference = np.abs(ours.astype(int) - golden)
    return difference.max(), (difference > 0).mean()


@pytest.mark.parametrize("name", CROPS)
def test_crops_are_upstreams(name):
    resolution, index, first, last = map(int, re.findall(r"\d+", name))
    matrix = align_causally(FACE["landmarks"], resolution)[index]
    crop = warp_crop(frame(180, 200, index), matrix, crop_size(resolution)).astype(np.uint8)
    most, fraction = differences(crop[first:last], FACE[name])
    assert most <= MOST and fraction < FRACTION


def test_face_is_upstreams():
    matrix = align_causally(FACE["landmarks"], 256)[0]
    face = crop_in_8_bit(frame(180, 200, 0), matrix, 256, 256)
    most, fraction = differences(face[60:120], FACE["face256_lanczos_i0_rows60_120"])
    assert face.dtype == np.float32 and most <= MOST and fraction < FRACTION


def test_a_face_that_is_not_exact_is_not_rounded():
    matrix = align_causally(FACE["landmarks"], 256)[0]
    exact, default = (cut_out(frame(180, 200, 0), matrix, 256, 256) for cut_out in (crop_in_8_bit, crop_face))
    assert (default != default.round()).mean() > 0.5
    assert 0.3 < (default - exact).mean() < 0.7  # what truncation takes away


def test_align_resolution():
    matrix = align_causally(FACE["landmarks"], 512)[0]
    small = crop_face(frame(180, 200, 0), matrix, 128, align_resolution=512)
    large = crop_face(frame(180, 200, 0), matrix, 512)
    assert small.shape == (128, 128, 3)
    assert np.abs(small.mean() - large.mean()) < 1


@pytest.mark.parametrize(("scale", "left"), [(0.2, 0.25), (0.3, 0.35), (0.9, 1.0)])
def test_a_face_larger_than_the_crop_is_averaged_not_sampled(scale, left):
    """Noise in a large face is weaker in the crop: what is sampled here and there flickers."""
    noise = np.random.default_rng(0).normal(128, 20, (900, 900, 3)).clip(0, 255).astype(np.uint8)
    matrix = np.array([[scale, 0, -10.0], [0, scale, -10.0]])
    crop = crop_face(noise, matrix, 128)[10:90, 10:90]
    assert crop.std() < left * 20 and abs(crop.mean() - 127.5) < 0.5


@pytest.mark.parametrize("scale", [0.2, 0.3, 0.7, 2.0])
def test_a_crop_shows_what_lies_at_its_place(scale):
    """A dot of the frame appears where the matrix puts it, to a twentieth of a pixel."""
    y, x = np.mgrid[:600, :600]
    dot = np.exp(-((x - 301.3) ** 2 + (y - 293.8) ** 2) * scale**2 / 18)
    matrix = np.array([[scale, 0, 52 - scale * 300], [0, scale, 70 - scale * 300]])
    weight = crop_face(np.repeat(dot[..., None], 3, -1), matrix, 128)[20:108, 20:108, 0]
    place = np.array([(weight * grid).sum() for grid in np.mgrid[20:108, 20:108][::-1]]) / weight.sum()
    expected = (matrix @ [301.3, 293.8, 1] + 0.5) * [128 / 105, 128 / 140] - 0.5
    assert np.abs(place - expected).max() < 0.05


def test_the_region_gives_the_same_as_the_whole_frame():
    image = frame(180, 200, 2)
    matrix = np.array([[1.7, 0.4, -150.0], [-0.4, 1.7, -60.0]])
    whole = cv2.warpAffine(
        image.astype(np.float32), matrix, (90, 70), borderMode=cv2.BORDER_CONSTANT, borderValue=(127,) * 3
    )
    assert np.abs(warp_crop(image, matrix, (90, 70)) - whole).max() < 0.01


def test_float_frames_give_the_same_crop():
    image = frame(60, 80, 0)
    expected = warp_crop(image, HALF, (50, 40))
    assert expected.dtype == np.float32 and expected.shape == (40, 50, 3)
    assert np.abs(warp_crop(image / 255, HALF, (50, 40)) - expected).max() < 0.02


@pytest.mark.parametrize("shift", [[-5000.0, 0.0], [5000.0, 5000.0]])
def test_outside_the_frame_lies_the_fill(shift):
    matrix = np.column_stack([np.eye(2), shift])
    assert (warp_crop(frame(20, 30, 0), matrix, (8, 6)) == 127).all()
    assert (warp_crop(frame(20, 30, 0), matrix, (8, 6), fill=3) == 3).all()


def test_a_frame_of_one_pixel():
    crop = warp_crop(np.full((1, 1, 3), 200, np.uint8), np.array([[1.0, 0, 4], [0, 1.0, 3]]), (9, 7))
    assert crop[3, 4].tolist() == [200] * 3 and (crop != 127).any(-1).sum() == 1


@pytest.mark.parametrize("matrix", [np.full((2, 3), np.nan), np.zeros((2, 3)), np.eye(2)])
def test_a_matrix_that_maps_nothing_is_refused(matrix):
    with pytest.raises(InputError, match="invertible"):
        warp_crop(frame(20, 30, 0), matrix, (8, 6))


def test_mask_has_the_official_runs():
    mask = keep_mask(256)
    expected = np.ones((256, 256), np.float32)
    for row, runs in MASK["inpaint_row_runs_inclusive"].items():
        for first, last in runs:
            expected[int(row), first : last + 1] = 0
    assert mask.dtype == np.float32 and np.array_equal(mask, expected)
    assert ["".join("01"[int(v)] for v in row) for row in mask[::8, ::8]] == MASK["latent32_keep"]


def test_mask_of_512_has_upstreams_soft_edge():
    assert np.array_equal(
        keep_mask(512)[::8, ::8] * 255, np.array(MASK["latent64_keep_times_255"], np.float32)
    )


@pytest.mark.parametrize("resolution", [64, 128, 384])
def test_masks_of_other_sizes(resolution):
    mask = keep_mask(resolution)
    assert mask.shape == (resolution, resolution) and mask.min() == 0 and mask.max() == 1
    assert abs((1 - mask).mean() - (1 - keep_mask(256)).mean()) < 0.01
