"""Videos, audio and speech tokens, and the types of arrays."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import numpy as np
import numpy.typing as npt

from ..errors import InputError

if TYPE_CHECKING:
    from ..planar import PlanarFrame

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]

Frame: TypeAlias = "Array | PlanarFrame"
"""A frame (H, W, 3), uint8 in 0..255 or float in 0..1: an array, or the planes of a file. `frame[rows, columns]` is an
array in both cases, and so is `numpy.asarray(frame)`."""


class Clip(Protocol):
    """A video whose frames can be read any number of times, in any order, without holding them all."""

    @property
    def fps(self) -> Fraction:
        """Average frames per second."""
        ...

    @property
    def times(self) -> FloatArray:
        """Start of every frame in seconds, shape (N,), strictly rising, the first is 0."""
        ...

    @property
    def duration(self) -> float:
        """Seconds from the start of the first frame to the end of the last."""
        ...

    @property
    def height(self) -> int: ...

    @property
    def width(self) -> int: ...

    def read(self, indices: Iterable[int]) -> Iterator[Frame]:
        """Yield the frames named by `indices`."""
        ...


def pixel_aspect_of(clip: Clip) -> float:
    """Return the width of a clip's pixels over their height, > 0; 1 where it has no `pixel_aspect`."""
    return float(getattr(clip, "pixel_aspect", 1))


@dataclass(frozen=True, eq=False)
class Waveform:
    """Audio as samples, at its own rate and with its own channels."""

    samples: npt.NDArray[np.float32]
    """Shape (channels, n), float32, full scale -1..1."""
    sample_rate: int
    """Samples a second, > 0."""

    def __post_init__(self) -> None:
        shape, dtype = np.shape(self.samples), getattr(self.samples, "dtype", None)
        if len(shape) != 2 or shape[0] < 1 or dtype != np.float32:
            raise InputError(
                f"Waveform takes float32 samples of shape (channels, n), got {dtype} of shape {shape}. "
                "Use samples[None] for mono and .astype(np.float32)."
            )
        if self.sample_rate <= 0:
            raise InputError(f"Waveform takes a sample rate above 0 Hz, got {self.sample_rate}.")
        if not np.isfinite(self.samples).all():
            raise InputError(
                "The audio samples contain NaN or infinity; check the node or file they come from."
            )

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.samples.shape[1] / self.sample_rate


def own_audio_of(clip: Clip) -> Waveform | None:
    """Read the audio that belongs to a clip, from its first frame on; None where it has no `read_own_audio`, or none.

    Raises MediaError where the audio cannot be read.
    """
    read = getattr(clip, "read_own_audio", None)
    audio: Waveform | None = read() if read else None
    return audio


SPEECH_RATE = 16_000
"""Samples a second of the speech that Whisper and SyncNet were trained on."""


Progress = Callable[[str, int, int], None]
"""Called as `progress(stage, done, total)` at the start and after each step of `stage`; raise from it to cancel."""


@dataclass(frozen=True, eq=False)
class SpeechTokens:
    """Whisper's hidden states of the whole speech, from which each frame takes its block of tokens."""

    rows: npt.NDArray[np.float32]
    """Shape (T, states, width): T rows at `rate` a second; states = encoder blocks + 1, before the last norm."""
    rate: int = 50
    """Rows a second (Whisper: 100 mel frames a second, halved by its second convolution)."""

    def __post_init__(self) -> None:
        if self.rows.ndim != 3 or 0 in self.rows.shape:
            raise InputError(f"SpeechTokens takes rows of shape (T, states, width), got {self.rows.shape}.")


def pluralize(number: int, noun: str) -> str:
    """Return a number with its noun: `1 frame`, `2 frames`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"
