"""Warp a mouth back into its frame and blend it, in the region of interest only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array, Frame
from ..planar import PlanarFrame, Slices
from .grain import make_grain

_DENSITY = 2.0
"""Pixels of the mouth to a pixel of the frame that the warp samples as they are; more are averaged down to this.
Averaging earlier would blur more than the warp aliases."""


@dataclass(frozen=True, eq=False)
class Patch:
    """A part of a frame with a mouth in it."""

    part: Slices
    pixels: Array
    """Shape (h, w, 3), in the frame's dtype; where alpha is 0 they are the frame's."""
    alpha: npt.NDArray[np.float32]
    """Shape (h, w), 0..1: the opacity of the mouth."""

    def apply(self, frame: Frame) -> Frame:
        """Return a copy of the frame with the patch in it; where alpha is 0 it equals the frame bit for bit."""
        if not self.alpha.size:
            return frame
        if isinstance(frame, PlanarFrame):
            return frame.blend(self.part, self.pixels, self.alpha)
        out = frame.copy()
        out[self.part] = self.pixels
        return out


def spread_alpha(patches: Sequence[Patch], frame: Frame) -> npt.NDArray[np.float32]:
    """Return the alpha of all pixels of a frame, (H, W), with patches over one another."""
    whole = np.zeros(frame.shape[:2], np.float32)
    for patch in patches:
        whole[patch.part] += (1 - whole[patch.part]) * patch.alpha
    return whole


def paste(
    frame: Frame,
    mouth: Array,
    matrix: Array,
    size: tuple[int, int],
    mask: Array,
    grain_seed: int | None = None,
) -> Patch:
    """Blend the mouth with the part of the frame that it covers.

    frame: (H, W, 3), uint8 or float 0..1. mouth: (R, R, 3) in 0..255. matrix: (2, 3), frame pixels to the
    pixels of an aligned crop of `size` (width, height). mask: (R, R), 0..1, the mouth's alpha. grain_seed: of the grain
    that the source has and the mouth lacks, >= 0; None draws none.
    """
    roi = region_of(frame, matrix, size, _find_box(mask, size))
    if roi is None:
        return empty_patch(frame)
    # The cubic kernel overshoots at edges, hence the clips.
    shrunk = _shrink(np.dstack([mouth, mask]), matrix, size)
    warped = roi.warp(shrunk, size, cv2.INTER_CUBIC)
    face, alpha = np.clip(warped[..., :3], 0, 255), np.clip(warped[..., 3:], 0, 1)
    view, unit = frame[roi.part], unit_of(frame)
    blended = view + alpha * (face * unit - view)
    if grain_seed is not None:
        grain = make_grain(view / unit, face, alpha[..., 0], grain_seed) * unit
        blended = np.where(alpha > 0, np.clip(blended + grain, 0, 255 * unit), view)
    pixels = np.rint(blended) if frame.dtype == np.uint8 else blended
    return Patch(roi.part, pixels.astype(frame.dtype, copy=False), alpha[..., 0])


def empty_patch(frame: Frame) -> Patch:
    """Return a patch that changes nothing."""
    part = slice(0, 0), slice(0, 0)
    return Patch(part, frame[part], np.zeros((0, 0), np.float32))


def unit_of(frame: Frame) -> np.float32:
    """Return one 8-bit step in the units of the frame."""
    return np.float32(1 if frame.dtype == np.uint8 else 1 / 255)


@dataclass(frozen=True)
class Region:
    """The part of a frame that a crop covers, and the transform from its pixels to those of the crop."""

    part: Slices
    matrix: Array  # (2, 3), pixels of the region to pixels of the crop

    def warp(self, image: Array, size: tuple[int, int], interpolation: int = cv2.INTER_LINEAR) -> Array:
        """Warp an image of the whole crop, at any resolution, to the region; 0 outside of the crop."""
        height, width = image.shape[:2]
        scale = np.array([width / size[0], height / size[1]])
        matrix = self.matrix * scale[:, None]
        matrix[:, 2] += scale / 2 - 0.5  # pixel centres lie at half a pixel
        rows, columns = self.part
        shape = (columns.stop - columns.start, rows.stop - rows.start)
        return cv2.warpAffine(image, matrix, shape, flags=interpolation | cv2.WARP_INVERSE_MAP)


def region_of(
    frame: Frame, matrix: Array, size: tuple[int, int], extent: tuple[float, float, float, float] | None
) -> Region | None:
    """Return the region under the box `extent` (x0, y0, x1, y1) of the crop; None if it misses the frame."""
    if extent is None:
        return None
    x0, y0, x1, y1 = extent
    inverse = cv2.invertAffineTransform(np.asarray(matrix, np.float64))
    corners = np.array([[x0, y0, 1], [x1, y0, 1], [x1, y1, 1], [x0, y1, 1]]) @ inverse.T
    limits = np.array(frame.shape[1::-1])
    # The kernel of the warp spreads what is not 0 beyond the box, hence the margin.
    low = np.clip(np.floor(corners.min(0)).astype(int) - 3, 0, limits)
    high = np.clip(np.ceil(corners.max(0)).astype(int) + 4, 0, limits)
    if (high <= low).any():
        return None
    local = np.asarray(matrix, np.float64).copy()
    local[:, 2] += local[:, :2] @ low
    return Region((slice(low[1], high[1]), slice(low[0], high[0])), local)


def _find_box(mask: Array, size: tuple[int, int]) -> tuple[float, float, float, float] | None:
    """Return the box around what is not 0, in pixels of a crop of `size`; None where all is 0."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    x, y = size[0] / mask.shape[1], size[1] / mask.shape[0]
    return columns[0] * x, rows[0] * y, (columns[-1] + 1) * x, (rows[-1] + 1) * y


def _shrink(image: Array, matrix: Array, size: tuple[int, int]) -> Array:
    """Average down to _DENSITY times the size that the crop has in the frame, so that the warp does not alias."""
    scale = np.sqrt(abs(np.linalg.det(matrix[:, :2]))) / _DENSITY
    width, height = (max(1, round(side / scale)) for side in size)
    if width >= image.shape[1] or height >= image.shape[0]:
        return image
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)
