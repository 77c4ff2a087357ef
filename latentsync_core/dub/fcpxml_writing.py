"""Write timelines in Final Cut Pro's FCPXML 1.8, by Apple's reference and DTD."""

from __future__ import annotations

import re
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from .edit import Edit, EditMedia


def format_fcpxml(edit: Edit) -> str:
    """Return an FCPXML: the whole film, the pieces of the reel connected above it, and marks."""
    film, name = edit.film, _clean(edit.name)
    root = Element("fcpxml", version="1.8")
    resources = SubElement(root, "resources")
    height, width = film.size
    frame = _time(film, 1)
    SubElement(resources, "format", id="r1", frameDuration=frame, width=str(width), height=str(height))
    _add_asset(resources, "r2", film)
    project = SubElement(SubElement(SubElement(root, "library"), "event", name=name), "project", name=name)
    start, kind = _time(film, film.first.frames), _kind(film)
    length = _time(film, film.frames)
    sequence = SubElement(project, "sequence", format="r1", duration=length, tcStart=start, tcFormat=kind)
    clip = _add_clip(SubElement(sequence, "spine"), "r2", film, film.path.name, 0, film.frames, offset=start)
    if edit.reel is not None:
        _add_asset(resources, "r3", edit.reel)
        for piece in edit.pieces:
            at = _time(film, film.first.frames + piece.at)
            _add_clip(clip, "r3", edit.reel, piece.name, piece.first, piece.frames, offset=at, lane="1")
    for mark in edit.marks:
        at = _time(film, film.first.frames + mark.at)
        SubElement(clip, "marker", start=at, duration=_time(film, mark.frames), value=_clean(mark.name))
    indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n<!DOCTYPE fcpxml>\n' + tostring(root, "unicode") + "\n"


def _add_asset(resources: Element, identity: str, media: EditMedia) -> None:
    asset = SubElement(
        resources, "asset",
        id=identity, name=_clean(media.path.name), src=media.path.absolute().as_uri(), format="r1", hasVideo="1",
        start=_time(media, media.first.frames), duration=_time(media, media.frames),
    )  # fmt: skip
    if media.has_audio:
        asset.set("hasAudio", "1")


def _add_clip(
    parent: Element, ref: str, media: EditMedia, name: str, first: int, frames: int, **place: str
) -> Element:
    """Add a part of an asset; place: where it lies in the parent, see Apple's timing attributes."""
    return SubElement(
        parent, "asset-clip",
        place | {"ref": ref, "name": _clean(name), "format": "r1", "tcFormat": _kind(media)},
        start=_time(media, media.first.frames + first), duration=_time(media, frames),
    )  # fmt: skip


def _kind(media: EditMedia) -> str:
    return "DF" if media.first.drop else "NDF"


def _time(media: EditMedia, frames: int) -> str:
    return f"{frames / media.first.fps}s"


def _clean(text: str) -> str:
    """Return a text without the characters that XML does not hold."""
    return re.sub(r"[\x00-\x1f\x7f\ud800-\udfff\ufffe\uffff]+", " ", text)
