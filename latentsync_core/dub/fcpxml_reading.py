"""Read timelines in Final Cut Pro's FCPXML, by Apple's reference: times are fractions of seconds, and stay exact.

OpenTimelineIO's adapter for it counts whole frames a second, of which 23.976 has none.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from fractions import Fraction
from xml.etree import ElementTree

from ..errors import InputError
from .items import CueTimeline, TimelineItem

_TIME = re.compile(r"(-?\d{1,15}(?:/[1-9]\d{0,11}|\.\d{1,9})?)s", re.ASCII)
_ANCHORED = (
    "clip",
    "asset-clip",
    "audio",
    "video",
    "gap",
    "title",
    "ref-clip",
    "sync-clip",
    "mc-clip",
    "spine",
)
_MARKERS = ("marker", "chapter-marker")

Assets = dict[str | None, ElementTree.Element]
"""The media of an FCPXML, by their ids."""


def read_fcpxml(text: str) -> CueTimeline:
    """Read the one sequence of an FCPXML; raises InputError where it cannot be read."""
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as exc:
        raise InputError(f"It is no XML ({exc}); export it again.") from exc
    sequences = list(root.iter("sequence"))
    if root.tag != "fcpxml" or len(sequences) != 1:
        raise InputError(f"It takes an FCPXML with one sequence, got {root.tag[:40]} with {len(sequences)}.")
    (sequence,) = sequences
    formats = {one.get("id"): one.get("frameDuration") for one in root.iter("format")}
    duration = formats.get(sequence.get("format"))
    assets = {asset.get("id"): asset for asset in root.iter("asset")}
    spine = sequence.find("spine")
    items = [] if spine is None else list(_walk(spine, assets))
    return CueTimeline(
        tuple(item for item in items if item.media),
        tuple(item for item in items if not item.media),
        1 / _seconds(duration) if duration else None,
        sequence.get("tcStart") is not None,
    )


def _walk(spine: ElementTree.Element, assets: Assets) -> Iterator[TimelineItem]:
    """Yield the markers and audio clips of a sequence, whatever they are connected to."""
    # Of each element: when it begins in the sequence, and what its own clock, which its children go by, says then.
    waiting = [(spine, Fraction(0), Fraction(0))]
    while waiting:
        parent, start, local = waiting.pop()
        for element in parent:
            own = _seconds(element.get("start"))
            if element.tag in _MARKERS:
                length = _seconds(element.get("duration"))
                yield TimelineItem(element.get("value") or "", start + own - local, length)
            elif element.tag == "spine" and not element.get("offset"):
                waiting.append((element, start, local))
            elif element.tag in _ANCHORED:
                at = start + _seconds(element.get("offset")) - local
                waiting.append((element, at, own))
                yield from _audio_clip(element, at, own, assets)


def _audio_clip(
    element: ElementTree.Element, at: Fraction, own: Fraction, assets: Assets
) -> Iterator[TimelineItem]:
    """Yield the clip of an element that plays an audio file from `own` on its clock, none for others."""
    asset = assets.get(element.get("ref"))
    if asset is None or asset.get("hasAudio") != "1" or asset.get("hasVideo") == "1":
        return
    source = asset.find("media-rep")
    media = asset.get("src") or ("" if source is None else source.get("src") or "")
    role = (element.get("audioRole") or element.get("role") or "").rpartition(".")[2]
    yield TimelineItem(
        element.get("name") or media,
        at,
        _seconds(element.get("duration")),
        media,
        own - _seconds(asset.get("start")),
        role,
    )


def _seconds(value: str | None) -> Fraction:
    """Parse a time such as `1001/24000s`; None is 0. Raises InputError."""
    if value is None:
        return Fraction(0)
    match = _TIME.fullmatch(value)
    if match is None:
        raise InputError(f"It takes times such as 1001/24000s, got {value[:40]!r}.")
    return Fraction(match[1])
