"""What is handed to an editor: a film with marks, or what lies over it, piece by piece."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from ..errors import InputError
from ..media import Timecode

MarkColor = Literal["RED", "YELLOW", "GREEN", "BLUE"]


@dataclass(frozen=True)
class EditMedia:
    """A video file as a timeline names it."""

    path: Path
    first: Timecode
    """Of its first frame."""
    frames: int
    size: tuple[int, int]
    """(height, width) in pixels."""
    has_audio: bool = False

    def __post_init__(self) -> None:
        if self.frames < 1:
            raise InputError(
                f"A timeline takes media of one frame or more, got {self.frames} of {self.path}."
            )


@dataclass(frozen=True)
class EditPiece:
    """A piece of a reel that lies over the film."""

    name: str
    at: int
    """Frame of the film at which it begins."""
    first: int
    """Its first frame in the reel."""
    frames: int

    @property
    def end(self) -> int:
        """Frame of the film after its last one."""
        return self.at + self.frames


@dataclass(frozen=True)
class EditMark:
    """A note at some frames of the film."""

    name: str
    at: int
    frames: int = 1
    color: MarkColor = "BLUE"


@dataclass(frozen=True)
class Edit:
    """A timeline: the whole film at its own timecode, marks, and the pieces of a reel on a track above it."""

    name: str
    film: EditMedia
    marks: tuple[EditMark, ...] = ()
    reel: EditMedia | None = None
    pieces: tuple[EditPiece, ...] = ()
    """In order, without overlaps."""

    def __post_init__(self) -> None:
        ends = [0, *(piece.end for piece in self.pieces)]
        starts = [*(piece.at for piece in self.pieces), self.film.frames]
        if any(end > start for end, start in zip(ends, starts, strict=True)):
            raise InputError(f"The pieces of a reel lie within the film, in order, got {self.pieces}.")
        if self.reel is not None and self.reel.first.fps != self.film.first.fps:
            raise InputError("A reel has the frame rate of its film.")
        if any(not 0 <= mark.at < self.film.frames for mark in self.marks):
            raise InputError(f"Marks lie within the {self.film.frames} frames of the film, got {self.marks}.")


def cut_pieces(
    changed: npt.NDArray[np.bool_], handles: int = 12, name: str = "patch"
) -> tuple[EditPiece, ...]:
    """Return the pieces of a reel that hold all changed frames, with `handles` frames around them, 0 or more.

    changed: shape (M,), for each frame of the film whether it was changed. Pieces that would touch are one.
    """
    if handles < 0:
        raise InputError(f"handles takes frames >= 0, got {handles}.")
    spread = np.convolve(changed, np.ones(2 * handles + 1))[handles : handles + len(changed)] > 0.5
    edges = np.flatnonzero(np.diff(spread, prepend=False, append=False)).tolist()
    pieces: list[EditPiece] = []
    for at, end in zip(edges[::2], edges[1::2], strict=True):
        first = pieces[-1].first + pieces[-1].frames if pieces else 0
        pieces.append(EditPiece(f"{name} {len(pieces) + 1}", at, first, end - at))
    return tuple(pieces)
