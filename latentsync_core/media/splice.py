"""Put a part back into the clip that it was taken from: its frames, and its audio."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from typing import Literal, get_args

import numpy as np
import numpy.typing as npt

from ..data import Array, Clip, FloatArray, Frame, Waveform
from ..errors import InputError, OptionError
from .audio import resample
from .audio_decode import Samples
from .pixels import to_uint8
from .span import check_numbers

MixMode = Literal["replace", "mix", "duck"]
"""What becomes of the original audio under the new one: gone, as it is, or lowered."""


def splice(original: Clip | None, part: Clip, start: float = 0.0, fade: float = 0.0) -> Clip:
    """Return a view of the original clip with `part` shown from second `start` on; without an original, the part.

    The frames keep the original's number, times, size and dtype; those that start within the part show its nearest
    frame, cross-faded with the original's over `fade` seconds (at most half the part) at both ends. All others are
    the original's, bit for bit. Nothing is decoded before it is read. Raises InputError on a part of another size or
    one that ends more than a frame after the original, and on a start or fade that is negative or infinite.
    """
    if original is None:
        return part
    _check_fit(original, part, start, fade)
    return _Splice(original, part, start, fade)


def mix(
    original: Waveform | None,
    new: Waveform | None,
    mode: MixMode = "replace",
    start: float = 0.0,
    *,
    duck_db: float = 12.0,
    fade: float = 0.03,
) -> Waveform | None:
    """Lay new audio over the original from second `start` on; None is silence.

    Under the new audio the original is left out (`replace`), kept (`mix`) or lowered by `duck_db` (`duck`, >= 0 dB),
    fading over `fade` seconds (at most half the new audio) at both ends. The result has the original's rate and
    channels and, before and after the new audio, its samples bit for bit; it is longer only where the new audio ends
    later. A sum beyond full scale is lowered to it, for as long as the new audio lasts. Raises OptionError on another
    mode or duck_db, InputError on a start or fade that is negative or infinite.
    """
    check_mix(mode, start, duck_db, fade)
    if new is None:
        return original
    if original is None:
        original = Waveform(np.zeros((len(new.samples), 0), np.float32), new.sample_rate)
    rate = original.sample_rate
    added = resample(new, rate, len(original.samples))
    first, length = round(start * rate), added.shape[1]
    missing = max(0, first + length - original.samples.shape[1])
    samples = np.pad(original.samples, ((0, 0), (0, missing)))
    under = samples[:, first : first + length]
    lowest = lowest_gain(mode, duck_db)
    ramp = make_ramp(np.arange(length) + 0.5, length, fade * rate).astype(np.float32)
    # The gain against clipping follows the ramp too, so that the original goes on without a step where the new audio
    # ends; what still exceeds full scale in the fades is clipped.
    total = under * gain_of(lowest, ramp) + added
    peak = float(np.abs(total).max(initial=1.0))
    under[:] = np.clip(total * gain_of(1 / peak, ramp), -1, 1) if peak > 1 else total
    return Waveform(samples, rate)


def make_ramp(middles: FloatArray, length: float, fade: float) -> npt.NDArray[np.float64]:
    """Return weights at the middles of frames or samples: from 0 to 1 over `fade`, and back to 0 at `length`."""
    fade = min(fade, length / 2)
    if fade == 0:
        return np.ones(len(middles))
    return np.clip(np.minimum(middles, length - middles) / fade, 0, 1)


def lowest_gain(mode: MixMode, duck_db: float) -> float:
    """Return the gain of the original audio under the new one."""
    return {"replace": 0.0, "mix": 1.0, "duck": 10 ** (-duck_db / 20)}[mode]


def gain_of(lowest: float, ramp: Samples) -> Samples:
    """Return the gain that falls from 1 to `lowest` as a ramp rises from 0 to 1."""
    return 1 - np.float32(1 - lowest) * ramp


class _Splice:
    """The original clip with another in its midst."""

    def __init__(self, original: Clip, part: Clip, start: float, fade: float) -> None:
        self._original, self._part = original, part
        self.fps, self.times, self.duration = original.fps, original.times, original.duration
        self.height, self.width = original.height, original.width
        # Rounded, as a frame that starts at `start` but for the last bit of a float belongs to the part.
        since, length = np.round(original.times - start, 6), round(part.duration, 6)
        inside = (since >= 0) & (since < length)
        self._alpha = inside * make_ramp(since + float(0.5 / original.fps), length, fade)
        between = (part.times[1:] + part.times[:-1]) / 2
        self._part_frames = np.searchsorted(between, since, side="right")

    def read(self, indices: Iterable[int]) -> Iterator[Frame]:
        numbers = list(check_numbers(indices, len(self.times)))
        shown = self._part.read(int(self._part_frames[i]) for i in numbers if self._alpha[i] > 0)
        for number, frame in zip(numbers, self._original.read(numbers), strict=True):
            alpha = self._alpha[number]
            yield _blend(np.asarray(frame), np.asarray(next(shown)), alpha) if alpha > 0 else frame


def _blend(below: Array, above: Array, alpha: float) -> Array:
    """Blend `above` over `below` with weight `alpha`, in the dtype of `below`."""
    if below.dtype == np.uint8:
        above = to_uint8(above, below.shape[:2])
    elif above.dtype == np.uint8:
        above = above / np.float32(255)
    if alpha == 1:
        return above.astype(below.dtype, copy=False)
    mixed = below + np.float32(alpha) * (above.astype(np.float32) - below)
    return (np.rint(mixed) if below.dtype == np.uint8 else mixed).astype(below.dtype)


def _check_fit(original: Clip, part: Clip, start: float, fade: float) -> None:
    _check_seconds(start, fade)
    if (part.height, part.width) != (original.height, original.width):
        raise InputError(
            f"The part is {part.width} x {part.height} pixels, the original {original.width} x {original.height}; "
            "bring the part to the original's size."
        )
    end, frame = start + part.duration, float(1 / original.fps)
    if end > original.duration + frame:
        raise InputError(
            f"The part lasts from second {start:g} to {end:g}, but the original ends at {original.duration:g}; start "
            "earlier, or shorten the part."
        )


def check_mix(mode: str, start: float, duck_db: float, fade: float) -> None:
    """Raise what `mix` raises: OptionError, InputError."""
    if mode not in get_args(MixMode):
        raise OptionError(f"mode takes {', '.join(get_args(MixMode))}, got {mode!r}.")
    if not 0 <= duck_db < math.inf:
        raise OptionError(f"duck_db takes decibels >= 0, got {duck_db}.")
    _check_seconds(start, fade)


def _check_seconds(start: float, fade: float) -> None:
    if not (0 <= start < math.inf and 0 <= fade < math.inf):
        raise InputError(f"start and fade take seconds >= 0, got {start} and {fade}.")
