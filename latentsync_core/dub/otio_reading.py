"""Read timelines by OpenTimelineIO: its own format and the XML of Final Cut Pro 7."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate
from typing import Any

from ..errors import InputError
from ..media.timecode import timecode_rate
from .items import CueTimeline, TimelineItem

OTIO_ADAPTERS = {".otio": "otio_json", ".xml": "fcp_xml"}
"""Suffixes, and the adapters that read and write them."""

_MAX_DEPTH = 200
"""Of objects within objects in JSON: the library's reader, in C++, overflows its stack on far more."""

_JSON_BRACKET = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)

_FAILURES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, SyntaxError)
"""What adapters raise on files that are not as they expect, besides errors of their own."""


def read_otio(text: str, suffix: str) -> CueTimeline:
    """Read a timeline in the format of OTIO_ADAPTERS; raises InputError where that fails."""
    try:
        import opentimelineio as otio
    except ImportError as exc:
        raise InputError("Timelines need OpenTimelineIO: pip install 'latentsync-native[otio]'.") from exc
    if max(accumulate(map(_count_bracket, _JSON_BRACKET.findall(text))), default=0) > _MAX_DEPTH:
        raise InputError(f"It has objects within objects more than {_MAX_DEPTH} deep; export it again.")
    # A media linker is code that a user may have set up for other tools.
    linker = otio.media_linker.MediaLinkingPolicy.DoNotLinkMedia
    try:
        found = otio.adapters.read_from_string(text, OTIO_ADAPTERS[suffix], media_linker_name=linker)
        return _Reading(_find_timeline(found, otio.schema.Timeline)).read()
    except (otio.exceptions.OTIOError, *_FAILURES) as exc:
        raise InputError(f"It cannot be read as a timeline ({str(exc)[:200]}); export it again.") from exc


def _count_bracket(token: str) -> int:
    return {"[": 1, "{": 1, "]": -1, "}": -1}.get(token, 0)


def _find_timeline(found: Any, kind: Any) -> Any:
    timelines = [found] if isinstance(found, kind) else [one for one in found if isinstance(one, kind)]
    if len(timelines) != 1:
        raise InputError(f"It holds {len(timelines)} timelines; export one.")
    return timelines[0]


class _Reading:
    """One timeline, and how its times are counted."""

    def __init__(self, timeline: Any) -> None:
        self._timeline, self._stack = timeline, timeline.tracks
        self._rate: Fraction | None = None
        start = timeline.global_start_time
        self._first = None if start is None else self._seconds(start)

    def read(self) -> CueTimeline:
        clips, markers = tuple(self._read_clips()), tuple(self._read_markers())
        return CueTimeline(clips, markers, self._rate, self._first is not None)

    def _read_clips(self) -> Iterator[TimelineItem]:
        for track in self._timeline.audio_tracks():
            for clip in track.find_clips():
                if clip.enabled:
                    yield self._read_clip(clip, track.name or "")

    def _read_clip(self, clip: Any, track: str) -> TimelineItem:
        used = clip.trimmed_range()
        where = clip.transformed_time_range(used, self._stack)
        media = clip.media_reference
        available = getattr(media, "available_range", None)
        skipped = self._seconds(used.start_time)
        if available is not None:
            skipped -= self._seconds(available.start_time)
        url = getattr(media, "target_url", None) or clip.name
        return TimelineItem(
            clip.name, self._start(where), self._seconds(where.duration), url, skipped, track, _columns(clip)
        )

    def _read_markers(self) -> Iterator[TimelineItem]:
        yield from (self._read_marker(marker, self._stack) for marker in self._stack.markers)
        for track in self._stack:
            yield from (self._read_marker(marker, track) for marker in track.markers)
        for item in self._stack.find_children():
            if item.parent() is not self._stack:
                yield from (self._read_marker(marker, item) for marker in getattr(item, "markers", ()))

    def _read_marker(self, marker: Any, item: Any) -> TimelineItem:
        where = marker.marked_range
        if item is not self._stack:
            where = item.transformed_time_range(where, self._stack)
        return TimelineItem(
            marker.name, self._start(where), self._seconds(where.duration), values=_columns(marker)
        )

    def _start(self, where: Any) -> Fraction:
        """Return the start of a range of the timeline, whose rate is that of the first that was asked for."""
        rate = self._exact(where.start_time.rate)
        self._rate = self._rate or rate
        return self._seconds(where.start_time) + (self._first or 0)

    def _seconds(self, time: Any) -> Fraction:
        return Fraction(time.value).limit_denominator(10**6) / self._exact(time.rate)

    def _exact(self, rate: float) -> Fraction:
        """Return a rate as the fraction that a float means: 23.976 is 24000/1001; of audio it is samples a second."""
        try:
            return timecode_rate(Fraction(rate))
        except InputError:
            return Fraction(rate).limit_denominator(1001)


def _columns(item: Any) -> dict[str, Any]:
    """Return the columns of a cue sheet that this library's own timelines carry as metadata."""
    return {str(key): value for key, value in dict(item.metadata.get("latentsync", {})).items()}
