"""Frames of the library as images of 8 or 16 bit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import Array, Frame
from ..errors import InputError


def check_size(frame: Frame, size: tuple[int, int]) -> None:
    """Raise InputError unless a frame is (H, W, 3) of `size` (H, W)."""
    if frame.shape != (*size, 3):
        raise InputError(f"The writer takes frames of shape {(*size, 3)}, got {frame.shape}.")


def to_uint8(frame: Frame, size: tuple[int, int]) -> npt.NDArray[np.uint8]:
    """Check a frame (H, W, 3) of `size` (H, W) and round it to 8 bit; uint8 stays as it is, floats are 0..1."""
    check_size(frame, size)
    frame = np.asarray(frame)
    return np.ascontiguousarray(frame) if frame.dtype == np.uint8 else _round(frame, 255).astype(np.uint8)


def to_uint16(frame: Frame, size: tuple[int, int]) -> npt.NDArray[np.uint16]:
    """Check a frame (H, W, 3) of floats 0..1 and of `size` (H, W), and round it to 16 bit."""
    check_size(frame, size)
    return _round(np.asarray(frame), 65535).astype(np.uint16)


def _round(frame: Array, top: int) -> Array:
    if not np.issubdtype(frame.dtype, np.floating):
        raise InputError(f"The writer takes uint8 or float frames, got {frame.dtype}.")
    # float16 cannot tell all 256 levels apart once scaled.
    scaled = np.clip(frame.astype(np.float32), 0, 1) * top
    if np.isnan(scaled).any():
        raise InputError("A frame to be written contains NaN.")
    return np.rint(scaled)
