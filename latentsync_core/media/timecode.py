"""SMPTE timecode (ST 12-1): the names of frames, at whole rates and at those of NTSC, with and without drop frame."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, replace
from fractions import Fraction

import numpy as np

from ..errors import InputError
from .opening import MediaPath, open_media

log = logging.getLogger(__name__)

MAX_TIMECODE_RATE = 120
"""Frames a second, counted as whole ones."""

_NTSC = Fraction(1000, 1001)

_RATE_TOLERANCE = Fraction(2, 10_000)
"""Relative: 23.976 and 23.98 are 24000/1001; a rate of NTSC and the whole rate above it are 1 in 1000 apart."""

_TIMECODE = re.compile(r"(\d{1,2})[:;](\d\d)[:;](\d\d)([:;])(\d{2,3})", re.ASCII)
_CLOCK = re.compile(r"(\d{1,2}):(\d\d):(\d\d(?:\.\d{1,9})?)", re.ASCII)
_SECONDS = re.compile(r"\d{1,9}(?:\.\d{0,9})?", re.ASCII)


@dataclass(frozen=True)
class Timecode:
    """The name of a frame: HH:MM:SS:FF, or HH:MM:SS;FF with drop frame, which leaves out names to follow the clock."""

    frames: int
    """Frames since midnight; a day has 24 hours of names."""
    fps: Fraction
    """Frames a second, whole or 1000/1001 of it; a rate within 0.02 % of one is taken for it."""
    drop: bool = False
    """Leave out the first 2 names (of 30, 4 of 60) of each minute that is no tenth; at 29.97, 59.94, 119.88 only."""

    def __post_init__(self) -> None:
        object.__setattr__(self, "fps", timecode_rate(self.fps))
        if self.drop and (self.fps.denominator == 1 or self._names % 30):
            raise InputError(
                f"Drop frame is for 29.97, 59.94 and 119.88 frames a second, got {float(self.fps):g}. Write the "
                "timecode with : before the frames."
            )
        if not 0 <= self.frames < self.day:
            raise InputError(f"A timecode takes a frame of a day, 0..{self.day - 1}, got {self.frames}.")

    @classmethod
    def parse(cls, text: str, fps: Fraction) -> Timecode:
        """Parse HH:MM:SS:FF, or HH:MM:SS;FF with drop frame; raises InputError where no frame has that name."""
        match = _TIMECODE.fullmatch(text.strip())
        if match is None:
            raise InputError(
                f"A timecode takes HH:MM:SS:FF, or HH:MM:SS;FF with drop frame, got {text[:40]!r}."
            )
        hours, minutes, seconds, frame = (int(match[group]) for group in (1, 2, 3, 5))
        first = cls(0, fps, match[4] == ";")
        if hours > 23 or minutes > 59 or seconds > 59 or frame >= first._names:
            raise InputError(
                f"{text.strip()} is no timecode at {float(first.fps):.6g} frames a second: hours go to 23, minutes and "
                f"seconds to 59, frames to {first._names - 1}. It may be of a film of another rate."
            )
        if frame < first._dropped and seconds == 0 and minutes % 10:
            raise InputError(
                f"{text.strip()} is left out by drop frame; the next one is {hours:02d}:{minutes:02d}:00;"
                f"{first._dropped:02d}."
            )
        name = ((hours * 60 + minutes) * 60 + seconds) * first._names + frame
        return replace(first, frames=_count_frames(name, first._names, first._dropped))

    def __str__(self) -> str:
        name = int(_count_names(self.frames, self._names, self._dropped))
        seconds, frame = divmod(name, self._names)
        clock = f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
        return f"{clock}{';' if self.drop else ':'}{frame:02d}"

    @property
    def day(self) -> int:
        """Frames of a day of names."""
        return _count_frames(86400 * self._names, self._names, self._dropped)

    @property
    def _names(self) -> int:
        """Names a second."""
        return round(self.fps)

    @property
    def _dropped(self) -> int:
        """Names left out of nine minutes in ten."""
        return self._names // 15 if self.drop else 0

    def later(self, frames: int) -> Timecode:
        """Return the timecode so many frames later (or, below 0, earlier); after a day it starts again."""
        return replace(self, frames=(self.frames + frames) % self.day)

    def frames_until(self, other: Timecode) -> int:
        """Count the frames from this one to another of the same kind, which may be after midnight; -12..12 hours."""
        if (other.fps, other.drop) != (self.fps, self.drop):
            raise InputError(
                f"{other} counts otherwise than {self}: {_describe(other)} and {_describe(self)}. Write it as "
                f"{self}, with {';' if self.drop else ':'} before the frames."
            )
        half = self.day // 2
        return (other.frames - self.frames + half) % self.day - half


def timecode_rate(fps: Fraction) -> Fraction:
    """Return the rate, whole or 1000/1001 of a whole one, that `fps` names: 23.976 is 24000/1001.

    Raises InputError on a rate that no timecode counts.
    """
    whole = round(fps)
    for rate in (Fraction(whole), whole * _NTSC):
        if 1 <= whole <= MAX_TIMECODE_RATE and abs(fps - rate) <= _RATE_TOLERANCE * rate:
            return rate
    raise InputError(
        f"Timecode counts whole frames a second up to {MAX_TIMECODE_RATE}, or 1000/1001 of them (23.976, 29.97), got "
        f"{float(fps):g}. Give times in seconds."
    )


def parse_time(text: str, start: Timecode | None = None) -> Fraction:
    """Parse a time into seconds from a film's first frame, whose timecode is `start` (None: it has none).

    Takes seconds (`62.5`), a clock time from the first frame on (`00:01:02.500`), or the film's own timecode
    (`01:01:02:12`, `01:01:02;12`). Raises InputError on anything else and on a timecode before the film.
    """
    text = text.strip()
    if _SECONDS.fullmatch(text):
        return Fraction(text)
    if match := _CLOCK.fullmatch(text):
        if int(match[2]) > 59 or Fraction(match[3]) >= 60:
            raise InputError(f"{text} is no time: minutes and seconds go to 59.")
        return (int(match[1]) * 60 + int(match[2])) * 60 + Fraction(match[3])
    if not _TIMECODE.fullmatch(text):
        raise InputError(
            "A time takes seconds (62.5), a clock time from the first frame on (00:01:02.500) or the film's timecode "
            f"(00:01:02:12, or 00:01:02;12 with drop frame), got {text[:40]!r}."
        )
    if start is None:
        raise InputError(f"{text} is a timecode, and the film has no steady rate; give the time in seconds.")
    frames = start.frames_until(Timecode.parse(text, start.fps))
    if frames < 0:
        raise InputError(
            f"{text} lies before the film, whose first frame is {start}. Give the film's own timecode, or seconds from "
            "its first frame."
        )
    return frames / start.fps


def read_timecode(path: MediaPath, fps: Fraction) -> Timecode | None:
    """Read the timecode of a file's first frame, from its tmcd track or its tags; None where it has none.

    A tag that is no timecode at `fps` is left out with a warning. Raises MediaError where the file cannot be read.
    """
    with open_media(path) as container:
        for tags in (*(stream.metadata for stream in container.streams), container.metadata):
            text = next((value for key, value in tags.items() if key.lower() == "timecode"), None)
            if text is not None:
                return _parse_tag(path, text, fps)
    return None


def _parse_tag(path: MediaPath, text: str, fps: Fraction) -> Timecode | None:
    try:
        return Timecode.parse(text, fps)
    except InputError as exc:
        log.warning("%s has a timecode that cannot be used. %s", path, exc)
        return None


def _describe(timecode: Timecode) -> str:
    return f"{float(timecode.fps):.6g} frames a second {'with' if timecode.drop else 'without'} drop frame"


def _count_names(frames: int, rate: int, dropped: int) -> int:
    """Return the number of a frame's name among all names; `dropped` are left out of nine minutes in ten."""
    tens, rest = divmod(frames, 600 * rate - 9 * dropped)
    minutes = np.maximum(rest - dropped, 0) // (60 * rate - dropped)
    return frames + dropped * (9 * tens + minutes)


def _count_frames(name: int, rate: int, dropped: int) -> int:
    """Return the number of the frame that has a name, by the name's number among all."""
    minutes = name // (60 * rate)
    return name - dropped * (minutes - minutes // 10)
