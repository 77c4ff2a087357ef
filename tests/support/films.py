"""A film of two still faces side by side, with the survey of them, for dubs."""

from fractions import Fraction

import numpy as np

from latentsync_core import FaceTrack, TensorClip
from latentsync_core.faces import Survey
from support.runs import POINTS

SHIFT = 260.0
"""Pixels from the face of person 1 to that of person 2."""
SIZE = 200, 480
"""(height, width) of the film."""


def film_of(count, fps=25):
    """Frames of noise, each another; faces are where `survey_of` has them."""
    frames = np.random.default_rng(5).integers(0, 256, (count, *SIZE, 3), np.uint8)
    return TensorClip(frames, Fraction(fps))


def survey_of(count, missing=()):
    """Two persons who stand still; missing: frames in which person 2 is not seen."""
    points = np.stack([np.repeat(POINTS[None], count, 0) + [shift, 0] for shift in (0.0, SHIFT)])
    points[1, list(missing)] = np.nan
    middle = POINTS.mean(0)
    boxes = np.stack(
        [np.concatenate([middle - 40, middle + 60]) + [shift, 0, shift, 0] for shift in (0.0, SHIFT)]
    )
    boxes = np.repeat(boxes[:, None], count, 1)
    boxes[1, list(missing)] = np.nan
    tracks = tuple(FaceTrack.from_points(person, SIZE) for person in points)
    return Survey(tracks, boxes, np.array([], np.int64), SIZE)
