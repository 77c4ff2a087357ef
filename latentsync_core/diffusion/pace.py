"""Measure how fast the networks are, on a window of grey, to estimate a run before it begins."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np
import torch

from ..data import Plan, SpeechTokens
from ..faces import keep_mask
from ..models.bundle import LipSyncModels
from ..options import Options
from ..speech import tokens_at
from .denoise import Denoiser, WindowInput

LEAST_WINDOWS = 25
"""A run of fewer windows is not worth measuring: of one of so many, with 20 steps, it takes about 1/100."""
_STEPS = 2
_GREY = 127.0


@dataclass(frozen=True)
class Pace:
    """How long the networks take for a window."""

    row: float
    """Seconds of a row of a denoising step, of which a guided one has two; with `reuse` their mean."""
    rest: float
    """Seconds of all else: encoding and decoding."""
    steps: int
    """How many steps were measured."""

    def estimate(self, plan: Plan, options: Options) -> float:
        """Estimate the seconds in which all windows are denoised and decoded."""
        rows = 2 * options.steps - options.unguided_steps
        return len(plan.windows) * (rows * self.row + self.rest)


def measure_pace(models: LipSyncModels, options: Options) -> Pace:
    """Denoise a window of grey by a few steps, and before it another one, which loads and compiles what it needs."""
    options = replace(options, guided=1.0)
    steps = max(_STEPS, options.reuse)  # with `reuse` one whole cycle of full and reused steps
    _time_window(models, replace(options, steps=1))
    seconds, marks = _time_window(models, replace(options, steps=steps + 1))
    step = (marks[-1] - marks[0]) / steps  # the first step is counted in `rest`, with the encoding before it
    rows = 2 if options.guidance > 1 else 1
    return Pace(step / rows, max(0.0, seconds - (steps + 1) * step), steps)


def _time_window(models: LipSyncModels, options: Options) -> tuple[float, list[float]]:
    """Return the seconds that a window takes, and the second at which each of its steps ends."""
    marks: list[float] = []

    def note_step() -> None:
        if models.device.type != "cpu":  # others only queue their work
            torch.zeros(1, device=models.device).item()
        marks.append(time.perf_counter() - begun)

    frames, side = models.window_frames, models.resolution
    denoiser = Denoiser(models, keep_mask(side), options, note_step)
    layers, width = models.whisper.config.encoder_layers, models.whisper.config.d_model
    silence = SpeechTokens(np.zeros((1, layers + 1, width), np.float32))
    crops = np.full((frames, side, side, 3), _GREY, np.float32)
    begun = time.perf_counter()
    denoiser.decode(denoiser.denoise(WindowInput(crops, tokens_at(silence, np.zeros(frames)))))
    return time.perf_counter() - begun, marks
