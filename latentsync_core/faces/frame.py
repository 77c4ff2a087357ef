"""What every part of this package accepts as a frame."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import Array
from ..errors import InputError


def check_frame(frame: npt.ArrayLike) -> Array:
    """Check a frame (H, W, 3), uint8 in 0..255 or float in 0..1; return it as contiguous uint8 or float32.

    Raises InputError for any other shape or type.
    """
    array = np.asarray(frame)
    if array.ndim != 3 or array.shape[2] != 3 or 0 in array.shape:
        raise InputError(f"A frame has shape (height, width, 3), got {array.shape}.")
    if array.dtype != np.uint8 and not np.issubdtype(array.dtype, np.floating):
        raise InputError(f"A frame is uint8 (0..255) or float (0..1), got {array.dtype}.")
    return np.ascontiguousarray(array, np.uint8 if array.dtype == np.uint8 else np.float32)


def white(frame: Array) -> float:
    """Return the value of white in a frame: 255 for uint8, 1 for float."""
    return 255.0 if frame.dtype == np.uint8 else 1.0
