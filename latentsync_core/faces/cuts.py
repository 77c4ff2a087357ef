"""Find the frames where a new scene starts, from thumbnails."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ..data import FloatArray, Frame
from ..planar import PlanarFrame
from .frame import shrink, white

_SIDE = 24

_MIN_CHANGE = 0.012
"""Mean change of brightness, 0..1. Real talking heads reach 0.03, so a second limit is needed."""
_MIN_RATIO = 4.0
"""Change over the median change of the frames around: below it but for 1 frame in 700 of real talking heads. Of jump
cuts within such a clip, 9 in 10 exceed both limits."""
_AROUND = 3
"""Frames on either side that a change is compared with."""


def make_thumbnail(frame: Frame) -> npt.NDArray[np.uint8]:
    """Return the brightness of a frame in 24 x 24 cells, 0..255."""
    if not isinstance(frame, PlanarFrame):
        # A cell is the mean of a few samples: all pixels of an array cost 10 times more.
        step = max(1, min(frame.shape[:2]) // (4 * _SIDE))
        frame = np.ascontiguousarray(frame[::step, ::step])
    small = shrink(frame, _SIDE, _SIDE)
    return np.clip(np.nan_to_num(small.mean(-1)) * (255 / white(frame)), 0, 255).astype(np.uint8)


def find_cuts(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the indices of the frames, of thumbnails (N, 24, 24), that start a new scene.

    Such a frame differs from the one before it much more than neighbouring frames differ, and still does if either of
    the two is left out: a flash of one frame is no cut.
    """
    change, skipping, limit = _measure_changes(thumbnails)
    lasting = np.minimum(change, np.minimum(skipping[:-1], skipping[1:]))
    return np.flatnonzero(lasting > limit).astype(np.int64) + 1


def find_inserts(thumbnails: npt.NDArray[np.uint8]) -> npt.NDArray[np.int64]:
    """Return the indices of single frames, of thumbnails (N, 24, 24), between two that continue one another.

    Such a frame differs from both as the first frame of a scene does from the one before it.
    """
    change, skipping, limit = _measure_changes(thumbnails)
    stands_out = (change[:-1] > limit[:-1]) & (change[1:] > limit[1:])
    return np.flatnonzero(stands_out & (skipping[1:-1] <= np.maximum(limit[:-1], limit[1:]))) + 1


def _measure_changes(thumbnails: npt.NDArray[np.uint8]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the change from each frame to the next, (N - 1,), the change over each frame, and the limits.

    The change over a frame is that from the one before it to the one after, (N,), infinite at both ends. The limits,
    (N - 1,), are those above which a frame differs much more from the next than its neighbours do.
    """
    images = thumbnails.astype(np.float32) / 255
    if len(images) < 2:
        return np.zeros(0), np.full(len(images), np.inf), np.zeros(0)
    change = np.abs(images[1:] - images[:-1]).mean((1, 2))
    skipping = np.pad(np.abs(images[2:] - images[:-2]).mean((1, 2)), 1, constant_values=np.inf)
    padded = np.pad(change, _AROUND, mode="reflect" if len(change) > _AROUND else "edge")
    around = np.stack([padded[i : i + len(change)] for i in range(2 * _AROUND + 1) if i != _AROUND])
    return change, skipping, np.maximum(_MIN_CHANGE, _MIN_RATIO * np.median(around, axis=0))
