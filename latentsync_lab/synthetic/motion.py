"""How a speaker moves: smooth functions of time, so that any frame rate and any order of reading agree."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from latentsync_core.data import FloatArray

from .paint import smooth
from .warp import Pose

REST_LIMITS = (12.0, 5.0, 5.0, 0.06, 0.04)
"""Largest resting yaw, pitch, roll (degrees) and shift in x and y (head units)."""
SWAYS = (6.0, 4.0, 3.0, 0.04, 0.02)
"""How far the head sways about its rest; with the rest this stays within yaw 18, pitch 9 and roll 8 degrees."""
SWAY_HERTZ = (0.08, 0.22, 0.45)
BLINK_SECONDS, BLINK_GAPS = 0.28, (1.6, 4.5)
GAZE_SECONDS, GAZE_GAPS = 0.07, (0.8, 2.6)


@dataclass(frozen=True)
class Motion:
    """Head motion, blinks and gaze of one speaker; `amount` scales the head's motion, 0 holds it still."""

    seed: int
    amount: float = 1.0

    def poses(self, times: FloatArray) -> list[Pose]:
        """Return the pose at every time (s)."""
        rng = np.random.default_rng([self.seed, 4])  # 4..7: one stream for each kind of motion
        rest = rng.uniform(-1, 1, 5) * REST_LIMITS
        weights = rng.dirichlet([2, 2, 1], 5)  # (5, 3)
        phases = rng.uniform(0, 2 * np.pi, (5, 3))
        hertz = np.array(SWAY_HERTZ) * rng.uniform(0.8, 1.25, (5, 3))
        angles = 2 * np.pi * hertz * np.asarray(times)[:, None, None] + phases  # (N, 5, 3)
        values = self.amount * (rest + SWAYS * (weights * np.sin(angles)).sum(-1))
        return [Pose(*(float(v) for v in row)) for row in values]

    def blinks(self, times: FloatArray) -> FloatArray:
        """Return how far the eyes are shut at every time, (N,) in 0..1."""
        starts = self._schedule(5, BLINK_GAPS, times)
        since = (np.asarray(times)[:, None] - starts) / BLINK_SECONDS
        shut = smooth(0, 0.35, since) * smooth(1, 0.5, since)
        return np.asarray(shut.max(1), np.float32)

    def gazes(self, times: FloatArray) -> FloatArray:
        """Return where the eyes look at every time, (N, 2) in -1..1: held, then moved quickly."""
        starts = self._schedule(6, GAZE_GAPS, times)
        targets = np.random.default_rng([self.seed, 7]).uniform(-0.45, 0.45, (len(starts) + 1, 2))
        moved = smooth(0, GAZE_SECONDS, np.asarray(times)[:, None] - starts)  # (N, events)
        return np.asarray(targets[0] + moved @ np.diff(targets, axis=0), np.float32)

    def _schedule(self, stream: int, gaps: tuple[float, float], times: FloatArray) -> FloatArray:
        """Draw start times of what happens again and again; a longer clip only adds to the end."""
        rng = np.random.default_rng([self.seed, stream])
        count = int(np.max(times, initial=0.0) / gaps[0]) + 2
        return np.cumsum(rng.uniform(*gaps, count))
