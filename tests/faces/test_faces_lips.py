import numpy as np
import pytest

from latentsync_core.errors import InputError
from latentsync_core.faces import FaceFinder, measure_openings, smooth_matrices
from latentsync_lab.synthetic import talking_clip


@pytest.fixture(scope="module")
def finder():
    return FaceFinder()


@pytest.fixture(scope="module")
def clip():
    """A mouth that opens and closes twice, in a head that moves."""
    times = np.arange(24_000) / 16_000
    loud = np.clip(np.sin(2 * np.pi * 1.5 * times), 0, 1)
    return talking_clip(11, 0.4 * loud * np.sin(2 * np.pi * 700 * times))


def looked_at(clip, resolution, every=2):
    frames = list(clip.read(range(0, len(clip.times), every)))
    return frames, smooth_matrices(clip.truth[0].points, clip.times, resolution)[::every]


@pytest.mark.parametrize("resolution", [128, 256])
def test_measured_opening_follows_the_true_one(finder, clip, resolution):
    measured = measure_openings(finder, *looked_at(clip, resolution), resolution)
    true = clip.truth[0].mouth.openness[::2]
    assert np.corrcoef(measured, true)[0, 1] > 0.93
    assert np.abs(measured[true < 0.02]).max() < 0.02 < measured[true > 0.7].min()


def test_turned_images_make_no_difference(finder, clip):
    frames, matrices = looked_at(clip, 128, every=6)
    upright = measure_openings(finder, frames, matrices, 128)
    high = frames[0].shape[1] - 1
    back = np.array([[0, -1, high], [1, 0, 0], [0, 0, 1]])  # (x, y) of a quarter turn -> (x, y) upright
    turned = np.stack([np.vstack([m, [0, 0, 1]]) @ back for m in matrices])[:, :2]
    lying = [np.ascontiguousarray(np.rot90(frame)) for frame in frames]
    np.testing.assert_allclose(measure_openings(finder, lying, turned, 128), upright, atol=0.012)


def test_no_face_is_nan(finder, clip):
    frames, matrices = looked_at(clip, 128, every=12)
    frames[0] = np.full_like(frames[0], 90)
    matrices[1] = np.nan
    openings = measure_openings(finder, frames, matrices, 128)
    assert np.isnan(openings).tolist() == [True, True, False, False]


def test_matrices_of_another_clip(finder):
    with pytest.raises(InputError, match=r"1 frames take matrices \(1, 2, 3\), got \(2, 2, 3\)"):
        measure_openings(finder, [np.zeros((9, 9, 3), np.uint8)], np.zeros((2, 2, 3)), 128)
