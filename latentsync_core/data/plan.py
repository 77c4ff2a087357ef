"""What happens to each output frame, and the windows that are denoised."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .clip import FloatArray, IntArray, pluralize


@dataclass(frozen=True, eq=False)
class Window:
    """Output frames that are denoised together."""

    frames: IntArray
    """Shape (F,), rising: the output frames."""
    weights: npt.NDArray[np.float32]
    """Shape (F,): the weight of this window in each frame; over all windows the weights of a frame sum to 1.

    At 0 a frame only fills the window: the network sees it, and its mouth is not used.
    """
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
    """M times `resync`, or why not: `no line`, `another person`, `no face`, `dissolve`, `turned away`, `covered`,
    `silent`."""
    strength: npt.NDArray[np.float32]
    """Shape (M,), 0..1: the generated mouth's alpha is multiplied by it; 0 passes the source through."""
    windows: tuple[Window, ...]
    """In order. Re-synced frames that are in none blend the denoised ones on either side."""
    speech_duration: float
    """Length of the speech in seconds."""
    speaks: npt.NDArray[np.bool_]
    """Shape (M,): whether there is speech in the frame."""
    speech_start: float = 0.0
    """Second of the speech at which the first frame lies; below 0 the speech begins later."""
    voice: npt.NDArray[np.float32] | None = None
    """Shape (M,), 0..1: the speech tokens are multiplied by it; 0 is a mouth at rest. None is 1 throughout."""
    notes: tuple[str, ...] = ()
    """Sentences on what is done where video and speech differ in length."""

    def __len__(self) -> int:
        return len(self.source)

    def summarize(self) -> dict[str, Any]:
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
        """Return everything in the plan, ready for JSON: the summary, lists of M values, and the frames of windows."""
        return self.summarize() | {
            "each_frame": {
                "source": self.source.tolist(),
                "time": np.round(self.times, 6).tolist(),
                "reason": list(self.reasons),
                "alpha": np.round(self.strength.astype(np.float64), 3).tolist(),
                "speech": self.speaks.tolist(),
            },
            "each_window": [window.frames.tolist() for window in self.windows],
        }

    def __str__(self) -> str:
        """A few lines for people."""
        figures = self.summarize()
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
