"""The data that stages pass to one another: small frozen dataclasses that check themselves.

Arrays are numpy on the host; only `diffusion` and the networks see torch tensors. Time is in seconds,
frame rates are `fractions.Fraction`, pixels are RGB and the pixel centre (0, 0) is the top-left pixel.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from .errors import InputError

Array = npt.NDArray[Any]
FloatArray = npt.NDArray[np.floating[Any]]
IntArray = npt.NDArray[np.integer[Any]]


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

    def read(self, indices: Iterable[int]) -> Iterator[Array]:
        """Yield the frames named by `indices`, each (H, W, 3), uint8 in 0..255 or float in 0..1."""
        ...


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


@dataclass(frozen=True, eq=False)
class Origin:
    """What distinguishes the clip in which a face was found from other clips; made and compared by `faces.origin`."""

    fps: Fraction
    """Average frames per second."""
    frames: IntArray
    """Shape (K,), rising: frames in which the face was found."""
    faces: npt.NDArray[np.float32]
    """Shape (K, h, w): the upper face in those frames as small grey images with mean 0 and norm 1."""


SPEECH_RATE = 16_000
"""Samples a second of the speech that Whisper and SyncNet were trained on."""
LEAST_SCORE = 0.6
"""Mean score of the detector below which a face is hard to recognise."""


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One person's face through a clip: three points per frame, NaN where the face was not found."""

    points: npt.NDArray[np.float64]
    """Shape (N, 3, 2): left brow, right brow, nose as (x, y) in pixels; left is the left of the image."""
    scores: npt.NDArray[np.float64]
    """Shape (N,), 0..1: the detector's probability of a face; 0 where it was not found."""
    cuts: tuple[int, ...] = ()
    """Frames that open a new scene: nothing is smoothed or bridged across them."""
    size: tuple[int, int] | None = None
    """(height, width) of the frames in pixels, by which the track is scaled to a rescaled clip; None never scales."""
    origin: Origin | None = None
    """Identifies the clip, so that the track is not used on another one; None is not checked."""

    def __post_init__(self) -> None:
        if self.points.ndim != 3 or self.points.shape[1:] != (3, 2):
            raise InputError(f"FaceTrack takes points of shape (N, 3, 2), got {self.points.shape}.")
        if self.scores.shape != self.points.shape[:1]:
            raise InputError(
                f"FaceTrack takes one score per frame, got {self.scores.shape} for {len(self.points)} frames."
            )
        if self.size is not None and not all(side > 0 for side in self.size):
            raise InputError(f"FaceTrack takes a size (height, width) above 0, got {self.size}.")
        missing = np.isnan(self.points)
        if np.isinf(self.points).any() or (missing.any((1, 2)) != missing.all((1, 2))).any():
            raise InputError("The three points of a frame are either all finite or, without a face, all NaN.")

    @classmethod
    def from_points(cls, points: npt.ArrayLike, size: tuple[int, int] | None = None) -> FaceTrack:
        """Make a track from the caller's own landmarks, shape (N, 3, 2), NaN where there is no face.

        size: (height, width) of the frames that the landmarks belong to, where the clip may be scaled later. Raises
        InputError for another shape.
        """
        array = np.asarray(points, np.float64)
        if array.ndim != 3 or array.shape[1:] != (3, 2):
            raise InputError(f"FaceTrack.from_points takes shape (N, 3, 2), got {array.shape}.")
        return cls(array, np.where(np.isnan(array).any((1, 2)), 0.0, 1.0), size=size)

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Shape (N,): the frames in which the face was found."""
        return ~np.isnan(self.points[:, 0, 0])

    @property
    def turn(self) -> npt.NDArray[np.float64]:
        """Shape (N,): how far the head is turned sideways, 0 = frontal, about 0.5 at 45 degrees; NaN = no face.

        The nose's distance from the middle of the brows along the brow line, in brow distances.
        """
        left, right, nose = np.moveaxis(self.points, 1, 0)
        line = right - left
        along = ((nose - (left + right) / 2) * line).sum(1)
        return np.abs(along) / np.maximum((line**2).sum(1), 1e-12)

    @property
    def score(self) -> float:
        """Mean of `scores` where the face was found; 0 where it never was."""
        return float(self.scores[self.found].mean()) if self.found.any() else 0.0

    @property
    def greatest_turn(self) -> float:
        """Maximum of `turn`; 0 where no face was found."""
        return float(np.nanmax(self.turn)) if self.found.any() else 0.0

    @property
    def hard_to_recognise(self) -> bool:
        """Whether the face is unlike those that the detector was trained on: drawn, 3D, or very small."""
        return self.score < LEAST_SCORE

    def __len__(self) -> int:
        return len(self.points)

    def __str__(self) -> str:
        return (
            f"found in {self.found.sum()} of {pluralize(len(self), 'frame')}, score {self.score:.2f}, "
            f"turned by up to {self.greatest_turn:.2f}"
        )


def pluralize(number: int, noun: str) -> str:
    """Return a number with its noun: `1 frame`, `2 frames`."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


