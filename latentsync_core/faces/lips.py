"""How far a mouth is open, measured by FaceMesh; no network trained for it is needed."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from ..data import FloatArray
from ..errors import InputError
from .align import crop_size
from .detect import Roi
from .finder import FaceFinder

_MIDDLE = (0.5, 0.5)
"""Centre of the square that is measured, as fractions of the crop's sides."""
_SIDE = 1.4
"""Side of that square, in widths of the crop."""


def measure_openings(
    finder: FaceFinder, frames: Sequence[npt.ArrayLike], matrices: FloatArray, resolution: int
) -> npt.NDArray[np.float64]:
    """Measure the distance of the inner lips over the height of the face, (N,); NaN where no face is seen.

    A shut mouth is near 0, a wide open one near 0.2; faces differ in both, so compare within one person.
    frames: (H, W, 3) each, uint8 or float in 0..1. matrices: (N, 2, 3), from frames to crops made for `resolution`,
    as `smooth_matrices` returns them. Raises InputError for another shape.
    """
    if matrices.shape != (len(frames), 2, 3):
        raise InputError(f"{len(frames)} frames take matrices ({len(frames)}, 2, 3), got {matrices.shape}.")
    known = np.flatnonzero(~np.isnan(matrices[:, 0, 0])).tolist()
    rois = [_roi_of(matrices[k], resolution) for k in known]
    openings = np.full(len(frames), np.nan)
    for k, face in zip(known, finder.measure([frames[k] for k in known], rois), strict=True):
        openings[k] = math.nan if face is None else face.opening
    return openings


def _roi_of(matrix: FloatArray, resolution: int) -> Roi:
    size = crop_size(resolution)
    scale, angle = math.hypot(*matrix[:, 0]), math.atan2(matrix[1, 0], matrix[0, 0])
    x, y = np.linalg.solve(matrix[:, :2], np.multiply(_MIDDLE, size) - matrix[:, 2])
    return Roi(float(x), float(y), _SIDE * size[0] / scale, -angle)
