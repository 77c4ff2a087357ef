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


def warp_crop(
    frame: npt.ArrayLike, matrix: FloatArray, size: tuple[int, int], fill: float = _FILL
) -> npt.NDArray[np.float32]:
    """Sample a frame (H, W, 3), uint8 or float 0..1, bilinearly; returns (height, width, 3) float32 in 0..255.

    `matrix` (2, 3) maps frame pixels to crop pixels, `size` is (width, height), `fill` (0..255) is the value outside
    of the frame. OpenCV 4 places samples to 1/32 pixel, OpenCV 5 exactly. Raises InputError for a matrix that can't
    be inverted.
    """
    image = check_frame(frame)
    affine = np.asarray(matrix, np.float64)
    if affine.shape != (2, 3) or not np.isfinite(affine).all() or np.linalg.det(affine[:, :2]) == 0:
        raise InputError(
            f"A crop takes an invertible matrix (2, 3), got {affine.tolist()}. Skip frames without a face."
        )
    # Only the part of the frame under the crop is converted: a whole frame in 4K would be 100 MB of float32.
    corners = np.array([[0, 0], [size[0], 0], [0, size[1]], size]) - affine[:, 2]
    corners = np.linalg.solve(affine[:, :2], corners.T).T
    limit = np.array(image.shape[1::-1])
    low = np.clip(np.floor(corners.min(0)) - 2, 0, limit).astype(int)
    high = np.clip(np.ceil(corners.max(0)) + 3, 0, limit).astype(int)
    if (high <= low).any():
        return np.full((size[1], size[0], 3), fill, np.float32)
    part = image[low[1] : high[1], low[0] : high[0]].astype(np.float32) * np.float32(255 / white(image))
    shifted = np.column_stack([affine[:, :2], affine[:, 2] + affine[:, :2] @ low])
    crop = cv2.warpAffine(
        part,
        shifted,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_CONSTANT,
        borderValue=(fill, fill, fill),
    )
    return crop.astype(np.float32, copy=False)


def crop_face(
    frame: npt.ArrayLike, matrix: FloatArray, resolution: int, align_resolution: int | None = None
) -> npt.NDArray[np.float32]:
    """Crop the face as the model sees it: (R, R, 3) float32 in 0..255, nothing rounded.

    `matrix` (2, 3) was made for `align_resolution` (default: `resolution`).
    """
    return to_square(warp_crop(frame, matrix, crop_size(align_resolution or resolution)), resolution)


def to_square(crop: Array, resolution: int) -> npt.NDArray[np.float32]:
    """Resize a crop of aspect 3 : 4 to the model's square by Lanczos; (R, R, 3) float32 in 0..255."""
    face = cv2.resize(crop, (resolution, resolution), interpolation=cv2.INTER_LANCZOS4)
    return np.clip(face, 0, 255).astype(np.float32)
