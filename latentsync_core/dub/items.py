"""What an editor's timeline holds, whatever its format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any


@dataclass(frozen=True)
class TimelineItem:
    """A clip or a marker; times in seconds of the timeline's own clock."""

    name: str
    start: Fraction
    length: Fraction = Fraction(0)
    """0 is a marker that is a point in time."""
    media: str = ""
    """Address or name of a clip's file; empty for markers."""
    media_in: Fraction = Fraction(0)
    """Seconds of the media before what is used of it."""
    track: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    """Further columns of a cue sheet that came with it."""


@dataclass(frozen=True)
class CueTimeline:
    """The clips of audio tracks and the markers of a timeline."""

    clips: tuple[TimelineItem, ...]
    markers: tuple[TimelineItem, ...]
    rate: Fraction | None
    """Frames a second; None where it does not say."""
    timed: bool
    """Whether its clock is timecode; else it starts at 0 with the film's first frame."""
    troubles: tuple[str, ...] = ()
    """What could not be read."""
