"""How steady a result is: the distance of two clips to a video network (TREPA), and how much a mouth changes."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from ..models.videomae import ClipEncoder

MOUTH = (0.25, 0.75, 0.58, 0.92)
"""Left, right, top and bottom of the mouth in an aligned crop, as shares of its side."""


def temporal_distance(encoder: ClipEncoder, made: Tensor, true: Tensor) -> Tensor:
    """TREPA (LatentSync, section 3.3): mean square between the features of clips (B, F, 3, H, W) in -1..1."""
    return F.mse_loss(encoder(made), encoder(true))


def mouth_part(crops: Tensor) -> Tensor:
    """The mouth and its surroundings, open or shut, of aligned crops (..., R, R)."""
    left, right, top, bottom = (round(fraction * crops.shape[-1]) for fraction in MOUTH)
    return crops[..., top:bottom, left:right]


def changes(crops: Tensor) -> Tensor:
    """Mean absolute change from each frame to the next, (F - 1,), of crops (F, 3, H, W), in their units."""
    return crops.diff(dim=0).abs().mean((1, 2, 3))
