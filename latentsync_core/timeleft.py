"""Estimate how long the rest of a stage takes, from the part that is done; no estimate before that."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Iterator
from statistics import fmean, median

import numpy as np
import numpy.typing as npt

from .data import Frame

_RECENT = 9
"""Units that the speed is averaged over: it changes while a machine warms up or does other things."""
RESYNC_STAGE = "resync"

POOL_STAGE = "windows"
"""Of a re-sync whose windows others make."""


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

    def frames(
        self, frames: Iterator[Frame], changed: npt.NDArray[np.bool_], windows: int
    ) -> Iterator[Frame]:
        """Yield the frames of a re-sync, and time them; changed: (M,), those with a new mouth."""
        self._windows = pace = _Windows(changed, windows)
        for frame, new in zip(frames, changed.tolist(), strict=True):
            pace.frame(time.monotonic(), new)
            yield frame

    def seconds(self) -> float | None:
        """Estimate the rest of the stage in seconds; None before any of it is done."""
        if self._stage == RESYNC_STAGE and self._windows is not None:
            return self._windows.seconds(time.monotonic())
        done = self._done - self._first_done
        return (self._newest - self._first) / done * (self._total - self._done) if done > 0 else None


class _Windows:
    """A re-sync: windows are denoised in one thread while frames are pasted and written in another.

    The slower of the two decides. A window is timed from its first step to the next one's, so that decoding is counted
    and what loads and compiles before the very first step is not; a frame by the median, as now and then one waits for
    its window. Windows that an earlier run finished are quick: they have no steps.
    """

    def __init__(self, changed: npt.NDArray[np.bool_], windows: int) -> None:
        count = int(changed.sum())
        self._left = {True: count, False: len(changed) - count}
        self._frames_per_window = count / max(1, windows)
        self._windows = windows
        self._steps = self._done = self._steps_left = 0
        self._begun: float | None = None
        self._window_seconds: deque[float] = deque(maxlen=_RECENT)
        self._frame_seconds = {kind: deque[float](maxlen=_RECENT) for kind in (True, False)}
        self._newest: float | None = None

    def step(self, now: float, done: int, total: int) -> None:
        self._steps = self._steps or max(1, total // max(1, self._windows))
        if done > self._done and (done - 1) % self._steps == 0:
            if self._begun is not None:
                self._window_seconds.append(now - self._begun)
            self._begun = now
        self._done, self._steps_left = done, total - done

    def frame(self, now: float, changed: bool) -> None:
        """Note that a frame was made, and the one before it written."""
        self._left[changed] -= 1
        if self._newest is not None:
            self._frame_seconds[changed].append(now - self._newest)
        self._newest = now

    def seconds(self, now: float) -> float | None:
        if not self._window_seconds or self._begun is None:
            return None
        window = fmean(self._window_seconds)
        pasted, passed = (self._frame_seconds[kind] for kind in (True, False))
        paste, passing = (
            median(seconds) if seconds else 0.0 for seconds in (pasted or passed, passed or pasted)
        )
        unfinished = window * self._left[True] / self._frames_per_window - (now - self._begun)
        denoising = max(0.0, unfinished, window * self._steps_left / self._steps)
        last = min(self._left[True], self._frames_per_window) * paste
        return max(denoising + last, paste * self._left[True]) + passing * self._left[False]
