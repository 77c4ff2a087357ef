"""Steadiness: the distance of two clips in a video network's features (TREPA), and how much a mouth changes."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..models.videomae import ClipEncoder

MOUTH = (0.25, 0.75, 0.58, 0.92)
"""Left, right, top and bottom of the mouth in an aligned crop, as fractions of its side."""


def temporal_distance(encoder: ClipEncoder, predicted: Tensor, target: Tensor) -> Tensor:
    """Compute TREPA (LatentSync, section 3.3): the MSE of the features of clips (B, F, 3, H, W) in -1..1."""
    return F.mse_loss(encoder(predicted), encoder(target))


def mouth_part(crops: Tensor) -> Tensor:
    """Crop the mouth and its surroundings, open or shut, from aligned crops (..., R, R)."""
    left, right, top, bottom = (round(fraction * crops.shape[-1]) for fraction in MOUTH)
    return crops[..., top:bottom, left:right]


def measure_changes(crops: Tensor) -> Tensor:
    """Compute the mean absolute change from each frame to the next, (F - 1,), of crops (F, 3, H, W)."""
    return crops.diff(dim=0).abs().mean((1, 2, 3))
