"""Validation: what a denoiser in training makes of a held-out clip, as a video."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import torch

from latentsync_core.compositing import surround
from latentsync_core.data import SPEECH_RATE, Array, Progress, Waveform
from latentsync_core.diffusion import Denoiser, WindowInput
from latentsync_core.faces.mask import keep_mask
from latentsync_core.media import open_writer
from latentsync_core.metrics.sync import FRAMES, LEAST_FRAMES, reach_of, sync_curve
from latentsync_core.models.bundle import LipSyncModels
from latentsync_core.models.syncnet import StableSyncNet
from latentsync_core.options import Options
from latentsync_core.speech import encode, tokens_at

from .footage import FPS, Footage
from .loop import count_progress
from .vae import to_pixels

OPTIONS = Options(steps=20, sampler="ddim", reuse=1)
"""As upstream validates: 20 steps of DDIM, guidance 1.5."""


class ValidationVideo:
    """Writes `folder`/STEP.mp4: the first clip of `footage` beside what the network makes of it, with its audio.

    It is made with OPTIONS. Calling it returns how well mouth and audio fit, if there is a SyncNet and the clip is
    long enough. progress is called after every step as of the stage `validation`.
    """

    def __init__(
        self,
        models: LipSyncModels,
        footage: Footage,
        folder: Path,
        syncnet: StableSyncNet | None,
        progress: Progress | None = None,
    ) -> None:
        self._models, self._folder, self._syncnet, self._progress = models, folder, syncnet, progress
        self._crops = footage.crops(0).astype(np.float32)
        self._audio = footage.audio(footage.utterances(0)[0].track)
        self._tokens = tokens_at(encode(models.whisper, self._audio), footage.times(footage.utterances(0)[0]))
        self._keep = keep_mask(models.resolution)

    def __call__(self, unet: Any, step: int) -> dict[str, float]:
        """Write the video of `unet` at a step and return its sync scores."""
        on_step = count_progress(self._progress, "validation", len(self._windows) * OPTIONS.steps)
        result = self._render(Denoiser(replace(self._models, unet=unet), self._keep, OPTIONS, on_step))
        path = self._folder / f"{step:06d}.mp4"
        path.parent.mkdir(parents=True, exist_ok=True)
        both = np.concatenate([self._crops.astype(np.uint8), result], 2)
        height, width = both.shape[1:3]
        audio = Waveform(self._audio[None], SPEECH_RATE)
        with open_writer(path, height, width, Fraction(FPS), audio=audio) as writer:
            for index, frame in enumerate(both):
                writer.write(frame, index / FPS)
        return self._score_sync(result)

    @property
    def _windows(self) -> list[slice]:
        """The last begins early."""
        last = max(0, len(self._crops) - FRAMES)
        return [slice(min(k, last), k + FRAMES) for k in range(0, len(self._crops), FRAMES)]

    def _render(self, denoiser: Denoiser) -> Array:
        """Paint new mouths into the clip, (F, R, R, 3) uint8, window by window."""
        result = np.empty(self._crops.shape, np.uint8)
        for window in self._windows:
            crops = self._crops[window]
            mouths = denoiser.decode(denoiser.denoise(WindowInput(crops, self._tokens[window])))
            result[window] = np.rint(surround(mouths, crops, self._keep).clip(0, 255))
        return result

    def _score_sync(self, result: Array) -> dict[str, float]:
        if self._syncnet is None or len(result) < LEAST_FRAMES:
            return {}
        # The loss networks are in half precision on a GPU; the scores are made in the same.
        weights, pixels = next(self._syncnet.parameters()), to_pixels(result, self._syncnet.resolution)
        with torch.autocast(weights.device.type, weights.dtype, enabled=weights.dtype != torch.float32):
            curve = sync_curve(self._syncnet, pixels, self._audio, reach=reach_of(len(result)))
        return {"validation confidence": curve.confidence, "validation offset": curve.offset}
