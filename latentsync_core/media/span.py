"""A span of seconds of a clip, or of audio."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from fractions import Fraction

import numpy as np

from ..data import Clip, Frame, Waveform, own_audio_of
from ..errors import InputError

TIME_TOLERANCE = 1e-6
"""Seconds by which a frame may miss the start or the end of a span: containers round their timestamps."""


def trim(clip: Clip, start: float, duration: float = 0.0) -> Clip:
    """Return a view of the frames of a clip that start at `start` or later and before `start + duration`, in seconds.

    A duration of 0 goes to the end. The times of the view begin at 0; nothing is decoded or copied before it is
    read. Raises InputError on a negative or infinite start or duration, and where no frame is left.
    """
    stop = _find_stop(start, duration)
    first, last = np.searchsorted(clip.times, np.array([start, stop]) - TIME_TOLERANCE)
    if first >= last:
        raise InputError(
            f"The clip has no frame {_describe_span(start, duration)}; it has {clip.duration:g} seconds."
        )
    return _Span(clip, int(first), int(last))


def cut(waveform: Waveform, start: float, duration: float = 0.0) -> Waveform:
    """Take the samples from `start` on, for `duration` seconds (0: to the end) or as many as there are.

    Raises InputError on a negative or infinite start or duration, and where no sample is left.
    """
    stop, rate = _find_stop(start, duration), waveform.sample_rate
    first = round(start * rate)
    samples = waveform.samples[:, first : None if stop == math.inf else first + round(duration * rate)]
    if not samples.shape[1]:
        raise InputError(
            f"There is no audio {_describe_span(start, duration)}; there are {waveform.duration:g} seconds."
        )
    return Waveform(samples, rate)


def check_numbers(indices: Iterable[int], count: int) -> Iterator[int]:
    """Yield the frame numbers; InputError on one outside of 0..count-1."""
    for number in indices:
        if not 0 <= number < count:
            raise InputError(f"The clip has frames 0..{count - 1}, got {number}.")
        yield int(number)


def _find_stop(start: float, duration: float) -> float:
    if not (0 <= start < math.inf and 0 <= duration < math.inf):
        raise InputError(
            f"A span takes a start >= 0 and a duration >= 0 seconds, got {start} and {duration}."
        )
    return start + duration if duration else math.inf


def _describe_span(start: float, duration: float) -> str:
    return f"from second {start:g} " + (f"within {duration:g} seconds" if duration else "on")


class _Span:
    """Frames first..last-1 of a clip, as a clip."""

    def __init__(self, clip: Clip, first: int, last: int) -> None:
        self._clip, self._first, self._begin = clip, first, float(clip.times[first])
        self.fps, self.height, self.width = clip.fps, clip.height, clip.width
        self.times = clip.times[first:last] - self._begin
        end = clip.duration if last == len(clip.times) else float(clip.times[last])
        self.duration = end - self._begin
        self.pixel_aspect: Fraction = getattr(clip, "pixel_aspect", Fraction(1))

    @property
    def identity(self) -> str | None:
        """What tells these frames from all others; None where the clip does not say it of its own."""
        whole: str | None = getattr(self._clip, "identity", None)
        return None if whole is None else f"{whole} from {self._first}"

    def read_own_audio(self) -> Waveform | None:
        """Read the part of the clip's audio that belongs to these frames; None where there is none."""
        whole = own_audio_of(self._clip)
        if whole is None or whole.duration <= self._begin:
            return None
        return cut(whole, self._begin, self.duration)

    def read(self, indices: Iterable[int]) -> Iterator[Frame]:
        return self._clip.read(self._first + i for i in check_numbers(indices, len(self.times)))
