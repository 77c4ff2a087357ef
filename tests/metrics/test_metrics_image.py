import math

import numpy as np
import pytest
import torch

from latentsync_core.errors import InputError
from latentsync_core.metrics.image import psnr, ssim, ssim_map


def images(seed=0, size=24):
    return torch.rand(2, 3, size, size, generator=torch.Generator().manual_seed(seed)) * 2 - 1


def test_psnr_of_a_known_error():
    target = torch.zeros(1, 3, 16, 16)
    assert psnr(target + 0.02, target) == pytest.approx(40, abs=1e-3)  # a hundredth of the range
    assert psnr(target, target) > 100


def test_weights_choose_where():
    target = torch.zeros(1, 3, 32, 32)
    predicted, left = target.clone(), torch.zeros(32, 32)
    left[:, :16] = 1
    predicted[..., :16] = 0.2
    assert psnr(predicted, target, left) == pytest.approx(20, abs=1e-3)
    assert psnr(predicted, target, 1 - left) > 100
    assert psnr(predicted, target, (1 - left) + 0.25 * left) == pytest.approx(
        20 + 10 * math.log10(5), abs=1e-3
    )
    noisy = target + torch.randn(1, 3, 32, 32, generator=torch.Generator().manual_seed(1)) * left
    far = torch.zeros(32, 32)
    far[:, 22:] = 1  # the window reaches 5 pixels
    assert ssim(noisy, target, far) == pytest.approx(1)
    assert ssim(noisy, target, left) < 0.1


def test_ssim_equals_the_definition():
    """Equation 13 of Wang et al., written out for one window in double precision."""
    predicted, target = images(0), (images(0) + 0.3 * images(1)).clamp(-1, 1)
    at = np.arange(11) - 5
    bell = np.exp(-(at[:, None] ** 2 + at[None] ** 2) / (2 * 1.5**2))
    bell /= bell.sum()
    x, y = (p[1, 2, 4:15, 7:18].numpy().astype(float) + 1 for p in (predicted, target))
    mx, my = (bell * x).sum(), (bell * y).sum()
    sx, sy, sxy = (
        (bell * (x - mx) ** 2).sum(),
        (bell * (y - my) ** 2).sum(),
        (bell * (x - mx) * (y - my)).sum(),
    )
    c1, c2 = 0.02**2, 0.06**2
    expected = (2 * mx * my + c1) * (2 * sxy + c2) / ((mx**2 + my**2 + c1) * (sx + sy + c2))
    assert float(ssim_map(predicted, target)[1, 2, 4, 7]) == pytest.approx(expected, abs=1e-5)
    assert ssim(predicted, target) == pytest.approx(float(ssim_map(predicted, target).mean()))


def test_ssim_of_the_same_and_of_the_opposite():
    assert ssim(images(), images()) == pytest.approx(1)
    assert ssim(images(), -images()) < 0


def test_what_cannot_be_compared():
    with pytest.raises(
        InputError, match=r"one shape \(N, C, H, W\), got \(2, 3, 24, 24\) and \(2, 3, 20, 20\)"
    ):
        psnr(images(), images(size=20))
    with pytest.raises(InputError, match="at least 11 pixels"):
        ssim(images(size=8), images(size=8))
    with pytest.raises(InputError, match="values above 0 somewhere"):
        psnr(images(), images(), torch.zeros(24, 24))
