"""Frames in memory as a clip."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from hashlib import sha256
from typing import Any

import numpy as np

from ..data import Array, FloatArray, Waveform
from ..errors import InputError
from .span import check_numbers

_LIMITS = (-0.5, 1.5)
"""Resizing overshoots 0..1 a little; values beyond these limits mean another scale, such as 0..255."""

_NTSC_ROUNDING = 0.005
"""Television's rates are n * 1000/1001 and written with two or three decimals: 23.976, 23.98, 29.97."""


class TensorClip:
    """A numpy array or torch tensor of frames that implements `data.Clip`; frames keep its dtype.

    `frames` is (N, H, W, 3) with N, H, W >= 1, RGB, uint8 in 0..255 or float16/32/64 in 0..1; `fps` > 0, where
    floats such as 23.976 stand for 24000/1001. Raises InputError on anything else. `audio`: the clip's own.
    """

    def __init__(self, frames: Any, fps: int | float | Fraction, audio: Waveform | None = None) -> None:
        self._frames, self._audio = _as_array(frames), audio
        self.fps = _as_rate(fps)
        count, self.height, self.width = self._frames.shape[:3]
        self.times: FloatArray = np.arange(count) / float(self.fps)
        self.duration = float(count / self.fps)

    def __len__(self) -> int:
        return len(self._frames)

    def read_own_audio(self) -> Waveform | None:
        """Return the clip's own audio; None where none was given."""
        return self._audio

    @property
    def identity(self) -> str:
        """A digest of all values, computed anew each time: about a second for each gigabyte and processor."""
        with ThreadPoolExecutor() as pool:
            digests = pool.map(lambda frame: sha256(np.ascontiguousarray(frame).data).digest(), self._frames)
            return f"{self._frames.dtype} {sha256(b''.join(digests)).hexdigest()}"

    def read(self, indices: Iterable[int]) -> Iterator[Array]:
        """Yield views of the frames named by `indices`: do not write to them.

        Raises InputError on a number outside 0..N-1, on NaN or infinity, and on floats far outside 0..1.
        """
        for number in check_numbers(indices, len(self)):
            frame = self._frames[number]
            if frame.dtype != np.uint8:
                _check_floats(frame, number)
            yield frame


def _as_array(frames: Any) -> Array:
    if hasattr(frames, "detach"):
        frames = frames.detach().cpu()
    try:
        array = np.asarray(frames)
    except TypeError as exc:
        raise InputError(f"Frames of type {frames.dtype} are not accepted; use .float().") from exc
    if array.ndim != 4 or array.shape[3] != 3 or 0 in array.shape:
        raise InputError(
            f"Frames take the shape (N, H, W, 3) with at least one frame, got {array.shape}. "
            "Drop a fourth (alpha) channel with [..., :3]; put channels last."
        )
    if array.dtype != np.uint8 and array.dtype not in (np.float16, np.float32, np.float64):
        raise InputError(f"Frames are uint8 in 0..255 or float16/32/64 in 0..1, got {array.dtype}.")
    return array


def _as_rate(fps: int | float | Fraction) -> Fraction:
    if not 0 < fps < float("inf"):
        raise InputError(f"fps takes a number above 0, got {fps}.")
    # Only a float is taken for a rounded television rate: an int or a Fraction says exactly what is meant.
    rate = Fraction(fps).limit_denominator(1001)
    television = Fraction(round(rate) * 1000, 1001)
    return television if isinstance(fps, float) and abs(rate - television) < _NTSC_ROUNDING else rate


def _check_floats(frame: Array, number: int) -> None:
    low, high = float(frame.min()), float(frame.max())
    if not np.isfinite((low, high)).all():
        raise InputError(f"Frame {number} contains NaN or infinity; check the node or file it comes from.")
    if low < _LIMITS[0] or high > _LIMITS[1]:
        raise InputError(
            f"Frame {number} has float values from {low:g} to {high:g}; floats take 0..1. "
            "Divide by 255, or pass uint8."
        )
