"""Blending in crop space: the alpha of the mouth, and the match of its colours to those of the source."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array, FloatArray

BORDER = 8 / 256
"""The blend mask falls to 0 over this fraction of the crop's side at the crop's border."""
RING = 12 / 256
"""Width of the ring around the mask on which colours are compared, as a fraction of the crop's side."""


def blend_mask(keep: npt.NDArray[np.float32], feather: float) -> npt.NDArray[np.float32]:
    """Compute the mouth's alpha, (R, R) in 0..1, from the keep mask (R, R), 1 = keep.

    It is 1 over all that was generated, falls smoothly over `feather` (a fraction of the side) outside of it, where
    the network saw the source and reproduces it, and is 0 at the border of the crop.
    """
    side = len(keep)
    fall = _smoothstep(1 - _measure_outside(keep) / max(1.0, feather * side))
    edge = np.minimum(np.arange(side), np.arange(side)[::-1]) / (BORDER * side)
    border = _smoothstep(np.minimum(edge[:, None], edge[None, :]))
    return (fall * border).astype(np.float32)


def match_colors(mouths: FloatArray, crops: FloatArray, keep: npt.NDArray[np.float32]) -> FloatArray:
    """Shift each mouth, in place, to the mean colour that its crop has on a ring around the mask.

    mouths, crops: (F, R, R, 3) in 0..255; keep: (R, R), 1 = keep.
    """
    # Outside of the mask the network reproduces what it saw, so the two should be equal there: what differs on
    # average is a shift of colour by the VAE, which would show as a seam. Inside, speech changes the colours.
    distance = _measure_outside(keep)
    ring = (distance > 0) & (distance <= max(1.0, RING * len(keep)))
    shift = (crops[:, ring] - mouths[:, ring]).mean(1, dtype=np.float64)  # (F, 3)
    mouths += shift[:, None, None].astype(np.float32)
    return mouths


def surround(mouths: FloatArray, crops: FloatArray, keep: npt.NDArray[np.float32]) -> FloatArray:
    """Take the generated pixels inside the mask, the crop's outside: upstream's `paste_surrounding_pixels_back`.

    Arguments as of `match_colors`; returns (F, R, R, 3).
    """
    return np.where(keep[..., None] == 1, crops, mouths * (1 - keep[..., None]) + crops * keep[..., None])


def _measure_outside(keep: npt.NDArray[np.float32]) -> Array:
    """Return the distance of each kept pixel to the generated part; 0 within it."""
    return cv2.distanceTransform((keep > 0.5).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)


def _smoothstep(x: Array) -> Array:
    x = np.clip(x, 0.0, 1.0)
    return x * x * (3 - 2 * x)
