"""Which frame of the clip each frame of the result shows, where the video and the speech differ in length."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..data import FloatArray
from ..errors import InputError, OptionError

Int64Array = npt.NDArray[np.int64]
Float64Array = npt.NDArray[np.float64]

_FRAME_TOLERANCE = 1e-6
"""Seconds by which a frame may start late and still be the one shown: containers round their timestamps."""
_END_TOLERANCE = 1e-9
"""Seconds by which a frame must start before the speech ends, so that rounding does not add a frame."""
OVERHANG_SECONDS = 0.25
"""In the mode `longest`, speech that lasts less than this beyond the video adds no frame to it."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """The frames of the result, M of them: what each shows, and when; the speech is read at the same times."""

    source: Int64Array
    """Shape (M,): number of the clip's frame that is shown."""
    times: Float64Array
    """Shape (M,), seconds, strictly rising, the first is 0: start of each frame."""
    duration: float
    """Seconds from 0 to the end of the last frame."""

    def __post_init__(self) -> None:
        if self.source.ndim != 1 or self.source.shape != self.times.shape or len(self.source) == 0:
            raise InputError(
                f"Timeline takes source and times of one shape (M,), got {self.source.shape}, {self.times.shape}."
            )
        if self.times[0] != 0 or (np.diff(self.times, append=self.duration) <= 0).any():
            raise InputError("The times of a timeline start at 0 and rise strictly up to its duration.")

    def __len__(self) -> int:
        return len(self.source)


def fit(
    times: FloatArray,
    duration: float,
    speech_seconds: float,
    mode: str,
    fps: Fraction | None = None,
    speech_extent: float | None = None,
) -> Timeline:
    """Lay out the frames of a clip for speech of a given length.

    `times` (N,) and `duration` are the clip's, in seconds; `mode` is a key of `LENGTH_MODES`; with `fps` the
    clip is first brought to that constant rate. `speech_extent` is where the speech falls silent for good (None:
    at its end), for the mode `longest`. A frame belongs to the result when it starts before the
    speech ends; at least one frame always does. Raises OptionError on an unknown mode, InputError on speech
    that is empty or times that do not rise from 0.
    """
    if mode not in LENGTH_MODES:
        raise OptionError(f"The length mode is one of {', '.join(LENGTH_MODES)}, got {mode!r}.")
    if not (math.isfinite(speech_seconds) and speech_seconds > 0):
        raise InputError(f"The speech has to last longer than 0 seconds, got {speech_seconds}.")
    clip = Timeline(np.arange(len(times)), np.asarray(times, np.float64), float(duration))
    if fps is not None:
        clip = _to_constant_rate(clip, fps)
    extent = speech_seconds if speech_extent is None else speech_extent
    if mode == "longest" and extent - clip.duration < OVERHANG_SECONDS:
        return clip
    return LENGTH_MODES[mode](clip, speech_seconds)


def _to_constant_rate(clip: Timeline, fps: Fraction) -> Timeline:
    count = max(1, round(clip.duration * fps))
    times = np.arange(count) / float(fps)
    shown = np.searchsorted(clip.times, times + _FRAME_TOLERANCE, side="right") - 1
    return Timeline(clip.source[shown], times, float(count / fps))


def _cut(clip: Timeline, seconds: float) -> Timeline:
    """Drop the frames that start at `seconds` or later, all but the first."""
    count = max(1, int(np.searchsorted(clip.times, seconds - _END_TOLERANCE, side="left")))
    end = clip.duration if count == len(clip) else float(clip.times[count])
    return Timeline(clip.source[:count], clip.times[:count], end)


def _longest(clip: Timeline, speech_seconds: float) -> Timeline:
    """Last as long as the longer of the two: a shorter video runs as in `bounce`, shorter speech ends in silence."""
    return _bounce(clip, speech_seconds) if speech_seconds > clip.duration else clip


def _cut_off(clip: Timeline, speech_seconds: float) -> Timeline:
    """End with the shorter of the two."""
    return _cut(clip, speech_seconds)


def _silence(clip: Timeline, speech_seconds: float) -> Timeline:
    """Keep every frame of the video; after shorter speech there is silence, longer speech is cut."""
    return clip


def _loop(clip: Timeline, speech_seconds: float) -> Timeline:
    """Last as long as the speech: a shorter video starts again, a longer one is cut."""
    return _repeat(clip, speech_seconds, clip)


def _bounce(clip: Timeline, speech_seconds: float) -> Timeline:
    """Last as long as the speech: a shorter video runs forwards, backwards, forwards...

    As upstream (`LipsyncPipeline.loop_video`) the whole list is reversed, so the turning frame shows twice.
    """
    # A frame that is shown from t0 to t1 forwards is shown from duration - t1 to duration - t0 backwards: it starts
    # where it ends, counted from the end of the clip. The reversed starts alone would show each frame for as long as
    # its neighbour, which goes unnoticed as long as the rate is constant.
    backwards_starts = clip.duration - np.append(clip.times[1:], clip.duration)[::-1]
    return _repeat(clip, speech_seconds, Timeline(clip.source[::-1], backwards_starts, clip.duration))


def _repeat(first: Timeline, seconds: float, second: Timeline) -> Timeline:
    """Play two laps, equal in frames and length, in turn until `seconds` are full."""
    laps = np.arange(max(1, math.ceil(seconds / first.duration)))[:, None]
    odd = laps % 2 == 1
    times = np.asarray(laps * first.duration + np.where(odd, second.times, first.times), np.float64)
    source = np.where(odd, second.source, first.source)
    return _cut(Timeline(source.ravel(), times.ravel(), len(laps) * first.duration), seconds)


def _remap(clip: Timeline, speech_seconds: float) -> Timeline:
    """Last as long as the speech: the video is slowed or sped at its own average rate, nearest frame shown."""
    rate = len(clip) / clip.duration
    count = max(1, math.ceil((speech_seconds - _END_TOLERANCE) * rate))
    times = np.arange(count) / rate
    middles = (clip.times[1:] + clip.times[:-1]) / 2
    nearest = np.searchsorted(middles, times * (clip.duration / speech_seconds), side="right")
    return Timeline(clip.source[nearest], times, count / rate)


LENGTH_MODES: dict[str, Callable[[Timeline, float], Timeline]] = {
    "longest": _longest,
    "cut_off": _cut_off,
    "loop": _loop,
    "bounce": _bounce,
    "silence": _silence,
    "remap": _remap,
}
"""How a clip is laid out for speech of another length.

The names are those of sync.so's `sync_mode`, and so is what they do, but for two: `longest` is ours alone, and
`silence` never adds a frame here, where theirs lasts as long as the longer of the two.
"""
