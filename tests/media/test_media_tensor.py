"""Frames in memory as a clip."""

from fractions import Fraction

import numpy as np
import pytest
import torch

from latentsync_core.errors import InputError
from latentsync_core.media import TensorClip


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float32, np.float64])
def test_frames_are_views_in_their_own_dtype(dtype):
    frames = np.random.default_rng(0).random((5, 4, 6, 3)).astype(dtype)
    clip = TensorClip(frames, 25)
    got = list(clip.read([4, 0, 0]))
    assert all(f.dtype == dtype and np.shares_memory(f, frames) for f in got)
    np.testing.assert_array_equal(got[0], frames[4])
    assert (clip.height, clip.width, clip.duration, len(clip)) == (4, 6, 0.2, 5)
    np.testing.assert_allclose(clip.times, [0, 0.04, 0.08, 0.12, 0.16])


def test_torch_tensors_are_taken_without_a_copy():
    frames = torch.rand(2, 4, 6, 3, requires_grad=True)
    assert np.shares_memory(next(TensorClip(frames, 25).read([1])), frames.detach().numpy())
    with pytest.raises(InputError, match="bfloat16"):
        TensorClip(frames.bfloat16(), 25)


@pytest.mark.parametrize(
    "fps,exact",
    [
        (23.976, (24000, 1001)),
        (29.97, (30000, 1001)),
        (12.5, (25, 2)),
        (30, (30, 1)),
        (24.0, (24, 1)),
        (59.94, (60000, 1001)),
    ],
)
def test_decimal_rates_are_the_fractions_they_stand_for(fps, exact):
    assert TensorClip(np.zeros((1, 2, 2, 3), np.uint8), fps).fps == Fraction(*exact)


@pytest.mark.parametrize("shape", [(0, 4, 6, 3), (2, 4, 6, 4), (2, 3, 4, 6), (4, 6, 3), (2, 0, 6, 3)])
def test_other_shapes_are_refused(shape):
    with pytest.raises(InputError, match=r"\(N, H, W, 3\)"):
        TensorClip(np.zeros(shape, np.uint8), 25)


def test_other_values_are_refused():
    with pytest.raises(InputError, match="int64"):
        TensorClip(np.zeros((1, 2, 2, 3), np.int64), 25)
    for fps in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="fps"):
            TensorClip(np.zeros((1, 2, 2, 3), np.uint8), fps)
    frames = np.zeros((4, 2, 2, 3), np.float32)
    frames[1, 0, 0, 0], frames[2], frames[3, 1, 1, 1] = np.nan, 255.0, np.inf
    clip = TensorClip(frames, 25)
    for number, message in (
        (1, "Frame 1 contains NaN"),
        (2, "Frame 2 has float values"),
        (3, "Frame 3 contains"),
    ):
        with pytest.raises(InputError, match=message):
            list(clip.read([0, number]))
    with pytest.raises(InputError, match="0..3"):
        list(clip.read([4]))
