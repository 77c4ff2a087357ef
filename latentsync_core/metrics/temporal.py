"""How steady a result is: the distance of two clips to a video network (TREPA), and the jitter of pixels."""

from __future__ import annotations

from typing import Any

import torch.nn.functional as F
from torch import Tensor, nn
from transformers import VideoMAEModel


class ClipEncoder(nn.Module):
    """VideoMAE's features of whole clips: the mean of its last tokens, normed (`fc_norm` of the published one).

    config: a `VideoMAEConfig` with `use_mean_pooling`.
    """

    def __init__(self, config: Any) -> None:
        super().__init__()
        self.model = VideoMAEModel(config)
        self.fc_norm = nn.LayerNorm(config.hidden_size, eps=config.layer_norm_eps)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, F, 3, H, W) in -1..1 of any size -> unit vectors (B, width)."""
        size = self.model.config.image_size
        frames = F.interpolate(clips.flatten(0, 1), (size, size), mode="bicubic")
        frames = frames / 2 + 0.5  # without ImageNet's mean and deviation, as upstream
        tokens = self.model(frames.unflatten(0, clips.shape[:2])).last_hidden_state
        return F.normalize(self.fc_norm(tokens.mean(1)), dim=-1)


def temporal_distance(encoder: ClipEncoder, made: Tensor, true: Tensor) -> Tensor:
    """TREPA (LatentSync, section 3.3): mean square between the features of clips (B, F, 3, H, W) in -1..1."""
    return F.mse_loss(encoder(made), encoder(true))


def jitter(crops: Tensor) -> float:
    """Mean change from frame to frame of crops (F, 3, H, W), in their units."""
    return float(crops.diff(dim=0).abs().mean())
