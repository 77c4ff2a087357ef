"""Crop aligned faces out of frames."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array, FloatArray
from ..errors import InputError
from .align import crop_size
from .frame import check_frame, white

_FILL = 127.0
"""Upstream's value outside the frame."""
_LANCZOS_REACH = 4
"""Pixels that OpenCV's Lanczos kernel reads on either side."""


def warp_crop(
    frame: npt.ArrayLike, matrix: FloatArray, size: tuple[int, int], fill: float = _FILL
) -> npt.NDArray[np.float32]:
    """Sample a frame (H, W, 3), uint8 or float 0..1, bilinearly; returns (height, width, 3) float32 in 0..255.

    `matrix` (2, 3) maps frame pixels to crop pixels, `size` is (width, height), `fill` (0..255) is the value outside
    of the frame. OpenCV 4 places samples to 1/32 pixel, OpenCV 5 exactly. Raises InputError for a matrix that can't
    be inverted.
    """
    part, shifted = _part_under(frame, _check_matrix(matrix), size, 2)
    return _warp(part, shifted, size, fill, cv2.INTER_LINEAR)


def crop_face(
    frame: npt.ArrayLike, matrix: FloatArray, resolution: int, align_resolution: int | None = None
) -> npt.NDArray[np.float32]:
    """Crop the face as the model sees it, sampled once by Lanczos: (R, R, 3) float32 in 0..255, nothing rounded.

    `matrix` (2, 3) was made for `align_resolution` (default: `resolution`). Raises InputError as `warp_crop`.
    """
    scale = resolution / np.array(crop_size(align_resolution or resolution))
    square: FloatArray = _check_matrix(matrix) * scale[:, None]
    square[:, 2] += scale / 2 - 0.5  # pixel centres lie at half a pixel
    # With more than two pixels of the frame to one of the crop the kernel would skip some, which flickers.
    factor = max(1, int(1 / np.sqrt(abs(np.linalg.det(square[:, :2])))))
    size = (resolution, resolution)
    part, square = _part_under(frame, square, size, _LANCZOS_REACH * factor)
    if factor > 1 and part.size:
        part, square = _average_down(part, square, factor)
    return np.clip(_warp(part, square, size, _FILL, cv2.INTER_LANCZOS4), 0, 255)


def to_square(crop: Array, resolution: int) -> npt.NDArray[np.float32]:
    """Resize a crop of aspect 3 : 4 to the model's square by Lanczos; (R, R, 3) float32 in 0..255."""
    face = cv2.resize(crop, (resolution, resolution), interpolation=cv2.INTER_LANCZOS4)
    return np.clip(face, 0, 255).astype(np.float32)


def _part_under(
    frame: npt.ArrayLike, matrix: FloatArray, size: tuple[int, int], reach: int
) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """Return the part of the frame under a crop, in 0..255, and the matrix from its pixels to the crop's.

    reach: pixels around a place that are read. The part is empty where the crop misses the frame.
    """
    # Only this part is converted: a whole frame in 4K would be 100 MB of float32.
    image = check_frame(frame)
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size]) - matrix[:, 2]
    corners = np.linalg.solve(matrix[:, :2], corners.T).T
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(corners.min(0)) - reach, 0, limit).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + reach + 1, low, limit).astype(int)
    part = image[low[1] : high[1], low[0] : high[0]].astype(np.float32) * np.float32(255 / white(image))
    return part, np.column_stack([matrix[:, :2], matrix[:, 2] + matrix[:, :2] @ low])


def _average_down(
    part: npt.NDArray[np.float32], matrix: FloatArray, factor: int
) -> tuple[npt.NDArray[np.float32], FloatArray]:
    """Average squares of `factor` pixels to one; returns the small image and the matrix from its pixels."""
    height, width = (max(1, side // factor) for side in part.shape[:2])
    whole = part[
        : height * factor, : width * factor
    ]  # the rest of less than a pixel would make all of them blurred
    offset = matrix[:, 2] + matrix[:, :2] @ np.full(2, factor / 2 - 0.5)
    small: Array = cv2.resize(whole, (width, height), interpolation=cv2.INTER_AREA)
    return small, np.column_stack([matrix[:, :2] * factor, offset])


def _check_matrix(matrix: npt.ArrayLike) -> FloatArray:
    affine = np.asarray(matrix, np.float64)
    if affine.shape != (2, 3) or not np.isfinite(affine).all() or np.linalg.det(affine[:, :2]) == 0:
        raise InputError(
            f"A crop takes an invertible matrix (2, 3), got {affine.tolist()}. Skip frames without a face."
        )
    return affine


def _warp(
    part: npt.NDArray[np.float32], matrix: FloatArray, size: tuple[int, int], fill: float, interpolation: int
) -> npt.NDArray[np.float32]:
    if not part.size:
        return np.full((size[1], size[0], 3), fill, np.float32)
    crop = cv2.warpAffine(
        part, matrix, size, flags=interpolation, borderMode=cv2.BORDER_CONSTANT, borderValue=(fill,) * 3
    )
    return crop.astype(np.float32, copy=False)
