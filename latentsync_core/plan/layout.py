"""How the frames that are re-synced are laid out in windows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, IntArray, Window
from ..media.timeline import Timeline

MAX_DENOISED_FPS = 31
"""The checkpoints were trained at 25 frames a second; of frames that come faster only some are denoised."""
JUMP_SECONDS = 0.25
"""The source jumps where it moves this much further than it usually does between two output frames."""
FADE_SECONDS = 0.12
"""The generated mouth is faded in and out over this time beside frames that pass through."""


def early_starts(keys: int, size: int, overlap: int) -> list[int]:
    """Return where windows begin, the last one early rather than short: 40, 16, 4 -> 0, 12, 24."""
    final = max(0, keys - size)
    return [*range(0, final, size - min(overlap, size - 1)), final]


@dataclass(frozen=True)
class Layout:
    """How the frames that are re-synced are laid out in windows."""

    breaks: bool = True
    """Whether a window ends where the scene changes or the source jumps."""
    fade_seconds: float = FADE_SECONDS
    most_fps: float = MAX_DENOISED_FPS
    starts: Callable[[int, int, int], list[int]] = early_starts
    """Returns where windows begin, from a number of frames, the size of a window and the overlap."""
    fill: bool = True
    """Whether a short window is filled with neighbouring frames of its scene."""


def find_breaks(timeline: Timeline, clip_times: FloatArray, cuts: tuple[int, ...]) -> npt.NDArray[np.bool_]:
    """Tell which output frames do not continue the one before: another scene, or a jump in the source.

    Playing backwards (`bounce`), slower or faster (`remap`) is no jump.
    """
    # Windows must not span a break: the network's temporal layers would blend the two scenes' faces. A jump is
    # measured against the usual speed of the source (`remap` may skip frames throughout).
    scene = np.searchsorted(cuts, timeline.source, side="right")
    moved = np.abs(np.diff(clip_times[timeline.source]))
    passed = np.diff(timeline.times)
    speed = np.median(moved / passed) if len(moved) else 1.0
    jumps = moved > speed * passed + JUMP_SECONDS
    return np.concatenate([[False], (scene[1:] != scene[:-1]) | jumps])


def pick_keys(times: FloatArray, first: int, last: int, apart: float) -> IntArray:
    """Pick the frames of a segment to denoise: at least `apart` seconds lie between two of them."""
    keys = [first]
    for i in range(first + 1, last):
        if times[i] - times[keys[-1]] >= apart - 1e-6:
            keys.append(i)
    return np.array(keys)


def find_segments(changed: npt.NDArray[np.bool_], breaks: npt.NDArray[np.bool_]) -> Iterator[tuple[int, int]]:
    """Yield the longest stretches [first, last) of changed frames without a break inside."""
    first = None
    for i, (active, opens) in enumerate(zip(changed, breaks, strict=True)):
        if first is not None and (opens or not active):
            yield first, i
            first = None
        if active and first is None:
            first = i
    if first is not None:
        yield first, len(changed)


def lay_windows(
    keys: IntArray, size: int, overlap: int, segment: int = 0, layout: Layout | None = None
) -> list[Window]:
    """Cover the frames `keys` by windows of `size` that share `overlap` frames."""
    # The last window starts early rather than being short, and so may share more than `overlap` frames: the ramps
    # are as long as what two neighbours really share, and the division makes the weights of each frame sum to 1.
    starts = (layout or Layout()).starts(len(keys), size, overlap)
    spans = [(start, min(start + size, len(keys))) for start in starts]
    weights, total = [], np.zeros(len(keys), np.float32)
    for i, (start, end) in enumerate(spans):
        rise = spans[i - 1][1] - start if i else 0
        fall = end - spans[i + 1][0] if i + 1 < len(spans) else 0
        weights.append(_ramp(end - start, rise, fall).astype(np.float32))
        total[start:end] += weights[i]
    return [
        Window(keys[a:b], ramp / total[a:b], segment) for (a, b), ramp in zip(spans, weights, strict=True)
    ]


def fill_window(
    window: Window, size: int, times: FloatArray, usable: npt.NDArray[np.bool_], breaks: npt.NDArray[np.bool_]
) -> Window:
    """Surround a short window by usable frames of its scene, of weight 0, up to `size` frames.

    times, usable, breaks: (M,), of the output frames; usable are those with a crop.
    """
    # The network was trained on whole windows, and its norms and temporal layers see all of a window's frames: few
    # frames alone give another mouth than the same frames among their neighbours.
    missing = size - len(window.frames)
    before = _find_neighbours(int(window.frames[0]), -1, missing, times, usable, breaks)
    after = _find_neighbours(int(window.frames[-1]), 1, missing, times, usable, breaks)
    first = min(len(before), max(missing // 2, missing - len(after)))
    last = min(len(after), missing - first)
    frames = np.concatenate([before[:first][::-1], window.frames, after[:last]]).astype(window.frames.dtype)
    return Window(frames, np.pad(window.weights, (first, last)), window.segment)


def _find_neighbours(
    frame: int,
    way: int,
    most: int,
    times: FloatArray,
    usable: npt.NDArray[np.bool_],
    breaks: npt.NDArray[np.bool_],
) -> list[int]:
    """Return up to `most` usable frames on one side of a frame, the nearest first, as far apart as denoised ones.

    The scene's end, or a longer time without a usable frame, ends them.
    """
    found, last, i = list[int](), frame, frame + way
    while 0 <= i < len(times) and len(found) < most and not breaks[max(i, i - way)]:
        passed = abs(times[i] - times[last])
        if passed > JUMP_SECONDS:
            break
        if usable[i] and passed >= 1 / MAX_DENOISED_FPS - 1e-6:
            found.append(i)
            last = i
        i += way
    return found


def _ramp(length: int, rise: int, fall: int) -> FloatArray:
    """Return ones (length,) with linear ramps over the first `rise` and the last `fall`; never 0."""
    position = np.arange(length) + 1.0
    return np.minimum(1.0, np.minimum(position / (rise + 1), position[::-1] / (fall + 1)))


def limit_steps(
    strength: npt.NDArray[np.float32], breaks: npt.NDArray[np.bool_], fade: int
) -> npt.NDArray[np.float32]:
    """Lower a strength (M,) in 0..1 where it would change by more than 1 / (fade + 1) from a frame to the next one."""
    # At a break there is no fade: the image changes anyway, and a weak mouth would show the source's lips.
    limited = strength.copy()
    for first, last in pairwise([0, *np.flatnonzero(breaks[1:]) + 1, len(strength)]):
        way = np.arange(last - first) / (fade + 1)
        for scene in (limited[first:last], limited[first:last][::-1]):
            steady = np.minimum.accumulate(scene - way) + way
            # What is not lowered stays as it is, to the last bit: 1 is the mouth alone, 0 the frame as it was.
            scene[:] = np.where(steady < scene - 1e-6, steady, scene)
    return limited


def fade_speech(
    speaks: npt.NDArray[np.bool_], breaks: npt.NDArray[np.bool_], fade: int
) -> npt.NDArray[np.float32]:
    """Return 1 where there is speech and 0 in its pauses, ramped within a pause at either end, (M,)."""
    return 1 - limit_steps((~speaks).astype(np.float32), breaks, fade)
