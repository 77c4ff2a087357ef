"""Estimate how long the rest of a stage takes, from the part that is done; no estimate before that."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass, field

from .data import Array, Plan

_RECENT = 8
"""Units that the speed is averaged over: it changes while a machine warms up or does other things."""
RESYNC_STAGE = "resync"


def format_duration(seconds: float) -> str:
    """Return seconds as a text: 87 -> "1 min 27 s"."""
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


class TimeLeft:
    """Estimates the time left; call it as `data.Progress`, and pass a re-sync's frames through `frames`."""

    def __init__(self) -> None:
        self._stage, self._done, self._total = "", 0, 0
        self._first = self._newest = 0.0
        self._first_done = 0
        self._windows: _Windows | None = None

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Note progress; a stage's first report says how much of it was done before: usually nothing."""
        self._newest = time.monotonic()
        if stage != self._stage:
            self._stage, self._first, self._first_done = stage, self._newest, done
        self._done, self._total = done, total
        if stage == RESYNC_STAGE and self._windows is not None:
            self._windows.step(self._newest, done, total)

    def frames(self, frames: Iterator[Array], plan: Plan) -> Iterator[Array]:
        """Yield the frames of a `lip_sync`, and time each until the next one is asked for."""
        self._windows = windows = _Windows(plan)
        for frame, changed in zip(frames, (plan.strength > 0).tolist(), strict=True):
            windows.on_frame(time.monotonic(), changed)
            yield frame
            windows.on_next(time.monotonic(), changed)

    def seconds(self) -> float | None:
        """Estimate the rest of the stage in seconds; None before any of it is done."""
        if self._stage == RESYNC_STAGE and self._windows is not None:
            return self._windows.seconds()
        done = self._done - self._first_done
        return (self._newest - self._first) / done * (self._total - self._done) if done > 0 else None


@dataclass
class _Speed:
    """Seconds per unit of work: the mean of the latest units, without the first, which warms everything up."""

    recent: deque[float] = field(default_factory=lambda: deque(maxlen=_RECENT))
    count: int = 0

    def add(self, seconds: float) -> None:
        if self.count == 1:
            self.recent.clear()
        self.count += 1
        self.recent.append(seconds)

    @property
    def mean(self) -> float | None:
        return sum(self.recent) / len(self.recent) if self.recent else None


class _Windows:
    """A re-sync: windows are denoised step by step and decoded, then their frames are pasted and written.

    So a frame takes a whole window's time now and then, and its own otherwise; the two speeds are kept apart, as are
    those of frames that change and that pass through. Windows that an earlier run finished are no longer in `total`,
    so that they do not count as quick ones.
    """

    def __init__(self, plan: Plan) -> None:
        self._count = len(plan.windows)
        changed = int((plan.strength > 0).sum())
        self._left = {True: changed, False: len(plan) - changed}
        self._frames = {True: _Speed(), False: _Speed()}
        self._step, self._decode = _Speed(), _Speed()
        self._size = self._done = self._total = 0
        self._mark: float | None = None
        self._steps: list[float] = []
        self._kept = self._alone = False
        self._decoded = 0.0

    def step(self, now: float, done: int, total: int) -> None:
        if self._mark is None:
            self._mark, self._size = now, max(1, total // max(1, self._count))
        elif done > self._done:
            self._steps.append(now)
        else:
            self._kept = True
        self._done, self._total = done, total

    def on_frame(self, now: float, changed: bool) -> None:
        """Note that a frame was made, and with it the windows that it needed."""
        self._left[changed] -= 1
        self._alone = not (self._steps or self._kept)
        if self._steps and self._mark is not None:
            self._measure(now, self._mark)
        self._steps, self._kept = [], False

    def on_next(self, now: float, changed: bool) -> None:
        """Note that the next frame is asked for, so this one is written."""
        if self._mark is not None:  # there is a stage
            if self._alone:
                self._frames[changed].add(now - self._mark)
            self._mark = now

    def _measure(self, now: float, begun: float) -> None:
        """Time the windows that were denoised and decoded since the last frame."""
        spent, count = self._steps[-1] - begun, len(self._steps)
        self._decoded += count / self._size
        if self._step.count == 0 and count > 1:  # the very first step loads and compiles what it needs
            usual = (self._steps[-1] - self._steps[0]) / (count - 1)
            spent -= max(0.0, self._steps[0] - begun - usual)
        if not self._kept:
            self._step.add(spent / count)
            self._decode.add((now - self._steps[-1]) * self._size / count)

    def seconds(self) -> float | None:
        step, decode = self._step.mean, self._decode.mean
        if step is None or decode is None:
            return None
        pasted, passed = (self._frames[kind].mean for kind in (True, False))
        undecoded = self._total / self._size - self._decoded
        return (
            step * (self._total - self._done)
            + decode * max(0.0, undecoded)
            + (pasted or passed or 0.0) * self._left[True]
            + (passed or pasted or 0.0) * self._left[False]
        )
