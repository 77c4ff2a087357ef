"""The video network of TREPA at nano size: it learns how faces move by predicting hidden parts of clips."""

from __future__ import annotations

from collections.abc import Sequence
from math import sqrt

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from transformers import VideoMAEConfig, VideoMAEForPreTraining

from latentsync_core.metrics.sync import FRAMES
from latentsync_core.models.videomae import ClipEncoder

from .loop import Run
from .recipes import VideoMaeRecipe
from .syncnet import UtteranceSample
from .vae import to_pixels

CONFIG = VideoMAEConfig(
    image_size=64,
    patch_size=8,
    num_frames=FRAMES,
    tubelet_size=2,
    hidden_size=64,
    num_hidden_layers=4,
    num_attention_heads=4,
    intermediate_size=256,
    decoder_hidden_size=64,
    decoder_num_hidden_layers=2,
    decoder_num_attention_heads=4,
    decoder_intermediate_size=256,
    use_mean_pooling=True,
)
SCORE_EVERY = 200


class MaskedClips(nn.Module):
    """VideoMAE (Tong et al., NeurIPS 2022): an encoder sees a few patches of a clip, a decoder predicts the others."""

    def __init__(self) -> None:
        super().__init__()
        self.network = VideoMAEForPreTraining(CONFIG)

    def forward(self, clips: Tensor, hidden: Tensor) -> Tensor:
        """Return the mean squared error of the predicted patches, normed to variance 1.

        clips: (B, 16, 3, R, R) in -1..1; hidden: (B, patches) bool, the same number in every clip.
        """
        size = (CONFIG.image_size,) * 2
        frames = F.interpolate(clips.flatten(0, 1), size, mode="bicubic")
        frames = (frames / 2 + 0.5).clamp(0, 1)  # as in `ClipEncoder`
        return self.network(frames.unflatten(0, clips.shape[:2]), bool_masked_pos=hidden).loss

    @torch.no_grad()
    def encoder(self, clips: Tensor) -> ClipEncoder:
        """Return the encoder for TREPA; features are counted from their mean over `clips` (B, 16, 3, R, R).

        Without labels to tell apart, all clips look nearly alike to so small a network: what they have in common
        is most of a feature, and would be most of a unit vector. The published network was tuned on classes.
        """
        encoder = ClipEncoder(CONFIG)
        encoder.model.load_state_dict(self.network.videomae.state_dict())
        encoder.to(self.network.device).eval().requires_grad_(False)
        common = torch.cat([encoder(part.to(self.network.device)) for part in clips.split(8)]).mean(0)
        encoder.fc_norm.bias.sub_(sqrt(CONFIG.hidden_size) * common)  # the length of what a LayerNorm gives
        return encoder


def train_videomae(
    run: Run, recipe: VideoMaeRecipe, train: Sequence[UtteranceSample], test: Sequence[UtteranceSample]
) -> None:
    """Train until the recipe's steps are over."""
    device = run.accelerator.device
    for _ in run.steps():
        rng = run.rng()
        clips = _draw_clips(rng, train, recipe.loop.batch)
        run.update(hidden=run.model(clips.to(device), _draw_tubes(rng, len(clips), recipe.masked).to(device)))
        if run.step % SCORE_EVERY == 0:
            run.measure(score_videomae, recipe, test)


def _draw_clips(rng: np.random.Generator, utterances: Sequence[UtteranceSample], count: int) -> Tensor:
    """Draw random windows, (count, 16, 3, R, R) in -1..1."""
    windows = []
    for number in rng.integers(len(utterances), size=count):
        crops = utterances[number].crops
        start = int(rng.integers(len(crops) - FRAMES + 1))
        windows.append(to_pixels(crops[start : start + FRAMES]))
    return torch.stack(windows)


def _draw_tubes(rng: np.random.Generator, count: int, fraction: float) -> Tensor:
    """Draw hidden places, the same in every frame of a clip, (count, patches) bool."""
    places = (CONFIG.image_size // CONFIG.patch_size) ** 2
    order = rng.permuted(np.tile(np.arange(places), (count, 1)), axis=1)
    hidden = order < round(fraction * places)
    return torch.from_numpy(np.tile(hidden, (1, CONFIG.num_frames // CONFIG.tubelet_size)))


@torch.no_grad()
def score_videomae(
    model: nn.Module, recipe: VideoMaeRecipe, test: Sequence[UtteranceSample]
) -> dict[str, float]:
    """Return the loss on held-out clips, always the same windows and places."""
    rng, device = np.random.default_rng(0), next(model.parameters()).device
    clips = _draw_clips(rng, test, 2 * len(test))
    hidden = _draw_tubes(rng, len(clips), recipe.masked)
    parts = zip(clips.split(8), hidden.split(8), strict=True)
    return {"hidden": float(np.mean([float(model(c.to(device), h.to(device))) for c, h in parts]))}
