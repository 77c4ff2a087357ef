"""Masks keep the source on top of a pasted mouth."""

from types import SimpleNamespace

import numpy as np
import pytest
from support.pasting import laid

from latentsync_core import TensorClip
from latentsync_core.compositing import Patch, check_protect, keep_source, read_masks
from latentsync_core.errors import InputError


def masks_of(*frames, dtype=np.float32):
    grey = np.array(frames, dtype)
    return TensorClip(np.repeat(grey[..., None], 3, -1), 25)


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_white_is_the_source_grey_is_between_black_is_the_mouth(dtype):
    white = 255 if dtype == np.uint8 else 1
    frame, mouth = np.full((2, 5, 3), 0.2 * white, dtype), np.full((2, 5, 3), 0.8 * white, dtype)
    mask = np.array([[1, 1, 0.5, 0, 1]] * 2, np.float32)
    alpha = np.array([[0.5, 0.5, 0.5, 0.5, 0]] * 2, np.float32)
    patch = Patch(np.s_[:, 1:], mouth[:, 1:], alpha[:, 1:])
    out, left = laid(mouth, keep_source(frame, patch, mask))
    assert np.array_equal(out[:, 0], mouth[:, 0])
    assert out.dtype == dtype
    assert np.array_equal(out[:, 1], frame[:, 1]) and np.array_equal(out[:, 3], mouth[:, 3])
    assert np.allclose(out[:, 2] / white, 0.5, atol=0.003)
    assert np.array_equal(left, np.array([[0, 0, 0.25, 0.5, 0]] * 2, np.float32))
    assert np.array_equal(out[:, 4], mouth[:, 4])  # the mouth is not there


def test_each_output_frame_has_the_mask_of_its_source():
    clip = masks_of(*[np.full((2, 3), value) for value in (0.0, 0.5, 1.0)])
    assert [float(mask[0, 0]) for mask in read_masks(clip, np.array([2, 0, 1, 1]))] == [1, 0, 0.5, 0.5]
    one = masks_of(np.eye(2))
    assert [mask.tolist() for mask in read_masks(one, np.array([0, 7]))] == [np.eye(2).tolist()] * 2
    assert list(read_masks(None, np.array([3, 1]))) == [None, None]


def test_nearly_white_in_a_compressed_mask_is_white():
    clip = masks_of([[0, 4, 128, 251, 255]], dtype=np.uint8)
    (mask,) = read_masks(clip, np.array([0]))
    assert mask[0, [0, 1, 3, 4]].tolist() == [0, 0, 1, 1] and abs(mask[0, 2] - 0.5) < 0.01
    (exact,) = read_masks(masks_of([[0.99]]), np.array([0]))
    assert np.isclose(exact[0, 0], 0.99)


@pytest.mark.parametrize(
    ("size", "count", "message"),
    [
        ((40, 64), 10, "masks have 64 x 40 pixels and the frames 64 x 48"),
        ((48, 64), 9, "9 masks and 10 frames"),
    ],
)
def test_masks_that_do_not_fit_are_refused(size, count, message):
    clip = SimpleNamespace(height=48, width=64, times=np.arange(10) / 25)
    masks = SimpleNamespace(height=size[0], width=size[1], times=np.arange(count) / 25)
    with pytest.raises(InputError, match=message):
        check_protect(masks, clip)
