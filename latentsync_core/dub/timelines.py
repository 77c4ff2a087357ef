"""Timelines of editors as cue sheets: markers that name an audio file, or else the clips of audio tracks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from fractions import Fraction
from pathlib import PurePosixPath
from typing import Any

from ..errors import InputError
from .clock import FilmClock
from .edl_reading import read_edl
from .fcpxml_reading import read_fcpxml
from .inside import AUDIO_SUFFIXES, find_media, find_numbered_audio
from .items import CueTimeline, TimelineItem
from .otio_reading import OTIO_ADAPTERS, read_otio
from .rows import CueContext, CueRow
from .tables import compare_rates

TIMELINE_SUFFIXES = (".edl", ".fcpxml", *OTIO_ADAPTERS)
"""Of the timelines that can be read."""

_SPEAKER_TRACK = re.compile(r"\s*speaker\s+(.{1,40})", re.IGNORECASE)


def read_timeline(text: str, suffix: str, context: CueContext) -> Iterator[CueRow]:
    """Yield the lines of a timeline; suffix: one of TIMELINE_SUFFIXES.

    Markers are the lines if one of them names an audio file, by its number or text as subtitles do; else the clips of
    audio tracks are. A track or role that is called `speaker 2` says who speaks. Raises InputError where it cannot be
    read.
    """
    if "<!ENTITY" in text:
        raise InputError("It declares XML entities, as no editor does; export it again.")
    clock = context.clock
    readers: dict[str, Callable[[], CueTimeline]] = {
        ".edl": lambda: read_edl(text, clock),
        ".fcpxml": lambda: read_fcpxml(text),
    }
    timeline = readers.get(suffix, lambda: read_otio(text, suffix))()
    shift = _find_shift(timeline, clock)
    rates = "" if timeline.rate is None else compare_rates(timeline.rate, clock)
    yield from (CueRow(0, {}, (trouble,)) for trouble in (*timeline.troubles, rates) if trouble)
    lines = [(item, *_read_marker(item, context)) for item in timeline.markers]
    if timeline.clips and not any("audio" in values for _, values, _ in lines):
        lines = [(item, *_read_clip(item, context)) for item in timeline.clips]
    lines.sort(key=lambda line: line[0].start)
    names = [item.name for item, *_ in lines]
    for number, (item, values, troubles) in enumerate(lines, 1):
        place: dict[str, Any] = {"start": float(item.start + shift)}
        if not item.media and item.length:
            place["end"] = float(item.start + item.length + shift)
        name = item.name if names.count(item.name) == 1 else f"{item.name} {number}"
        yield CueRow(number, {"name": name, **item.values, **values, **place}, troubles)


def _find_shift(timeline: CueTimeline, clock: FilmClock) -> Fraction:
    """Return the seconds to add to the timeline's clock to get the film's; InputError where they cannot be the same."""
    if not timeline.timed or clock.first is None:
        return Fraction(0)
    first = clock.first.frames / clock.first.fps
    start = min((item.start for item in timeline.clips + timeline.markers), default=first)
    if not clock.stated and clock.duration is not None and start >= first + Fraction(clock.duration):
        minutes, seconds = divmod(int(start), 60)
        raise InputError(
            f"It begins at the timecode {minutes // 60:02d}:{minutes % 60:02d}:{seconds:02d}, and the film does not "
            "say its own; give the timecode of the film's first frame."
        )
    return -first


Found = tuple[dict[str, Any], tuple[str, ...]]
"""Columns of a line, and what is wrong with them."""


def _read_marker(item: TimelineItem, context: CueContext) -> Found:
    name = PurePosixPath(item.name)
    text = name.stem if name.suffix.lower() in AUDIO_SUFFIXES else item.name
    if item.values.get("audio"):
        return {"audio": item.values["audio"]}, ()
    try:
        return {"audio": find_numbered_audio(context.folders[-1], text, text).name}, ()
    except InputError as exc:
        return {}, (f"The marker names no audio. {exc}",)


def _read_clip(item: TimelineItem, context: CueContext) -> Found:
    values: dict[str, Any] = {"in": float(item.media_in), "out": float(item.media_in + item.length)}
    if match := _SPEAKER_TRACK.fullmatch(item.track):
        values["speaker"] = match[1]
    try:
        return values | {"audio": str(find_media(item.media, context.folders))}, ()
    except InputError as exc:
        return values, (str(exc),)
