import math

import numpy as np
import pytest

from latentsync_core.errors import InputError
from latentsync_lab.truth import best_lag, correlation, gain


@pytest.fixture
def true():
    return np.convolve(np.random.default_rng(0).random(80), np.ones(4) / 4, "same")


def test_correlation(true):
    assert correlation(2 * true + 1, true) == pytest.approx(1)
    assert correlation(-true, true) == pytest.approx(-1)
    assert abs(correlation(true[::-1].copy(), true)) < 0.4
    assert math.isnan(correlation(np.ones(80), true))


def test_frames_without_a_face_are_left_out(true):
    seen = 3 * true
    seen[10:20] = np.nan
    assert correlation(seen, true) == pytest.approx(1)
    assert gain(seen, true) == pytest.approx(3)
    assert best_lag(seen, true) == 0


@pytest.mark.parametrize("late", [-8, -3, 0, 5, 8])
def test_lag_is_positive_for_a_curve_that_comes_late(true, late):
    assert best_lag(np.roll(true, late), true) == late


def test_gain(true):
    noise = np.random.default_rng(1).normal(0, 0.01, 80)
    assert gain(0.5 * true + 0.2 + noise, true) == pytest.approx(0.5, abs=0.03)
    assert math.isnan(gain(true, np.ones(80)))


def test_curves_of_unlike_length(true):
    with pytest.raises(InputError, match=r"one shape \(n,\), got \(79,\) and \(80,\)"):
        correlation(true[1:], true)
    with pytest.raises(InputError, match="one length above 9"):
        best_lag(true[:9], true[:9])
