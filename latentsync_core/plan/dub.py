"""A film and its lines, planned: all that rendering needs besides the networks."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..data import Clip, FaceTrack, FloatArray, IntArray, Line, Plan, pluralize
from ..errors import CueError, InputError
from ..options import Options
from .causes import NO_LINE, RESYNC


@dataclass(frozen=True, eq=False)
class LinePlan:
    """One line: whose mouth says what, and what happens to each frame of it."""

    first: int
    """Output frame of the dub at which the line's own plan begins."""
    plan: Plan
    """Of m frames: those of the line, and around them those that fill its windows."""
    track: FaceTrack
    """Whose mouth, in the clip's pixels, one entry per frame of the clip; held places are in `matrices` alone."""
    matrices: FloatArray
    """Shape (m, 2, 3): from each frame of the plan to its crop; NaN where there is no usable face."""
    samples: npt.NDArray[np.float32]
    """Shape (n,): the speech as the encoder takes it, one channel at 16 kHz."""
    options: Options
    protect: Clip | None = None
    """Masks of what stays on top of the new mouth, see `lip_sync`."""
    name: str = "1"

    def __post_init__(self) -> None:
        if self.first < 0 or self.matrices.shape != (len(self.plan), 2, 3):
            raise InputError(
                f"LinePlan takes a first frame >= 0 and one matrix per frame of its plan, got {self.first}, and "
                f"{self.matrices.shape} for {len(self.plan)} frames."
            )

    def __str__(self) -> str:
        """One sentence for people: where, who, and what becomes of the frames."""
        asked = [i for i, reason in enumerate(self.plan.reasons) if reason != NO_LINE]
        why = Counter(self.plan.reasons[i] for i in asked)
        first, last = (self.first + i for i in (asked[0], asked[-1]))
        who = self.track.choice.who_speaks(self.plan.source[asked]) if self.track.choice else "a given face"
        passed = "".join(f", {count} {reason}" for reason, count in why.items() if reason != RESYNC)
        return (
            f"line {self.name}: frames {first}-{last}, {who}; {why[RESYNC]} of {len(asked)} re-synced in "
            f"{pluralize(len(self.plan.windows), 'window')}{passed}"
        )

    @property
    def last(self) -> int:
        """Output frame of the dub after the last one of the line's plan."""
        return self.first + len(self.plan)


@dataclass(frozen=True, eq=False)
class DubPlan:
    """A film whose M output frames show lines; frames that no line changes are the film's own."""

    clip: Clip
    fps: Fraction
    """Average frame rate of the result."""
    source: IntArray
    """Shape (M,): the frame of the clip that is shown."""
    times: FloatArray
    """Shape (M,), seconds: start of each frame."""
    duration: float
    """Length of the result in seconds."""
    lines: tuple[LinePlan, ...]
    """By their first frames: where several change one frame, later ones lie over earlier ones."""
    resolution: int = 256
    """What `LinePlan.matrices` were made for: `LipSyncModels.alignment`."""
    window_frames: int = 16
    """Frames that are denoised together, as the networks have it."""
    heard: tuple[Line, ...] = ()
    """All lines with their speech as it is heard: fitted, where it was to be; `media.place_lines` takes them."""
    notes: tuple[str, ...] = ()
    """Sentences on what was done to fit the speech of lines into their places."""
    problems: tuple[CueError, ...] = ()
    """What is wrong with lines that are not among these; such a plan can be looked at and not be rendered."""

    def __post_init__(self) -> None:
        firsts = [line.first for line in self.lines]
        if firsts != sorted(firsts) or any(line.last > len(self) for line in self.lines):
            raise InputError(f"DubPlan takes lines in order within its {len(self)} frames, got {firsts}.")

    def __len__(self) -> int:
        return len(self.source)

    @property
    def windows(self) -> int:
        """How many windows are denoised, over all lines."""
        return sum(len(line.plan.windows) for line in self.lines)

    @property
    def changed(self) -> npt.NDArray[np.bool_]:
        """Shape (M,): the frames that a line changes."""
        changed = np.zeros(len(self), bool)
        for line in self.lines:
            changed[line.first : line.last] |= line.plan.strength > 0
        return changed

    def find_lines(self) -> Iterator[list[int]]:
        """Yield for each output frame the numbers, from 0 and rising, of the lines whose plans have it."""
        coming, active = list(range(len(self.lines)))[::-1], list[int]()
        for frame in range(len(self)):
            while coming and self.lines[coming[-1]].first <= frame:
                active.append(coming.pop())
            active = [number for number in active if frame < self.lines[number].last]
            yield active
