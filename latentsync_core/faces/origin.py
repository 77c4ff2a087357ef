"""Check that a face track belongs to a clip, and scale it to that clip's pixels.

A clip may have been scaled, encoded again or graded since its faces were found; the same face is still at the same
points. In another clip, another part of it, or its mirror image, it is not.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Clip, FaceTrack, Frame, Origin
from ..errors import TrackError
from .align import crop_size, fit_similarity
from .crop import warp_crop
from .square import make_square, stretch

SHAPE = 14, 21
"""(height, width) of an imprint."""
_RESOLUTION = 256

_COMPARED = 5
"""Imprints that are compared; the others are for clips in which the face is seldom seen."""
_LEAST_LIKENESS = 0.8
"""Median correlation of imprints. Measured on four clips: 0.96 and more after scaling by 1/3..2, H.264 at crf 40,
noise, sharpening, grey and gamma 0.5..2, 0.82 and more after local equalising and strong blur; 0.77 and less on other
clips. On other parts of one clip it falls as the face moves: 0.85 at a twelfth of the distance of the brows."""
_REMEDY = "Look for the face in this clip (`find_face`), or give no track."

_SAME_ASPECT = 0.01
"""Relative difference that is allowed: sides are rounded to multiples of up to 16 pixels."""
_SAME_RATE = 0.01
"""Relative difference that is allowed: 24 fps stands for 23.976."""


def imprint(frame: Frame, points: npt.NDArray[np.float64]) -> npt.NDArray[np.float32]:
    """Describe the face at three points (3, 2): hair to nose, which speech does not move, grey, mean 0, norm 1.

    Shape `SHAPE`; the product of two of them, summed, is their correlation.
    """
    width, height = crop_size(_RESOLUTION)
    face = warp_crop(frame, fit_similarity(points[None], _RESOLUTION)[0], (width, height))
    small = cv2.resize(face[: height // 2].mean(-1), SHAPE[::-1], interpolation=cv2.INTER_AREA)
    small -= small.mean()
    return small / max(float(np.linalg.norm(small)), 1e-6)


def fit_track(track: FaceTrack, clip: Clip) -> FaceTrack:
    """Return the track in the pixels of a clip.

    Raises TrackError where the clip has another number of frames, aspect ratio or frame rate, or shows something else
    where the face should be.
    """
    if len(track) != len(clip.times):
        raise TrackError(
            f"The face track has {len(track)} frames, but the clip has {len(clip.times)}. {_REMEDY}"
        )
    track = scale_track(track, clip.height, clip.width)
    if track.origin is not None:
        seen, shown = make_square(clip, track)
        _check_origin(shown, track.origin, seen)
    return track


def scale_track(track: FaceTrack, height: int, width: int) -> FaceTrack:
    """Scale the track to frames of another size; raises TrackError where their aspect ratio differs."""
    if track.size is None or track.size == (height, width):
        return track
    y, x = height / track.size[0], width / track.size[1]
    if abs(x / y - 1) > max(_SAME_ASPECT, 1 / min(height, width)):
        raise TrackError(
            f"The face track was made for frames of {track.size[1]} x {track.size[0]} pixels; those of the clip have "
            f"{width} x {height}, which is another shape. {_REMEDY}"
        )
    size = height, width
    return replace(track, points=stretch(track.points, track.size, size), size=size)


def _check_origin(track: FaceTrack, origin: Origin, clip: Clip) -> None:
    if abs(float(clip.fps / origin.fps) - 1) > _SAME_RATE:
        raise TrackError(
            f"The face was found in a clip of {float(origin.fps):.5g} frames a second; this one has "
            f"{float(clip.fps):.5g}. {_REMEDY}"
        )
    if len(origin.frames) and (likeness := _measure_likeness(track, origin, clip)) < _LEAST_LIKENESS:
        raise TrackError(
            f"The clip does not show the chosen face where the face track has it (likeness {likeness:.2f} of 1): it "
            f"is another clip, or another part of it. {_REMEDY}"
        )


def _measure_likeness(track: FaceTrack, origin: Origin, clip: Clip) -> float:
    """Return the median correlation of the face in a few frames with its imprints there."""
    # The median, so that one frame with a hand before the face does not decide.
    chosen = np.unique(np.linspace(0, len(origin.frames) - 1, _COMPARED).round().astype(int))
    numbers = origin.frames[chosen]
    faces = [
        imprint(frame, track.points[i]) for i, frame in zip(numbers, clip.read(numbers.tolist()), strict=True)
    ]
    return float(np.median((np.stack(faces) * origin.faces[chosen]).sum((1, 2))))
