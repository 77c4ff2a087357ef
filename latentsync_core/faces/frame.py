"""What every part of this package accepts as a frame."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array, Frame
from ..errors import InputError
from ..planar import PlanarFrame


def check_frame(frame: npt.ArrayLike) -> Frame:
    """Check a frame (H, W, 3), uint8 in 0..255 or float in 0..1; return an array as contiguous uint8 or float32.

    Raises InputError for any other shape or type.
    """
    if isinstance(frame, PlanarFrame):
        return frame
    array = np.asarray(frame)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise InputError(f"A frame has shape (height, width, 3), got {array.shape}.")
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"A frame is uint8 (0..255) or float (0..1), got {array.dtype}.")
    return np.ascontiguousarray(array, np.uint8 if array.dtype == np.uint8 else np.float32)


def shrink(frame: Frame, width: int, height: int) -> Array:
    """Return the whole frame made smaller by averaging, (height, width, 3)."""
    if isinstance(frame, PlanarFrame):
        return frame.shrink(width, height)
    return cv2.resize(frame, (width, height), interpolation=cv2.INTER_AREA)


def white(frame: Frame) -> float:
    """Return the value of white in a frame: 255 for uint8, 1 for float."""
    return 255.0 if frame.dtype == np.uint8 else 1.0
