"""Similarity of images, weighted by a mask: PSNR and SSIM.

Images are (N, C, H, W) in -1..1, as networks take them; a weight (H, W) in 0..1 weights each pixel.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InputError

RANGE = 2.0
"""From black to white."""
# Z. Wang et al., "Image Quality Assessment: From Error Visibility to Structural Similarity" (2004), section III-C.
WINDOW, SIGMA = 11, 1.5
K1, K2 = 0.01, 0.03

LEAST_SQUARE = 1e-10
"""Equal images have 106 dB, not infinitely many."""


def psnr(predicted: Tensor, target: Tensor, weight: Tensor | None = None) -> float:
    """Compute the peak signal-to-noise ratio in dB over all images and channels."""
    return decibels(mean_square(predicted, target, weight))


def mean_square(predicted: Tensor, target: Tensor, weight: Tensor | None = None) -> float:
    """Compute the mean squared difference over all images and channels."""
    weights = _check_weight(predicted, target, weight)
    return float(_weighted_mean((predicted - target) ** 2, weights))


def decibels(square: float) -> float:
    """Convert a mean squared difference to PSNR in dB."""
    return 10 * math.log10(RANGE**2 / max(square, LEAST_SQUARE))


def ssim(predicted: Tensor, target: Tensor, weight: Tensor | None = None) -> float:
    """Compute the structural similarity, at most 1, the mean over images and channels.

    Channels are compared separately; windows of 11 x 11 pixels lie within the image and have the weight of their
    centre. Raises InputError for smaller images.
    """
    weights, border = _check_weight(predicted, target, weight), WINDOW // 2
    if min(predicted.shape[-2:]) < WINDOW:
        raise InputError(f"SSIM takes images of at least {WINDOW} pixels, got {tuple(predicted.shape[-2:])}.")
    return float(_weighted_mean(ssim_map(predicted, target), weights[border:-border, border:-border]))


def ssim_map(predicted: Tensor, target: Tensor) -> Tensor:
    """Compute the structural similarity around every pixel 5 or more from the border, (N, C, H - 10, W - 10)."""
    x, y = (
        p.flatten(0, 1)[:, None] + RANGE / 2 for p in (predicted, target)
    )  # the definition takes light, 0 is none
    mean_x, mean_y = _blur(x), _blur(y)
    spread_x, spread_y = _blur(x * x) - mean_x**2, _blur(y * y) - mean_y**2
    shared = _blur(x * y) - mean_x * mean_y
    c1, c2 = (K1 * RANGE) ** 2, (K2 * RANGE) ** 2
    light = (2 * mean_x * mean_y + c1) / (mean_x**2 + mean_y**2 + c1)
    structure = (2 * shared + c2) / (spread_x + spread_y + c2)
    return (light * structure)[:, 0].unflatten(0, predicted.shape[:2])


def _blur(images: Tensor) -> Tensor:
    """Compute the Gaussian mean around every pixel of (N, 1, H, W) whose window lies within the image."""
    at = torch.arange(WINDOW, dtype=images.dtype, device=images.device) - WINDOW // 2
    bell = torch.exp(-(at**2) / (2 * SIGMA**2))
    bell = bell / bell.sum()
    return F.conv2d(F.conv2d(images, bell[None, None, None]), bell[None, None, :, None])


def _weighted_mean(values: Tensor, weight: Tensor) -> Tensor:
    """Compute the weighted mean of values (N, C, H, W)."""
    return (values * weight).sum() / (weight.sum() * values[:, :, 0, 0].numel())


def _check_weight(predicted: Tensor, target: Tensor, weight: Tensor | None) -> Tensor:
    if predicted.ndim != 4 or predicted.shape != target.shape:
        raise InputError(
            f"Images are compared in one shape (N, C, H, W), got {tuple(predicted.shape)} and {tuple(target.shape)}."
        )
    weight = predicted.new_ones(predicted.shape[-2:]) if weight is None else weight.to(predicted)
    if weight.shape != predicted.shape[-2:] or not weight.sum() > 0:
        raise InputError(
            f"A weight is {tuple(predicted.shape[-2:])} with values above 0 somewhere, got {tuple(weight.shape)}."
        )
    return weight
