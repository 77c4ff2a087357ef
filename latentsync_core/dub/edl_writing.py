"""Write CMX 3600 edit decision lists.

OpenTimelineIO's adapter drops frames at 29.97 whatever the film does, and writes marks in capitals.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from .edit import Edit, EditMark, EditMedia, EditPiece


def format_edl(edit: Edit) -> str:
    """Return an EDL: the pieces of the reel at the film's timecode, or the whole film; marks are locators of Avid.

    An EDL has one track, so that the film under the pieces is not in it.
    """
    film = edit.film
    media, pieces = edit.reel, edit.pieces
    if media is None:
        media, pieces = film, (EditPiece(film.path.name, 0, 0, film.frames),)
    lines = [f"TITLE: {_clean(edit.name)}", f"FCM: {'DROP FRAME' if film.first.drop else 'NON-DROP FRAME'}"]
    for number, piece in enumerate(pieces, 1):
        until = film.frames if number == len(pieces) else pieces[number].at
        since = 0 if number == 1 else piece.at
        marks = [mark for mark in edit.marks if since <= mark.at < until]
        lines += ["", *_format_event(number, piece, media, film, marks)]
    return "\n".join(lines) + "\n"


def _format_event(
    number: int, piece: EditPiece, media: EditMedia, film: EditMedia, marks: list[EditMark]
) -> Iterator[str]:
    source, record = media.first.later(piece.first), film.first.later(piece.at)
    times = (source, source.later(piece.frames), record, record.later(piece.frames))
    yield f"{number:03d}  AX       V     C        {' '.join(map(str, times))}"
    yield f"* FROM CLIP NAME: {_clean(media.path.name)}"
    yield f"* FROM FILE: {_clean(str(media.path))}"
    yield f"* {_clean(piece.name)}"
    for mark in marks:
        yield f"* LOC: {film.first.later(mark.at)} {mark.color:7} {_clean(mark.name)}"


def _clean(text: str) -> str:
    """Return a text on one line."""
    return re.sub(r"[\x00-\x1f\x7f]+", " ", text)
