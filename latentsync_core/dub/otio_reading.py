"""Read timelines by OpenTimelineIO: its own format, CMX 3600 EDLs and the XML of Final Cut Pro 7."""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import accumulate
from typing import Any

from ..errors import InputError
from ..media.timecode import timecode_rate
from .clock import FilmClock
from .items import CueTimeline, TimelineItem

OTIO_ADAPTERS = {".otio": "otio_json", ".edl": "cmx_3600", ".xml": "fcp_xml"}
"""Suffixes, and the adapters that read and write them."""

_MAX_DEPTH = 200
"""Of objects within objects in JSON: the library's reader, in C++, overflows its stack on far more."""

_JSON_BRACKET = re.compile(r'"(?:[^"\\]|\\.?)*(?:"|\Z)|[\[{]|[\]}]', re.DOTALL)

_RESOLVE_MARKER = re.compile(r"\|C:(?P<color>\w+) *\|M:(?P<name>.*?) *\|D:(?P<frames>\d{1,9})")
"""In the comments of the EDLs in which DaVinci Resolve exports the markers of a timeline."""


_FAILURES = (ValueError, TypeError, LookupError, AttributeError, ArithmeticError, RuntimeError, SyntaxError)
"""What adapters raise on files that are not as they expect, besides errors of their own."""


def read_otio(text: str, suffix: str, clock: FilmClock) -> CueTimeline:
    """Read a timeline; an EDL, which does not say its rate, at the film's. Raises InputError where that fails."""
    try:
        import opentimelineio as otio
    except ImportError as exc:
        raise InputError("Timelines need OpenTimelineIO: pip install 'latentsync-native[otio]'.") from exc
    if max(accumulate(map(_count_bracket, _JSON_BRACKET.findall(text))), default=0) > _MAX_DEPTH:
        raise InputError(f"It has objects within objects more than {_MAX_DEPTH} deep; export it again.")
    is_edl = suffix == ".edl"
    options = {"rate": _edl_rate(text, clock)} if is_edl else {}
    # A media linker is code that a user may have set up for other tools.
    options["media_linker_name"] = otio.media_linker.MediaLinkingPolicy.DoNotLinkMedia
    try:
        found = otio.adapters.read_from_string(text, OTIO_ADAPTERS[suffix], **options)
        timeline = _find_timeline(found, otio.schema.Timeline)
        return _Reading(timeline, clock.fps if is_edl else None).read()
    except (otio.exceptions.OTIOError, *_FAILURES) as exc:
        raise InputError(f"It cannot be read as a timeline ({str(exc)[:200]}); export it again.") from exc


def _count_bracket(token: str) -> int:
    return {"[": 1, "{": 1, "]": -1, "}": -1}.get(token, 0)


def _edl_rate(text: str, clock: FilmClock) -> float:
    """Return the rate at which OpenTimelineIO counts the names of an EDL's frames; raises InputError."""
    if clock.first is None:
        raise InputError(
            "An EDL does not say its frame rate, and the film has no steady one; use another format."
        )
    drop = bool(re.search(r"\d;\d\d\b", text))
    if clock.stated and drop != clock.first.drop:
        raise InputError(
            f"It counts {'with' if drop else 'without'} drop frame, and the film begins at {clock.first}; export it "
            "again."
        )
    # Without drop frame, names are counted alike at 29.97 and at 30; the library would drop some at 29.97.
    return float(clock.first.fps) if drop else round(clock.first.fps)


def _find_timeline(found: Any, kind: Any) -> Any:
    timelines = [found] if isinstance(found, kind) else [one for one in found if isinstance(one, kind)]
    if len(timelines) != 1:
        raise InputError(f"It holds {len(timelines)} timelines; export one.")
    return timelines[0]


class _Reading:
    """One timeline, and how its times are counted."""

    def __init__(self, timeline: Any, edl_rate: Fraction | None) -> None:
        self._timeline, self._stack, self._edl_rate = timeline, timeline.tracks, edl_rate
        self._rate: Fraction | None = None
        start = timeline.global_start_time
        self._first = None if start is None else self._seconds(start)

    def read(self) -> CueTimeline:
        clips, markers = tuple(self._read_clips()), tuple(self._read_markers())
        if self._edl_rate is not None:
            return CueTimeline(clips, markers, None, True)
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
            yield from self._read_resolve_marker(item)

    def _read_marker(self, marker: Any, item: Any) -> TimelineItem:
        where = marker.marked_range
        if item is not self._stack and self._edl_rate is None:  # an EDL's are in its own time
            where = item.transformed_time_range(where, self._stack)
        return TimelineItem(
            marker.name, self._start(where), self._seconds(where.duration), values=_columns(marker)
        )

    def _read_resolve_marker(self, item: Any) -> Iterator[TimelineItem]:
        comments = " ".join(map(str, item.metadata.get("cmx_3600", {}).get("comments", [])))
        if match := _RESOLVE_MARKER.search(comments):
            where = item.transformed_time_range(item.trimmed_range(), self._stack)
            frames = int(match["frames"])
            length = Fraction(frames) / self._exact(where.start_time.rate) if frames > 1 else Fraction(0)
            yield TimelineItem(match["name"], self._start(where), length)

    def _start(self, where: Any) -> Fraction:
        """Return the start of a range of the timeline, whose rate is that of the first that was asked for."""
        rate = self._exact(where.start_time.rate)
        self._rate = self._rate or rate
        return self._seconds(where.start_time) + (self._first or 0)

    def _seconds(self, time: Any) -> Fraction:
        return Fraction(time.value).limit_denominator(10**6) / self._exact(time.rate)

    def _exact(self, rate: float) -> Fraction:
        """Return a rate as the fraction that a float means: 23.976 is 24000/1001; of audio it is samples a second."""
        if self._edl_rate is not None:
            return self._edl_rate
        try:
            return timecode_rate(Fraction(rate))
        except InputError:
            return Fraction(rate).limit_denominator(1001)


def _columns(item: Any) -> dict[str, Any]:
    """Return the columns of a cue sheet that this library's own timelines carry as metadata."""
    return {str(key): value for key, value in dict(item.metadata.get("latentsync", {})).items()}
