"""How alike two pictures are, where a mask says: PSNR and SSIM.

Pictures are (N, C, H, W) in -1..1, as networks take them; a weight (H, W) in 0..1 says how much each pixel counts.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError

RANGE = 2.0
"""From black to white."""
WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03
"""Z. Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity" (2004), section III-C."""
LEAST_SQUARE = 1e-10
"""Equal pictures have 106 dB, not infinitely many."""


def psnr(made: Tensor, true: Tensor, weight: Tensor | None = None) -> float:
    """Peak signal-to-noise ratio in dB over all pictures and channels."""
    return decibels(mean_square(made, true, weight))


def mean_square(made: Tensor, true: Tensor, weight: Tensor | None = None) -> float:
    """Mean squared difference over all pictures and channels."""
    weights = _weight(made, true, weight)
    return float(_mean((made - true) ** 2, weights))


def decibels(square: float) -> float:
    """The PSNR that a mean squared difference is."""
    return 10 * math.log10(RANGE**2 / max(square, LEAST_SQUARE))


def ssim(made: Tensor, true: Tensor, weight: Tensor | None = None) -> float:
    """Structural similarity, at most 1, the mean over pictures and channels.

    Each channel for itself; a window of 11 x 11 pixels must lie inside the picture, and counts as much as its
    middle. Raises InputError for smaller pictures.
    """
    weights, border = _weight(made, true, weight), WINDOW // 2
    if min(made.shape[-2:]) < WINDOW:
        raise InputError(f"SSIM takes pictures of at least {WINDOW} pixels, got {tuple(made.shape[-2:])}.")
    return float(_mean(ssim_map(made, true), weights[border:-border, border:-border]))


def ssim_map(made: Tensor, true: Tensor) -> Tensor:
    """Structural similarity around every pixel that is 5 or more from the border, (N, C, H - 10, W - 10)."""
    x, y = (
        p.flatten(0, 1)[:, None] + RANGE / 2 for p in (made, true)
    )  # the definition takes light, 0 is none
    mean_x, mean_y = _blur(x), _blur(y)
    spread_x, spread_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    shared = _blur(x * y) - mean_x * mean_y
    c1, c2 = (K1 * RANGE) ** 2, (K2 * RANGE) ** 2
    light = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * shared + c2) / (spread_x + spread_y + c2)
    return (light * structure)[:, 0].unflatten(0, made.shape[:2])


def _blur(images: Tensor) -> Tensor:
    """Gaussian mean around every pixel of (N, 1, H, W) whose window lies inside."""
    at = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    bell = torch.exp(-(at**2) / (2 * SIGMA**2))
    bell = bell / bell.sum()
    return F.conv2d(F.conv2d(images, bell[None, None, None]), bell[None, None, :, None])


def _mean(values: Tensor, weight: Tensor) -> Tensor:
    """Weighted mean of values (N, C, H, W)."""
    return (values * weight).sum() / (weight.sum() * values[:, :, 0, 0].numel())


def _weight(made: Tensor, true: Tensor, weight: Tensor | None) -> Tensor:
    if made.ndim != 4 or made.shape != true.shape:
        raise InputError(
            f"Pictures are compared in one shape (N, C, H, W), got {tuple(made.shape)} and {tuple(true.shape)}."
        )
    weight = made.new_ones(made.shape[-2:]) if weight is None else weight.to(made)
    if weight.shape != made.shape[-2:] or not weight.sum() > 0:
        raise InputError(
            f"A weight is {tuple(made.shape[-2:])} with values above 0 somewhere, got {tuple(weight.shape)}."
        )
    return weight
