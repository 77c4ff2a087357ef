"""Colours of painted mouths against drawn people: known errors go, the right mouth stays as it is."""

import cv2
import numpy as np
import pytest

from latentsync_core.compositing import match_colors

PEOPLE = 1, 2, 3, 4
WINDOW, LATER = 16, 3


def window_of(person):
    """Return crops, and as their mouths those of frames a little later: the same light, other lips."""
    crops, later = person.crops[:WINDOW], person.crops[LATER : WINDOW + LATER]
    inside = cv2.GaussianBlur(1 - person.keep, (0, 0), len(person.keep) / 64)[..., None]
    return crops, inside * later + (1 - inside) * crops, inside


def error_left(person, wrong):
    """Return the mean error in grey levels of mouths that were `wrong(inside, x)` off, within the mask."""
    crops, right, inside = window_of(person)
    x = (np.arange(len(person.keep)) / len(person.keep) - 0.5)[None, :, None]
    mouths = (right + wrong(inside, x)).astype(np.float32)
    return np.abs(match_colors(mouths, crops, person.keep) - right)[:, person.keep < 0.5].mean()


@pytest.mark.parametrize("seed", PEOPLE)
@pytest.mark.parametrize(
    ("wrong", "most"),
    [
        (lambda inside, x: 0, 0.5),
        (lambda inside, x: 10 + 0 * x, 0.5),
        (lambda inside, x: 10 * inside, 2),
        (lambda inside, x: np.array([8, 0, -8]) * inside, 2),
        (lambda inside, x: 20 * x * inside, 2),
        (lambda inside, x: 20 * x, 0.5),
        (lambda inside, x: 40 * (np.abs(x) > 0.42), 3),
    ],
    ids=["right", "shift", "inside", "warm inside", "slope inside", "slope", "background"],
)
def test_what_is_wrong_goes(drawn, seed, wrong, most):
    assert error_left(drawn(seed, 256), wrong) <= most


def test_outside_of_the_mask_an_error_inside_changes_nothing(drawn):
    person = drawn(1, 256)
    crops, right, inside = window_of(person)
    out = match_colors((right + 20 * inside).astype(np.float32), crops, person.keep)
    far = cv2.distanceTransform((person.keep > 0.5).astype(np.uint8), cv2.DIST_L2, 5) > 16
    assert np.abs(out - crops)[:, far].mean() < 0.5


def test_the_change_is_one_for_a_window_and_nearly_the_same_for_the_next(drawn):
    """So that the cross-fade of windows makes it smooth in time."""
    person = drawn(2, 128)
    crops = person.crops

    def change(first):
        mouths = crops[first : first + 12] + np.float32(6) * (1 - person.keep)[..., None]
        return match_colors(mouths.copy(), crops[first : first + 12], person.keep) - mouths

    one, two = change(0), change(8)
    assert np.allclose(one, one[:1], atol=1e-4)
    assert np.abs(one[0] - two[0]).mean() < 0.5
