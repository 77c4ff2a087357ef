"""How much fine detail a face has."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..data import FloatArray

_BANDS = ((0.7, 1.2), (1.2, 2.0))
"""Sigmas of Gaussians in pixels; what lies between two of them is a band of detail."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)


def measure_detail(image: npt.NDArray[np.float32]) -> FloatArray:
    """Return the mean magnitude of brightness in two bands of detail, 1 to 3 pixels fine, (2,), in the image's units.

    image: (H, W, 3), also a difference of two.
    """
    light = image @ _LUMA
    bands = [cv2.GaussianBlur(light, (0, 0), a) - cv2.GaussianBlur(light, (0, 0), b) for a, b in _BANDS]
    return np.array([np.abs(band).mean() for band in bands])
