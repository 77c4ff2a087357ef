"""Write a patch reel: the frames that a dub changed, and no more of each than was changed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from ..data import Array, Frame
from ..errors import InputError, OptionError
from ..media import ColorTags, Timecode, open_writer
from ..planar import PlanarFrame, Plane, SampleFormat
from .edit import EditMedia, EditPiece

PATCH_FORMATS = {".mov": "prores4444", ".mkv": ""}
"""Suffixes of patch reels, and the formats that `open_writer` writes them in: ProRes 4444, and lossless FFV1."""

_BLOCK = 16
"""Pixels: what a codec transforms at once. A block in which something changed is kept whole, so that no edge to black
spoils it."""

_RGB = SampleFormat("gbrap16le", full=True)
"""For frames that are arrays: FFV1 has no RGB with alpha in planes of 8 bit, and 16 hold them exactly."""


def write_patch(
    path: Path,
    film: EditMedia,
    pieces: Iterable[EditPiece],
    frames: Iterable[tuple[Frame, Array]],
    *,
    samples: SampleFormat | None = None,
    color: ColorTags | None = None,
    pixel_aspect: Fraction = Fraction(1),
) -> EditMedia:
    """Write the reel of a film's `pieces`, at the film's rate from timecode 0 on, and return it as timelines name it.

    frames: of the pieces, in order: a frame of the full render and where it was changed, (H, W), above 0 there. The
    reel is opaque there and transparent elsewhere, so that it gives the full render where it lies over the film: in
    .mkv bit for bit, in .mov as ProRes 4444 codes it. samples, color, pixel_aspect: of the film, see `open_writer`.
    Raises OptionError on another suffix and on samples that no such file holds, InputError on another number of frames,
    OutputError where the reel cannot be written.
    """
    count = sum(piece.frames for piece in pieces)
    form = check_patch(path, samples, pixel_aspect)
    fps, (height, width) = film.first.fps, film.size
    first = Timecode(0, fps, film.first.drop)
    given = 0
    with open_writer(
        path, height, width, fps, format=PATCH_FORMATS[path.suffix.lower()], timecode=first,
        samples=form, color=color, pixel_aspect=pixel_aspect,
    ) as writer:  # fmt: skip
        for given, (frame, changed) in enumerate(frames, 1):
            writer.write(_cut_out(frame, changed > 0, form), float((given - 1) / fps))
        if given != count:
            raise InputError(f"The pieces of the reel have {count} frames, got {given}.")
    return EditMedia(path, first, count, film.size)


def check_patch(
    path: Path, samples: SampleFormat | None = None, pixel_aspect: Fraction = Fraction(1)
) -> SampleFormat:
    """Return how a reel stores its samples; raises, before any work, the OptionError of `write_patch`."""
    suffix = path.suffix.lower()
    if suffix not in PATCH_FORMATS:
        raise OptionError(
            f"A patch reel ends in .mov (ProRes 4444) or .mkv (lossless FFV1); got {path.name}."
        )
    form = _RGB if samples is None else replace(samples, name=_with_alpha(samples.name))
    if suffix == ".mkv" and (form.name not in _formats_of("ffv1") or pixel_aspect != 1):
        raise OptionError(
            "A lossless reel takes square pixels, and samples that FFV1 has with alpha, such as yuva422p10le; "
            f"the film has pixels of {pixel_aspect}, and would need {form.name}. Write a .mov."
        )
    return form if _is_known(form.name) else _RGB


def _with_alpha(name: str) -> str:
    """Return the pixel format that is another one with a plane of opacity."""
    return name if name.startswith(("yuva", "gbra")) else f"{name[:3]}a{name[3:]}"


def _is_known(name: str) -> bool:
    try:
        av.VideoFormat(name)
    except ValueError:
        return False
    return True


def _formats_of(encoder: str) -> set[str]:
    return {form.name for form in av.Codec(encoder, "w").video_formats or []}


def _cut_out(frame: Frame, opaque: npt.NDArray[np.bool_], form: SampleFormat) -> PlanarFrame:
    """Return a frame that is transparent where it is not opaque, and black in blocks that are all transparent."""
    rows, columns = (np.arange(0, length, _BLOCK) for length in opaque.shape)
    blocks = np.logical_or.reduceat(np.logical_or.reduceat(opaque, rows, 0), columns, 1)
    steps, blacks = [(1, 1), form.step, form.step], _black_of(form)
    planes = [
        np.where(_enlarge(blocks, plane.shape, step), plane, plane.dtype.type(black))
        for plane, step, black in zip(_planes_of(frame, form), steps, blacks, strict=True)
    ]
    alpha = opaque * planes[0].dtype.type(2**form.bits - 1)
    return PlanarFrame((*planes, alpha), form)


def _enlarge(
    blocks: npt.NDArray[np.bool_], shape: tuple[int, ...], step: tuple[int, int]
) -> npt.NDArray[np.bool_]:
    """Return for each sample of a plane whether its block is kept; step: rows and columns of pixels to a sample."""
    rows, columns = (_BLOCK // size for size in step)
    return blocks.repeat(rows, 0).repeat(columns, 1)[: shape[0], : shape[1]]


def _black_of(form: SampleFormat) -> tuple[int, int, int]:
    if form.name.startswith("gbr"):
        return 0, 0, 0
    unit = 2 ** (form.bits - 8)
    return (0 if form.full else 16 * unit), 128 * unit, 128 * unit


def _planes_of(frame: Frame, form: SampleFormat) -> tuple[Plane, ...]:
    """Return the three planes of colour; raises InputError where a frame is not stored as `form` says."""
    if isinstance(frame, PlanarFrame) and _with_alpha(frame.format.name) == form.name:
        return frame.planes[:3]
    if form.name != _RGB.name:
        raise InputError(f"The reel takes frames of {form.name} without alpha; give the film's own samples.")
    pixels = np.asarray(frame)
    full = np.uint16(257) * pixels if pixels.dtype == np.uint8 else np.rint(np.clip(pixels, 0, 1) * 65535)
    red, green, blue = np.moveaxis(full.astype(np.uint16), 2, 0)
    return green, blue, red
