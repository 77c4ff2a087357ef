"""Write a patch reel: the frames that a dub changed, and no more of each than was changed."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data import Array
from ..errors import InputError, OptionError
from ..media import ColorTags, Timecode, open_writer
from .edit import EditMedia, EditPiece

PATCH_FORMATS = {".mov": "prores4444", ".mkv": ""}
"""Suffixes of patch reels, and the formats that `open_writer` writes them in: ProRes 4444, and lossless FFV1."""

_BLOCK = 16
"""Pixels: what a codec transforms at once. A block in which something changed is kept whole, so that no edge to black
spoils it."""


def write_patch(
    path: Path,
    film: EditMedia,
    pieces: Iterable[EditPiece],
    frames: Iterable[tuple[Array, Array]],
    *,
    color: ColorTags | None = None,
    pixel_aspect: Fraction = Fraction(1),
) -> EditMedia:
    """Write the reel of a film's `pieces`, at the film's rate from timecode 0 on, and return it as timelines name it.

    frames: of the pieces, in order: a frame (H, W, 3) of the full render, uint8 or float 0..1, and where it was
    changed, (H, W), above 0 there. The reel is opaque there and transparent elsewhere, so that it gives the full render
    where it lies over the film: in .mkv bit for bit in RGB of 8 bit, in .mov as ProRes 4444 codes it. color and
    pixel_aspect are the film's, see `open_writer`. Raises OptionError on another suffix, InputError on another number
    of frames, OutputError where the reel cannot be written.
    """
    check_patch(path, pixel_aspect)
    count = sum(piece.frames for piece in pieces)
    fps, (height, width) = film.first.fps, film.size
    first = Timecode(0, fps, film.first.drop)
    given = 0
    with open_writer(
        path, height, width, fps, format=PATCH_FORMATS[path.suffix.lower()], timecode=first, alpha=True,
        color=color, pixel_aspect=pixel_aspect,
    ) as writer:  # fmt: skip
        for given, (frame, changed) in enumerate(frames, 1):
            writer.write(_cut_out(frame, np.asarray(changed) > 0), float((given - 1) / fps))
        if given != count:
            raise InputError(f"The pieces of the reel have {count} frames, got {given}.")
    return EditMedia(path, first, count, film.size)


def check_patch(path: Path, pixel_aspect: Fraction = Fraction(1)) -> None:
    """Raise, before any work, the OptionError of `write_patch`."""
    if path.suffix.lower() not in PATCH_FORMATS:
        raise OptionError(
            f"A patch reel ends in .mov (ProRes 4444) or .mkv (lossless FFV1); got {path.name}."
        )
    if path.suffix.lower() == ".mkv" and pixel_aspect != 1:
        raise OptionError(f"A lossless reel takes square pixels, got {pixel_aspect}; write a .mov.")


def _cut_out(frame: Array, opaque: npt.NDArray[np.bool_]) -> Array:
    """Return a frame (H, W, 4) that is transparent where it is not opaque, and black in all transparent blocks."""
    rows, columns = (np.arange(0, length, _BLOCK) for length in opaque.shape)
    blocks = np.logical_or.reduceat(np.logical_or.reduceat(opaque, rows, 0), columns, 1)
    kept = blocks.repeat(_BLOCK, 0).repeat(_BLOCK, 1)[: len(opaque), : opaque.shape[1], None]
    white = frame.dtype.type(255 if frame.dtype == np.uint8 else 1)
    return np.concatenate([frame * kept, (opaque * white)[..., None]], axis=2)
