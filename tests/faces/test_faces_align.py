"""Alignment: parity with upstream, and smoothing that adds neither lag nor drift."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.recipes import GOLDEN

from latentsync_core.errors import InputError
from latentsync_core.faces import (
    crop_size,
    fit_similarity,
    smooth_matrices,
    template,
)
from latentsync_core.upstream import align_causally

FACE = np.load(GOLDEN / "face.npz")


def moved_template(x, y, log_scale, angle, resolution=256):
    """Points (N, 3, 2) of template faces whose crop centre lies at x, y; all arguments (N,)."""
    local = template(resolution) - (np.array(crop_size(resolution)) - 1) / 2
    turn = np.stack([np.cos(angle), -np.sin(angle), np.sin(angle), np.cos(angle)], -1).reshape(-1, 2, 2)
    return (
        np.exp(log_scale)[:, None, None] * (local @ turn.transpose(0, 2, 1)) + np.stack([x, y], -1)[:, None]
    )


def steady(count, **motion):
    """Template faces that stand still but for the given coordinates."""
    still = {"x": 300.0, "y": 200.0, "log_scale": 0.2, "angle": 0.1}
    return moved_template(**{name: np.broadcast_to(motion.get(name, v), count) for name, v in still.items()})


def centre_x(matrices, resolution=256):
    """Where in the frame the centre of each crop lies, x only."""
    middle = (np.array(crop_size(resolution)) - 1) / 2
    return np.array([np.linalg.solve(m[:, :2], middle - m[:, 2])[0] for m in matrices])


@pytest.mark.parametrize("resolution, size", [(256, (210, 280)), (512, (420, 560))])
def test_crop_size(resolution, size):
    assert crop_size(resolution) == size
    assert (template(resolution) < size).all()


@pytest.mark.parametrize("resolution", [256, 512])
@pytest.mark.parametrize("smooth", [True, False])
def test_upstream_matrices(resolution, smooth):
    matrices = align_causally(FACE["landmarks"], resolution, smooth=smooth)
    golden = FACE[f"M_{'smooth' if smooth else 'nosmooth'}_{resolution}"]
    # torch's singular value decomposition differs in its last bit from one CPU to the next.
    assert matrices.dtype == np.float32
    assert np.abs(matrices[:, :, :2] - golden[:, :, :2]).max() < 1e-5
    assert np.abs(matrices - golden).max() < 1e-4


def test_upstream_matrices_skip_missing_faces():
    points = np.insert(FACE["landmarks"], 2, np.nan, axis=0)
    matrices = align_causally(points, 256)
    assert np.isnan(matrices[2]).all()
    assert np.array_equal(np.delete(matrices, 2, 0), align_causally(FACE["landmarks"], 256))


@pytest.mark.parametrize("resolution", [256, 512])
def test_similarity_is_upstreams_without_its_bias(resolution):
    difference = fit_similarity(FACE["landmarks"], resolution) - FACE[f"M_nosmooth_{resolution}"]
    assert np.abs(difference).max() < 2e-4


@given(
    st.floats(-2000, 2000),
    st.floats(-2000, 2000),
    st.floats(-4, 4),
    st.floats(-3.1, 3.1),
    st.sampled_from([256, 512]),
)
def test_similarity_undoes_a_similarity(x, y, log_scale, angle, resolution):
    points = moved_template(*(np.array([v]) for v in (x, y, log_scale, angle)), resolution)
    matrix = fit_similarity(points, resolution)[0]
    assert np.abs(points[0] @ matrix[:, :2].T + matrix[:, 2] - template(resolution)).max() < 1e-6


def test_points_that_coincide_have_no_alignment():
    assert np.isnan(fit_similarity(np.full((1, 3, 2), 5.0), 256)).all()


@pytest.mark.parametrize("fps", [5, 25, 60, 240])
def test_uniform_motion_is_left_alone_even_at_the_ends(fps):
    times = np.arange(40) / fps
    points = steady(40, x=300 + 40 * times, y=200 - 9 * times, log_scale=0.1 * times, angle=3 + 0.5 * times)
    assert np.abs(smooth_matrices(points, times, 256) - fit_similarity(points, 256)).max() < 1e-6


def test_uniform_motion_at_uneven_times_is_left_alone():
    times = np.cumsum(np.random.default_rng(0).uniform(0.002, 0.08, 50))
    points = steady(50, x=300 + 40 * times, angle=0.3 * times)
    assert np.abs(smooth_matrices(points, times, 256) - fit_similarity(points, 256)).max() < 1e-6


def test_an_impulse_spreads_evenly_to_both_sides():
    times, x, angle = np.arange(41) / 25, np.full(41, 300.0), np.zeros(41)
    x[20], angle[20] = 310, 0.2
    matrices = smooth_matrices(steady(41, x=x, angle=angle), times, 256)
    place = centre_x(matrices) - 300
    tilt = np.arctan2(matrices[:, 1, 0], matrices[:, 0, 0])
    for response in (place, tilt):
        assert np.allclose(response, response[::-1], atol=1e-6)
        assert np.argmax(np.abs(response)) == 20
    weights = np.exp(-0.5 * (np.arange(-4, 5) / 1.5) ** 2)
    assert abs(tilt[20] / -0.2) == pytest.approx(1 / weights.sum(), rel=0.01)
    assert place[20] > 7.5  # position follows fast


@given(st.floats(-5000, 5000), st.floats(-5000, 5000))
def test_a_shift_of_the_image_shifts_the_crop(dx, dy):
    points = steady(20) + np.random.default_rng(3).normal(0, 2, (20, 3, 2))
    times = np.arange(20) / 25
    plain, shifted = smooth_matrices(points, times, 256), smooth_matrices(points + [dx, dy], times, 256)
    expected = plain[:, :, 2] - np.einsum("nij,j->ni", plain[:, :, :2], [dx, dy])
    assert np.abs(shifted[:, :, :2] - plain[:, :, :2]).max() < 1e-9
    assert np.abs(shifted[:, :, 2] - expected).max() < 1e-6


def test_noise_becomes_less_and_rotation_across_180_degrees_is_smooth():
    times = np.arange(200) / 25
    points = steady(200, angle=np.pi + 0.3 * np.sin(2 * times))
    noisy = points + np.random.default_rng(1).normal(0, 0.5, points.shape)
    truth = fit_similarity(points, 256)[:, :, :2]
    raw, smoothed = fit_similarity(noisy, 256)[:, :, :2], smooth_matrices(noisy, times, 256)[:, :, :2]
    assert np.abs(smoothed - truth).std() < 0.6 * np.abs(raw - truth).std()


def test_nothing_crosses_a_cut():
    first, second = steady(10), steady(10, x=900.0, log_scale=-0.5, angle=-0.4)
    points, times = np.concatenate([first, second]), np.arange(20) / 25
    assert np.abs(smooth_matrices(points, times, 256, [10]) - fit_similarity(points, 256)).max() < 1e-6
    assert np.abs(smooth_matrices(points, times, 256) - fit_similarity(points, 256)).max() > 0.1


def test_gaps_stay_and_nothing_crosses_them():
    times = np.arange(30) / 25
    points = steady(30, x=300 + 100 * times, angle=3 + 0.5 * times)
    points[21:] += 50
    points[[10, 20]] = np.nan
    matrices = smooth_matrices(points, times, 256)
    assert np.flatnonzero(np.isnan(matrices).any((1, 2))).tolist() == [10, 20]
    assert np.nanmax(np.abs(matrices - fit_similarity(points, 256))) < 1e-6


def test_nothing_found_and_one_frame():
    assert np.isnan(smooth_matrices(np.full((5, 3, 2), np.nan), np.arange(5), 256)).all()
    one = steady(1)
    assert np.allclose(smooth_matrices(one, np.zeros(1), 256), fit_similarity(one, 256))


@pytest.mark.parametrize(
    "points, times", [((4, 3, 2), np.zeros(4)), ((4, 3, 2), np.arange(3)), ((4, 2, 2), np.arange(4))]
)
def test_wrong_shapes_and_times_are_refused(points, times):
    with pytest.raises(InputError):
        smooth_matrices(np.zeros(points), times, 256)
