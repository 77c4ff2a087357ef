"""Read CMX 3600 edit decision lists: audio events, Avid's locators, and the markers that DaVinci Resolve exports.

OpenTimelineIO's adapter reads no locators with drop frame, and gives up the whole list for one event.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from itertools import pairwise

from ..errors import InputError
from ..media import Timecode
from .clock import FilmClock
from .items import CueTimeline, TimelineItem

_CODE = r"\s+(\d\d[:;]\d\d[:;]\d\d[:;]\d\d)"
_EVENT = re.compile(rf"(\d+)\s+\S+\s+(\S+)\s+\S+(?:\s+\d+)?{4 * _CODE}", re.ASCII)
_CLIP_NAME = re.compile(r"\*?\s*FROM CLIP NAME:\s*(.+)")
_CLIP_FILE = re.compile(r"\*?\s*(?:FROM|SOURCE) (?:FILE|CLIP):\s*(.+)")
_LOCATOR = re.compile(rf"\*?\s*LOC:{_CODE}\s+\w+\s*(.*)", re.ASCII)
_RESOLVE = re.compile(r"\|C:\w+\s*\|M:(.*?)\s*\|D:(\d{1,9})", re.ASCII)


def read_edl(text: str, clock: FilmClock) -> CueTimeline:
    """Read an EDL, which does not say its rate, at the film's; raises InputError where it cannot be the film's."""
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
    lines = [line.strip() for line in text.splitlines()]
    starts = [number for number, line in enumerate(lines) if line[:1].isdigit()]
    items: list[TimelineItem] = []
    troubles: list[str] = []
    for begin, end in pairwise([*starts, len(lines)]):
        try:
            items += _read_event(lines[begin], lines[begin + 1 : end], clock.first.fps)
        except InputError as exc:
            troubles.append(f"Event {lines[begin][:80]!r}: {exc}")
    if not starts:
        raise InputError("It has no event as CMX 3600 writes them; export it again.")
    clips = tuple(item for item in items if item.media)
    markers = tuple(item for item in items if not item.media)
    return CueTimeline(clips, markers, None, timed=True, troubles=tuple(troubles))


def _read_event(event: str, comments: list[str], fps: Fraction) -> Iterator[TimelineItem]:
    match = _EVENT.fullmatch(event)
    if match is None:
        raise InputError(
            "It is no event as CMX 3600 writes them: number, reel, track, cut and four timecodes; export it again."
        )
    source, _, start, end = (_seconds(code, fps) for code in match.groups()[2:])
    name, file = (
        next((found[1] for line in comments if (found := pattern.match(line))), "")
        for pattern in (_CLIP_NAME, _CLIP_FILE)
    )
    if "A" in match[2] and end > start:
        yield TimelineItem(name or match[1], start, end - start, file or name, source)
    for line in comments:
        if locator := _LOCATOR.match(line):
            yield TimelineItem(locator[2], _seconds(locator[1], fps))
        if marker := _RESOLVE.search(line):
            frames = int(marker[2])
            yield TimelineItem(marker[1], start, frames / fps if frames > 1 else Fraction(0))


def _seconds(code: str, fps: Fraction) -> Fraction:
    return Timecode.parse(code, fps).frames / fps