@dataclass(frozen=True, eq=False)
class Window:
    """Output frames that are denoised together."""

    frames: IntArray
    """Shape (F,), rising: the output frames."""
    weights: npt.NDArray[np.float32]
    """Shape (F,): the weight of this window in each frame; over all windows the weights of a frame sum to 1."""
    segment: int
    """Number of the segment (unbroken stretch of re-synced frames) that it belongs to, rising."""


@dataclass(frozen=True, eq=False)
class Plan:
    """How each of the M output frames is made; its windows are independent of one another."""

    fps: Fraction
    """Average frame rate of the result."""
    source: IntArray
    """Shape (M,): the frame of the clip that is shown."""
    times: FloatArray
    """Shape (M,): start of the frame in seconds, and the time of the speech that it is conditioned on."""
    duration: float
    """Length of the result in seconds."""
    reasons: tuple[str, ...]
    """M times `resync`, `no face`, `turned away` or `silent`."""
    strength: npt.NDArray[np.float32]
    """Shape (M,), 0..1: the generated mouth's alpha is multiplied by it; 0 passes the source through."""
    windows: tuple[Window, ...]
    """In order. Re-synced frames that are in none blend the denoised ones on either side."""
    speech_duration: float
    """Length of the speech in seconds."""
    speech_start: float = 0.0
    """Second of the speech at which the first frame lies."""
    notes: tuple[str, ...] = ()
    """Sentences on what is done where video and speech differ in length."""

    def __len__(self) -> int:
        return len(self.source)

    def summary(self) -> dict[str, Any]:
        """Return the plan in figures, ready for JSON."""
        return {
            "frames": len(self),
            "fps": float(self.fps),
            "seconds": round(self.duration, 3),
            "seconds_of_speech_cut": round(
                max(0.0, self.speech_duration - self.speech_start - self.duration), 3
            ),
            "notes": list(self.notes),
            "windows": len(self.windows),
            "denoised_frames": int(sum(len(window.frames) for window in self.windows)),
            "why": dict(Counter(self.reasons)),
            "passed_through": [
                {"frames": [first, last], "reason": reason}
                for first, last, reason in _find_runs(self.reasons)
                if reason != "resync"
            ],
        }

    def to_json(self) -> dict[str, Any]:
        """Return everything in the plan, ready for JSON: the summary and each frame."""
        frames = zip(self.source, self.times, self.reasons, self.strength, strict=True)
        return self.summary() | {
            "each_frame": [
                {"source": int(s), "time": round(float(t), 6), "reason": r, "strength": round(float(a), 3)}
                for s, t, r, a in frames
            ],
            "each_window": [window.frames.tolist() for window in self.windows],
        }

    def __str__(self) -> str:
        """A few lines for people."""
        figures = self.summary()
        lines = [
            f"{pluralize(len(self), 'frame')} at {float(self.fps):.3f} fps ({self.duration:.2f} s), "
            f"{figures['why'].get('resync', 0)} re-synced in {pluralize(len(self.windows), 'window')}"
        ]
        lines += [f"  {note}" for note in self.notes]
        for run in figures["passed_through"]:
            first, last = run["frames"]
            passing = f"frame {first} passes" if first == last else f"frames {first}-{last} pass"
            lines.append(f"  {passing} through: {run['reason']}")
        return "\n".join(lines)


def _find_runs(reasons: tuple[str, ...]) -> Iterator[tuple[int, int, str]]:
    """Yield the runs of equal reasons: first frame, last frame, reason."""
    first = 0
    for i in range(1, len(reasons) + 1):
        if i == len(reasons) or reasons[i] != reasons[first]:
            yield first, i - 1, reasons[first]
            first = i


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
