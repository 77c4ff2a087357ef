"""Write a patch reel: the frames that a dub changed, and no more of each than was changed."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data import Array, Frame
from ..errors import InputError, OptionError
from ..media import ColorTags, FirstField, Timecode, open_writer
from ..planar import PlanarFrame, Plane, SampleFormat, any_in_blocks
from .edit import EditMedia, EditPiece

log = logging.getLogger(__name__)

PATCH_FORMATS = {".mov": "prores4444", ".mkv": ""}
"""Suffixes of patch reels, and the formats that `open_writer` writes them in: ProRes 4444, and lossless FFV1."""

_BLOCK = 16
"""Pixels: what a codec transforms at once. A block in which something changed is kept whole, so that no edge to black
spoils it."""

_WITH_ALPHA = {
    "420": (8, 9, 10, 16), "422": (8, 9, 10, 12, 16), "444": (8, 9, 10, 12, 16), "gbr": (8, 10, 12, 14, 16),
}  # fmt: skip
"""Bits of FFmpeg's pixel formats with a plane of opacity, by their chroma."""

Mask = npt.NDArray[np.bool_]


def write_patch(
    path: Path,
    film: EditMedia,
    pieces: Iterable[EditPiece],
    frames: Iterable[tuple[Frame, Array]],
    *,
    color: ColorTags | None = None,
    pixel_aspect: Fraction = Fraction(1),
    samples: SampleFormat | None = None,
    first_field: FirstField = "",
) -> EditMedia:
    """Write the reel of a film's `pieces`, at the film's rate from timecode 0 on, and return it as timelines name it.

    frames: of the pieces, in order: a frame (H, W, 3) of the full render, uint8, float 0..1 or in planes of `samples`,
    and where it was changed, (H, W), above 0 there. The reel is opaque there and transparent elsewhere, so that it
    gives the full render where it lies over the film: in .mkv bit for bit, in .mov as ProRes 4444 codes it. Pixels that
    share a sample of chroma are opaque together, and so are those around, whose colours are interpolated with theirs.
    color, pixel_aspect, samples and first_field are the film's, see `open_writer`; for the reel's `choose_samples`.
    Raises OptionError on another suffix, InputError on another number of frames, OutputError where nothing can be
    written.
    """
    check_patch(path)
    count = sum(piece.frames for piece in pieces)
    fps, (height, width) = film.first.fps, film.size
    first, form = Timecode(0, fps, film.first.drop), choose_samples(samples)
    given = 0
    with open_writer(
        path, height, width, fps, format=PATCH_FORMATS[path.suffix.lower()], timecode=first,
        color=color, pixel_aspect=pixel_aspect, samples=form, first_field=first_field,
    ) as writer:  # fmt: skip
        for given, (frame, changed) in enumerate(frames, 1):
            writer.write(_cut_out(frame, np.asarray(changed) > 0, form), float((given - 1) / fps))
        if given != count:
            raise InputError(f"The pieces of the reel have {count} frames, got {given}.")
    return EditMedia(path, first, count, film.size)


def check_patch(path: Path) -> None:
    """Raise, before any work, the OptionError of `write_patch`."""
    if path.suffix.lower() not in PATCH_FORMATS:
        raise OptionError(
            f"A patch reel ends in .mov (ProRes 4444) or .mkv (lossless FFV1); got {path.name}."
        )


def choose_samples(samples: SampleFormat | None) -> SampleFormat:
    """Return the samples of a reel: those of the film, with opacity.

    4:2:0 of 12 and 14 bit is held in 16, as FFmpeg has no other with opacity, by zeros behind. 4:4:0, 4:1:1 and 4:1:0,
    which it has none for, and films that are read as RGB of 8 bit (None), are RGB of the film's depth; of the former
    this is said.
    """
    if samples is None:
        return SampleFormat("gbrap")
    if samples.has_alpha:
        log.warning("The film has transparency; where the reel is opaque, it hides it.")
    layout = samples.name.removeprefix("yuva" if samples.has_alpha else "yuv")[:3] if samples.yuv else "gbr"
    if layout not in _WITH_ALPHA:
        log.warning(
            "FFmpeg has no samples of %s with opacity: the reel is RGB, as they are shown.", samples.name
        )
        layout = "gbr"
    bits = min(depth for depth in _WITH_ALPHA[layout] if depth >= samples.bits)
    name = ("gbrap" if layout == "gbr" else f"yuva{layout}p") + (f"{bits}le" if bits > 8 else "")
    return replace(samples, name=name)


def _cut_out(frame: Frame, changed: Mask, form: SampleFormat) -> PlanarFrame:
    """Return a frame that is transparent where nothing changed, and black in all transparent blocks."""
    step = frame.format.step if isinstance(frame, PlanarFrame) else (1, 1)
    opaque = _spread(changed, step)
    kept = _enlarge(any_in_blocks(_spread(opaque, step), (_BLOCK, _BLOCK)), (_BLOCK, _BLOCK), opaque)
    kept_chroma, black = any_in_blocks(kept, form.step), np.rint(form.from_rgb[:, 3])
    planes = [
        np.where(mask, plane, plane.dtype.type(value))
        for mask, plane, value in zip(
            (kept, kept_chroma, kept_chroma), _planes_of(frame, form), black, strict=True
        )
    ]
    return PlanarFrame((*planes, opaque * planes[0].dtype.type(2**form.bits - 1)), form)


def _planes_of(frame: Frame, form: SampleFormat) -> tuple[Plane, ...]:
    """Return the samples of a frame, without opacity, at the depth of `form`."""
    if isinstance(frame, PlanarFrame) and frame.format.yuv and form.yuv:
        scale = 2 ** (form.bits - frame.format.bits)
        return tuple(plane * plane.dtype.type(scale) for plane in frame.planes[:3])
    if (
        isinstance(frame, PlanarFrame)
        and frame.format.bits == form.bits
        and not (frame.format.yuv or form.yuv)
    ):
        return frame.planes[:3]
    pixels = np.asarray(frame)
    white = np.float32(255 if pixels.dtype == np.uint8 else 1)
    return PlanarFrame.of_rgb(pixels.astype(np.float32) / white, form).planes


def _spread(mask: Mask, step: tuple[int, int]) -> Mask:
    """Return the pixels (H, W) whose colours depend on the chroma of a mask's pixels: its blocks and those around."""
    if step == (1, 1):
        return mask
    padded = np.pad(any_in_blocks(mask, step), 1)
    rows = padded[:-2] | padded[1:-1] | padded[2:]
    return _enlarge(rows[:, :-2] | rows[:, 1:-1] | rows[:, 2:], step, mask)


def _enlarge(blocks: Mask, step: tuple[int, int], mask: Mask) -> Mask:
    """Return the pixels of blocks, as many as a mask has."""
    return blocks.repeat(step[0], 0).repeat(step[1], 1)[: mask.shape[0], : mask.shape[1]]
