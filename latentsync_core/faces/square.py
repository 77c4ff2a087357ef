"""Clips whose pixels are not square: faces are found, and crops are made, as the clip is shown.

HDV, DV and many broadcasts store narrower frames than they show. Points and boxes stay in pixels of the stored frame.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array, Clip, FaceTrack, FloatArray, pixel_aspect_of
from .align import smooth_matrices
from .frame import check_frame


def square_pixels(clip: Clip) -> Clip:
    """Return a view of the clip as wide as it is shown; the clip itself if its pixels are square."""
    aspect = pixel_aspect_of(clip)
    return clip if aspect == 1 else _Square(clip, max(1, round(clip.width * aspect)))


def make_square(clip: Clip, track: FaceTrack) -> tuple[Clip, FaceTrack]:
    """Return `square_pixels` of a clip, and the track of its faces in them."""
    seen = square_pixels(clip)
    if seen is clip:
        return clip, track
    size = seen.height, seen.width
    return seen, replace(track, points=stretch(track.points, (clip.height, clip.width), size), size=size)


def stretch(places: FloatArray, size: tuple[int, int], to: tuple[int, int]) -> npt.NDArray[np.float64]:
    """Scale places (..., 2), x and y in pixels, from frames of `size` (height, width) to frames of size `to`."""
    scale = np.array([to[1] / size[1], to[0] / size[0]])
    return np.asarray((places + 0.5) * scale - 0.5)  # pixel centres stay pixel centres


def align_track(clip: Clip, track: FaceTrack, resolution: int) -> npt.NDArray[np.float64]:
    """Fit the transforms (N, 2, 3) from the frames of a clip to crops of its track, whatever the shape of its pixels.

    See `smooth_matrices`. Where pixels are not square, neither is the transform a similarity: the crop is.
    """
    aspect = pixel_aspect_of(clip)
    shift = np.array([(aspect - 1) / 2, 0])  # pixel centres stay pixel centres
    matrices = smooth_matrices(track.points * [aspect, 1] + shift, clip.times, resolution, track.cuts)
    matrices[:, :, 2] += matrices[:, :, :2] @ shift
    matrices[:, :, 0] *= aspect
    return matrices


class _Square:
    """The frames of a clip, `width` pixels wide."""

    def __init__(self, clip: Clip, width: int) -> None:
        self._clip, self.width, self.height = clip, width, clip.height
        self.fps, self.times, self.duration = clip.fps, clip.times, clip.duration

    def read(self, indices: Iterable[int]) -> Iterator[Array]:
        how = cv2.INTER_LINEAR if self.width > self._clip.width else cv2.INTER_AREA
        for frame in self._clip.read(indices):
            yield cv2.resize(np.asarray(check_frame(frame)), (self.width, self.height), interpolation=how)
