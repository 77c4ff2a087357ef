"""Grain of the painted mouth against that of the frame around it."""

import cv2
import numpy as np
import pytest
from support.pasting import paste

from latentsync_core.faces import crop_face


def detail(image, where):
    """Return the energy of the Laplacian of brightness."""
    light = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((cv2.Laplacian(light, cv2.CV_32F)[where] ** 2).mean())


def add_noise(image, sigma, size=1, seed=0):
    """Add noise whose dots are about `size` pixels large."""
    noise = np.random.default_rng(seed).standard_normal(image.shape)
    if size > 1:
        noise = cv2.GaussianBlur(noise, (0, 0), size / 2)
        noise /= noise.std()
    return np.clip(np.rint(image + sigma * noise), 0, 255).astype(np.uint8)


def put_back(person, frame, seed=7, mouth=None):
    """Paste the mouth of a frame without grain, or another; returns the frame and where it is painted."""
    mouth = person.crops[5] if mouth is None else mouth
    out, alpha = paste(frame, mouth, person.matrices[5], person.size, person.mask, seed)
    return out, alpha > 0.98


@pytest.mark.parametrize("sigma", [4, 8, 14])
@pytest.mark.parametrize("resolution", [256, 512])
def test_a_clean_mouth_gets_the_grain_around_it(drawn, sigma, resolution):
    person = drawn(1, resolution)
    frame = add_noise(person.frames[5], sigma)
    out, painted = put_back(person, frame)
    assert 0.9 < detail(out, painted) / detail(frame, painted) < 1.1


def test_grain_of_brightness_stays_without_colour(drawn):
    person = drawn(1, 256)
    noise = 8 * np.random.default_rng(0).standard_normal((480, 480, 1))
    frame = np.clip(person.frames[5] + noise, 0, 255).astype(np.uint8)
    without, _ = paste(frame, person.crops[5], person.matrices[5], person.size, person.mask)
    out, painted = put_back(person, frame)
    added = (out.astype(float) - without)[painted]
    assert added.mean(1).std() > 6 and (added - added.mean(1, keepdims=True)).std() < 1


def test_large_grain_comes_larger(drawn):
    person = drawn(1, 512)
    frame = add_noise(person.frames[5], 10, size=2)
    out, painted = put_back(person, frame)
    without, _ = paste(frame, person.crops[5], person.matrices[5], person.size, person.mask)
    added = cv2.cvtColor(out, cv2.COLOR_RGB2GRAY).astype(float) - cv2.cvtColor(without, cv2.COLOR_RGB2GRAY)
    beside = (added[:, 1:] * added[:, :-1])[painted[:, 1:]].mean() / (added[painted] ** 2).mean()
    assert beside > 0.3
    assert detail(without, painted) < 0.8 * detail(out, painted) < 0.9 * detail(frame, painted)


@pytest.mark.parametrize("sigma", [0, 1, 2])
def test_clean_footage_gets_none(drawn, sigma):
    person = drawn(2, 256)
    frame = add_noise(person.frames[5], sigma)
    without, _ = paste(frame, person.crops[5], person.matrices[5], person.size, person.mask)
    assert np.array_equal(put_back(person, frame)[0], without)


def test_a_mouth_with_the_sources_grain_gets_no_more(drawn):
    person = drawn(1, 512)
    frame = add_noise(person.frames[5], 8)
    out, painted = put_back(person, frame, mouth=crop_face(frame, person.matrices[5], 512))
    assert detail(out, painted) < 1.1 * detail(frame, painted)


def test_grain_is_the_same_for_a_seed_and_a_frame(drawn):
    person = drawn(1, 256)
    frame, other = (add_noise(person.frames[5], 8, seed=seed) for seed in (0, 1))
    first = put_back(person, frame)[0]
    assert np.array_equal(first, put_back(person, frame.copy())[0])
    assert not np.array_equal(first, put_back(person, frame, seed=8)[0])
    grains = [
        put_back(person, image)[0].astype(int)
        - paste(image, person.crops[5], person.matrices[5], person.size, person.mask)[0]
        for image in (frame, other)
    ]
    painted = put_back(person, frame)[1]
    assert abs(np.corrcoef(*(grain[painted].ravel() for grain in grains))[0, 1]) < 0.05


def test_grain_fades_with_the_mouth_and_ends_where_it_ends(drawn):
    person = drawn(1, 256)
    frame = add_noise(person.frames[5], 8)
    for strength in (0.0, 0.3, 1.0):
        mask = person.mask * np.float32(strength)
        out, alpha = paste(frame, person.crops[5], person.matrices[5], person.size, mask, 7)
        assert np.array_equal(out[alpha == 0], frame[alpha == 0])
        inside = alpha > 0.98 * max(strength, 0.1)
        assert strength == 0 or 0.8 < detail(out, inside) / detail(frame, inside) < 1.1


def test_a_float_frame_gets_the_grain_of_an_8_bit_one(drawn):
    person = drawn(1, 256)
    frame = add_noise(person.frames[5], 8)
    eight, _ = put_back(person, frame)
    real, _ = put_back(person, frame / np.float32(255))
    assert np.abs(real * 255 - eight).max() <= 0.51
    assert real.min() >= 0 and real.max() <= 1
