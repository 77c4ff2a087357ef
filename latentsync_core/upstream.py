"""Upstream's own alignment, crop, paste, length and layout of windows, for the preset `exact`.

Upstream is bytedance/LatentSync at a229c39; functions name the ones that they reproduce.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F

from .compositing import Patch
from .compositing.paste import empty_patch, region_of, unit_of
from .data import Array, FloatArray, Frame
from .faces import crop_size, template, warp_crop
from .faces.align import check_points
from .faces.crop import to_square

_BIAS_KEPT = 0.2
"""Weight of earlier frames' correction in the moving average."""
_WHITE = (127 / 2 + 0.5) * 255
"""Upstream's fill outside of the face: 127 on a scale of -1..1, so white after clipping."""


def align_causally(
    points: npt.NDArray[np.float64], resolution: int, smooth: bool = True
) -> npt.NDArray[np.float32]:
    """Align every frame to the template as upstream does: transforms (N, 2, 3) in float32, NaN where points are.

    `smooth` adds upstream's causal correction: the nose's residual, in standard deviations, exponentially averaged over
    the frames so far and added to the translation in pixels (the units do not match there either).
    """
    check_points(points)
    target = torch.tensor(template(resolution), dtype=torch.float32)
    matrices = np.full((len(points), 2, 3), np.nan, np.float32)
    bias: torch.Tensor | None = None
    for index in np.flatnonzero(~np.isnan(points).any((1, 2))):
        matrix, residual = _align_points(torch.tensor(points[index], dtype=torch.float32), target)
        if smooth:
            bias = residual if bias is None else bias * _BIAS_KEPT + residual * (1 - _BIAS_KEPT)
            matrix[:, 2] += bias
        matrices[index] = matrix.numpy()
    return matrices


def _align_points(p: torch.Tensor, q: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the matrix (2, 3) and the nose's residual (2,); the order of operations decides the last bit."""
    p_mean, q_mean = p.mean(0), q.mean(0)
    p_std, q_std = (p - p_mean).std(), (q - q_mean).std()
    p_unit, q_unit = (p - p_mean) / p_std, (q - q_mean) / q_std
    u, _, vh = torch.linalg.svd(p_unit.T @ q_unit)
    v = vh.T.clone()
    if torch.det(v @ u.T) < 0:
        v[:, -1] *= -1
    rotation, scale = v @ u.T, q_std / p_std
    translation = q_mean - scale * (rotation @ p_mean)
    return torch.cat([scale * rotation, translation[:, None]], 1), q_unit[2] - p_unit[2]


def crop_in_8_bit(frame: Frame, matrix: FloatArray, resolution: int, align: int) -> npt.NDArray[np.float32]:
    """Crop a face, truncated to 8 bit before it is resized, (R, R, 3) in 0..255 (`AlignRestore.align_warp_face`)."""
    return to_square(warp_crop(frame, matrix, crop_size(align)).astype(np.uint8), resolution)


def paste_crop(frame: Frame, face: Array, matrix: Array, size: tuple[int, int]) -> Patch:
    """Paste the whole crop with upstream's soft border (`AlignRestore.restore_img`), truncating 8-bit values.

    face: (R, R, 3) in 0..255, not clipped. Other arguments and the result as in `compositing.paste`.
    """
    roi = region_of(frame, matrix, size, (0, 0, size[0] - 1, size[1] - 1))
    if roi is None:
        return empty_patch(frame)
    # The warp fills with 0 outside of the face, so white is taken off first and added again.
    warped = roi.warp(_resize_bicubic(face, size) - _WHITE, size) + _WHITE
    cover = roi.warp(np.ones((size[1], size[0]), np.float32), size)
    inner = cv2.erode(cover, np.ones((2, 2), np.uint8))
    alpha = _soften_border(inner)
    soft = alpha[..., None]
    pasted = inner[..., None] * np.clip(warped, 0, 255) * unit_of(frame)
    pixels = soft * pasted + (1 - soft) * frame[roi.part]
    return Patch(roi.part, pixels.astype(frame.dtype), np.clip(alpha, 0, 1))


def count_frames(rows: int, fps: float, rate: int = 50) -> int:
    """Return how many frames upstream makes of `rows` rows of speech.

    Its loop appends a frame before it checks for the end (`feature2chunks`), so the result is about two frames longer
    than the speech: 100 rows at 25 fps give 52.
    """
    return next(i for i in itertools.count() if int(i * (rate / fps)) > rows) + 1


def touching_starts(keys: int, size: int, overlap: int) -> list[int]:
    """Return where windows begin that touch, of which the last may be short."""
    return list(range(0, keys, size))


def _resize_bicubic(face: Array, size: tuple[int, int]) -> npt.NDArray[np.float32]:
    """Resize as torchvision's antialiased bicubic does, which for floats is this call."""
    tensor = torch.from_numpy(face).permute(2, 0, 1)[None]
    resized = F.interpolate(tensor, size=(size[1], size[0]), mode="bicubic", antialias=True)
    return resized[0].permute(1, 2, 0).contiguous().numpy()


def _soften_border(inner: Array) -> Array:
    """Shrink and blur the face's cover by a twentieth of its side, as upstream's blend mask."""
    edge = int(float(inner.sum(dtype=np.float64)) ** 0.5) // 20
    if edge:
        inner = cv2.erode(inner, np.ones((2 * edge, 2 * edge), np.uint8))
    side = 2 * edge + 1
    return cv2.GaussianBlur(inner, (side, side), 0.3 * ((side - 1) * 0.5 - 1) + 0.8)
