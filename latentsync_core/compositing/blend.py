"""Blending in crop space: the alpha of the mouth."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array, FloatArray

BORDER = 8 / 256
"""The blend mask falls to 0 over this fraction of the crop's side at the crop's border."""


def blend_mask(keep: npt.NDArray[np.float32], feather: float) -> npt.NDArray[np.float32]:
    """Compute the mouth's alpha, (R, R) in 0..1, from the keep mask (R, R), 1 = keep.

    It is 1 over all that was generated, falls smoothly over `feather` (a fraction of the side) outside of it, where
    the network saw the source and reproduces it, and is 0 at the border of the crop.
    """
    side = len(keep)
    fall = _smoothstep(1 - measure_outside(keep) / max(1.0, feather * side))
    edge = np.minimum(np.arange(side), np.arange(side)[::-1]) / (BORDER * side)
    border = _smoothstep(np.minimum(edge[:, None], edge[None, :]))
    return (fall * border).astype(np.float32)


def surround(mouths: FloatArray, crops: FloatArray, keep: npt.NDArray[np.float32]) -> FloatArray:
    """Take the generated pixels inside the mask, the crop's outside: upstream's `paste_surrounding_pixels_back`.

    mouths, crops: (F, R, R, 3) in 0..255; keep: (R, R), 1 = keep. Returns (F, R, R, 3).
    """
    return np.where(keep[..., None] == 1, crops, mouths * (1 - keep[..., None]) + crops * keep[..., None])


def measure_outside(keep: npt.NDArray[np.float32]) -> Array:
    """Return the distance of each kept pixel to the generated part, (R, R) in pixels; 0 within it."""
    return cv2.distanceTransform((keep > 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _smoothstep(x: Array) -> Array:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
