"""Cross-fade the mouths of overlapping windows into one mouth per frame, in order, holding only what is needed."""

from __future__ import annotations

import sys
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

import numpy as np

from ..data import Array, IntArray, Plan, Window

Render = Callable[[Sequence[Array], Sequence[IntArray]], Sequence[Array]]
"""From crops (F, R, R, 3) and output frames (F,) of one window or several to the mouths (F, R, R, 3) of each."""


def cross_fade(
    plan: Plan, crops: Iterator[Array | None], render: Render, batch: int = 1
) -> Iterator[Array | None]:
    """Yield the mouth (R, R, 3) of every output frame, None where the frame passes through.

    crops: one item per output frame, None where no window has the frame. It is read at most `batch` windows ahead of
    what is yielded, and never falls behind it. `render` gets every window once, in order, up to `batch` of a segment
    at a time.
    """
    queue = deque(plan.windows)
    needed = _find_needed(plan.windows)
    reach = _find_greatest_step(plan)
    ahead = _Lookahead(crops)
    mouths: dict[int, Array] = {}
    segment = -1
    for frame in range(len(plan)):
        # A mouth is complete when every window that covers its frame was rendered: those share it by weights that
        # sum to 1. Above 31 fps only some frames are denoised and one in between blends its two neighbours, so the
        # window of the next denoised frame, up to `reach` frames ahead, is needed as well. Into another segment (a
        # cut, or frames that pass through) nothing is blended, and rendering early would only hold more crops.
        while queue and _find_own(queue[0])[0] < frame + (reach if queue[0].segment == segment else 1):
            windows = _take(queue, batch)
            segment = windows[0].segment
            frames = [window.frames for window in windows]
            for window, made in zip(windows, render([ahead.get(f) for f in frames], frames), strict=True):
                _add(mouths, window, made)
            # Later windows need the crops of the frames that they share with these once more; drop the others.
            ahead.drop(needed[len(plan.windows) - len(queue)])
        ahead.read(frame)
        yield _blend_mouth(mouths, frame) if plan.strength[frame] > 0 else None


def _take(queue: deque[Window], most: int) -> list[Window]:
    """Take the first window, and up to `most` in all of its segment and length."""
    taken = [queue.popleft()]
    while queue and len(taken) < most and queue[0].segment == taken[0].segment:
        if len(queue[0].frames) != len(taken[0].frames):  # the short last one of `exact`
            break
        taken.append(queue.popleft())
    return taken


def _find_own(window: Window) -> IntArray:
    """Return the frames whose mouths are used; the others fill the window."""
    return window.frames[window.weights > 0]


def _find_needed(windows: tuple[Window, ...]) -> list[int]:
    """Return the first frame that each window or a later one has; after the last there is none, so a great number."""
    # A window that is filled may begin before its predecessor.
    first = [int(window.frames[0]) for window in windows] + [sys.maxsize]
    return np.minimum.accumulate(first[::-1])[::-1].tolist()


def _add(mouths: dict[int, Array], window: Window, rendered: Array) -> None:
    for frame, weight, mouth in zip(window.frames.tolist(), window.weights, rendered, strict=True):
        if weight == 0:
            continue
        weighted = mouth if weight == 1 else weight * mouth
        mouths[frame] = mouths[frame] + weighted if frame in mouths else weighted


def _find_greatest_step(plan: Plan) -> int:
    """Return the most output frames from one denoised frame to the next of its segment."""
    keys = sorted({(window.segment, int(frame)) for window in plan.windows for frame in _find_own(window)})
    return max((b - a for (s, a), (t, b) in pairwise(keys) if s == t), default=1)


def _blend_mouth(mouths: dict[int, Array], frame: int) -> Array:
    """Return the mouth of a frame: its own, a blend of the denoised ones on either side, or its segment's last."""
    # No later frame needs more than the nearest denoised frame before it, so the older ones are dropped.
    below = max(key for key in mouths if key <= frame)
    for key in [key for key in mouths if key < below]:
        del mouths[key]
    above = min((key for key in mouths if key > frame), default=below)
    if below in (frame, above):
        return mouths[below]
    weight = np.float32((frame - below) / (above - below))
    return (1 - weight) * mouths[below] + weight * mouths[above]


class _Lookahead:
    """Reads a stream forward and holds the items that are still needed."""

    def __init__(self, stream: Iterator[Array | None]) -> None:
        self._stream, self._next = stream, 0
        self._held: dict[int, Array] = {}

    def read(self, last: int) -> None:
        while self._next <= last:
            item = next(self._stream)
            if item is not None:
                self._held[self._next] = item
            self._next += 1

    def get(self, indices: IntArray) -> Array:
        self.read(int(indices[-1]))
        return np.stack([self._held[i] for i in indices.tolist()])

    def drop(self, before: int) -> None:
        self._held = {i: item for i, item in self._held.items() if i >= before}
