"""Keep what lies before a face on top of the new mouth, where masks say so."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

import numpy as np
import numpy.typing as npt

from ..data import Clip, Frame, IntArray
from ..errors import InputError
from .paste import Patch

_LOSSLESS = 5 / 255
"""Grey levels of an 8-bit mask that near black and white count as these: a compressed video keeps them no better."""


def check_protect(protect: Clip, clip: Clip) -> None:
    """Raise InputError unless the masks are as large as the frames, and one per frame or one for all."""
    if (protect.height, protect.width) != (clip.height, clip.width):
        raise InputError(
            f"The masks have {protect.width} x {protect.height} pixels and the frames {clip.width} x {clip.height}; "
            "scale the masks to the size of the frames."
        )
    if len(protect.times) not in (1, len(clip.times)):
        raise InputError(
            f"There are {len(protect.times)} masks and {len(clip.times)} frames; give one mask per frame, or one for "
            "all frames."
        )


def read_masks(protect: Clip | None, source: IntArray) -> Iterator[npt.NDArray[np.float32] | None]:
    """Yield for each frame number in `source` (M,) its mask (H, W) in 0..1, 1 = the source stays; None without masks.

    protect: of as many frames as the numbers are of, or of one frame for all.
    """
    if protect is None:
        yield from repeat(None, len(source))
    elif len(protect.times) == 1:
        (frame,) = protect.read([0])
        yield from repeat(_to_mask(frame), len(source))
    else:
        yield from map(_to_mask, protect.read(source.tolist()))


def keep_source(frame: Frame, patch: Patch, mask: npt.NDArray[np.float32]) -> Patch:
    """Put the source back over a mouth, by a mask (H, W) in 0..1; where it is 1, bit for bit.

    frame: the source (H, W, 3), of which `paste` made the patch.
    """
    share, old = mask[patch.part], frame[patch.part]
    mixed = patch.pixels + share[..., None] * (old.astype(np.float32) - patch.pixels)
    kept = (np.rint(mixed) if frame.dtype == np.uint8 else mixed).astype(frame.dtype)
    # Where there is no mouth, or nothing is kept, the patch stays bit for bit.
    mouth, source = (patch.alpha == 0) | (share == 0), share == 1
    pixels = np.where(mouth[..., None], patch.pixels, np.where(source[..., None], old, kept))
    return Patch(patch.part, pixels, patch.alpha * (1 - share))


def _to_mask(frame: Frame) -> npt.NDArray[np.float32]:
    grey = np.asarray(frame).mean(-1, dtype=np.float32)
    if frame.dtype == np.uint8:
        grey = (grey / 255 - _LOSSLESS) / (1 - 2 * _LOSSLESS)
    return np.clip(grey, 0, 1)
