"""Repair timestamps of video frames that cannot be used as they are: missing, twice, out of order, with jumps."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np
import numpy.typing as npt

Int64s = npt.NDArray[np.int64]

USUAL_RATE = 25
"""Frames a second where no timestamp is plausible."""
_RESTART_SECONDS = 0.1
"""A keyframe this much before frames that came earlier opens a part that was joined on, with its own clock."""


@dataclass(frozen=True)
class Stamp:
    """The timestamps of a packet, or of the frame decoded from it, in units of the stream's time base."""

    pts: int | None
    dts: int | None
    duration: int
    """0 where unknown."""
    key: bool


def is_unambiguous(packets: Sequence[Stamp], time_base: Fraction) -> bool:
    """Whether the timestamps of packets tell all frames apart and in which order they are shown."""
    stamps = {row.pts for row in packets} - {None}
    decoded = [row.dts for row in packets if row.dts is not None]
    return (
        len(stamps) == len(packets)
        and all(np.diff(decoded) >= 0)
        and not any(_find_restarts(packets, time_base))
    )


def is_rising(frames: Sequence[Stamp]) -> bool:
    """Whether no timestamp is missing and none goes back."""
    stamps = [row.pts for row in frames if row.pts is not None]
    return len(stamps) == len(frames) and all(np.diff(stamps) >= 0)


def assign_packet_times(packets: Sequence[Stamp], frames: Sequence[Stamp]) -> list[Stamp]:
    """Give the frames, as decoded, the times of the packets, as stored; frames beyond the last packet follow it."""
    times = sorted(row.dts for row in packets if row.dts is not None) or [0]
    times += range(times[-1] + 1, times[-1] + 1 + len(frames) - len(times))
    return [replace(frame, pts=time) for frame, time in zip(frames, times, strict=False)]


def assign_rising_times(frames: Sequence[Stamp], step: int, time_base: Fraction) -> list[Stamp]:
    """Give the frames, as decoded, times that never go back.

    A frame without a timestamp, and a part whose clock starts again, follow `step` after what is before.
    """
    times: list[int] = []
    part, shift = 0, 0
    # Decoders may give frames of one part out of order, so a part is sorted when it ends: `part` is the index at
    # which it began, `shift` what moves its clock behind the part before.
    for row, restart in zip(frames, _find_restarts(frames, time_base), strict=True):
        after = max(times[part:]) + step if times else 0
        if row.pts is not None and restart:
            times[part:] = sorted(times[part:])
            part, shift = len(times), after - row.pts
        times.append(after if row.pts is None else row.pts + shift)
    times[part:] = sorted(times[part:])
    return [replace(row, pts=time) for row, time in zip(frames, times, strict=True)]


def _find_restarts(rows: Sequence[Stamp], time_base: Fraction) -> list[bool]:
    """Return for each row whether it opens a part whose clock starts again before the end of the part before."""
    # Packets of B-frames go back a little all the time, in decoding order; a joined part begins with a keyframe that
    # goes back further than that.
    margin, newest, found = round(_RESTART_SECONDS / time_base), None, []
    for row in rows:
        back = row.pts is not None and newest is not None and row.pts + margin < newest
        found.append(row.key and back)
        if row.pts is not None:
            newest = row.pts if newest is None or found[-1] else max(newest, row.pts)
    return found


def remove_jumps(
    stamps: Int64s, last: int, time_base: Fraction, longest: int
) -> tuple[Int64s, int, Fraction]:
    """Take steps of more than `longest` seconds out of rising stamps; last: duration of the last frame, in ticks.

    Returns times, end and time base. Where every step is too long to be true, the frames come at 25 a second.
    """
    steps = np.append(np.diff(stamps), last)
    plausible = steps <= int(longest / time_base)
    if not plausible.any():
        return np.arange(len(stamps)), len(stamps), Fraction(1, USUAL_RATE)
    steps[~plausible] = max(1, int(np.median(steps[plausible])))
    ends = stamps[0] + np.cumsum(steps)
    return np.append(stamps[:1], ends[:-1]), int(ends[-1]), time_base
