"""What the times of a cue sheet are measured against: a film's length, rate and timecode."""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from ..data import Clip
from ..errors import InputError
from ..media import Timecode, parse_time, read_timecode


@dataclass(frozen=True)
class FilmClock:
    """The times of a film: from when to when it lasts, and how its frames are called."""

    duration: float | None = None
    """Seconds; None is not known, and nothing is compared with it."""
    first: Timecode | None = None
    """Of the first frame; None where the film has no rate that timecode counts."""
    stated: bool = False
    """Whether the film says its timecode, or its user; else it is counted from 00:00:00:00."""

    @classmethod
    def of(cls, clip: Clip, timecode: str = "") -> FilmClock:
        """Take the times of a clip, and the timecode of its file unless `timecode` says another.

        Raises InputError on a timecode that the clip's rate does not have, MediaError where its file cannot be read.
        """
        if timecode:
            return cls(clip.duration, Timecode.parse(timecode, clip.fps), True)
        path = getattr(clip, "path", None)
        stored = read_timecode(path, clip.fps) if path else None
        if stored is not None:
            return cls(clip.duration, stored, True)
        try:
            return cls(clip.duration, Timecode(0, clip.fps))
        except InputError:
            return cls(clip.duration)

    @property
    def fps(self) -> Fraction | None:
        """Frames a second; None where the film has no rate that timecode counts."""
        return None if self.first is None else self.first.fps

    def seconds_of(self, value: Any) -> float:
        """Return the second of the film that a number or a text names, see `media.parse_time`; raises InputError."""
        return self._parse(value, self.first)

    def length_of(self, value: Any) -> float:
        """Return a time that is not one of the film, such as in its audio: timecode counts from 0."""
        return self._parse(
            value, None if self.first is None else Timecode(0, self.first.fps, self.first.drop)
        )

    def _parse(self, value: Any, first: Timecode | None) -> float:
        if isinstance(value, str):
            if not self.stated and first is not None and _drops(value, first):
                first = Timecode(0, first.fps, drop=True)
            return float(parse_time(value, first))
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not 0 <= value < math.inf:
            raise InputError(f"A time takes seconds >= 0, or a text such as 00:01:02.500, got {value!r}.")
        return float(value)


def parse_range(clip: Clip, begin: str | None, end: str | None) -> tuple[float, float] | None:
    """Return the seconds from `begin` to `end` of a clip, None for all of it.

    begin, end: see `media.parse_time`; None is the clip's own. Raises InputError on what is no time.
    """
    if begin is None and end is None:
        return None
    clock = FilmClock.of(clip)
    return (
        0.0 if begin is None else clock.seconds_of(begin),
        math.inf if end is None else clock.seconds_of(end),
    )


def _drops(text: str, first: Timecode) -> bool:
    """Whether a film that does not say how it counts is timed with drop frame, which its rate allows."""
    return ";" in text and first.fps.denominator > 1 and round(first.fps) % 30 == 0
