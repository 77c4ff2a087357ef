"""Draws what a survey found, to choose the speaker by."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array
from .align import crop_size, similarity
from .frame import checked, white
from .survey import Survey

Color = tuple[int, int, int]

_COLORS: tuple[Color, ...] = (
    (64, 220, 90),
    (70, 150, 255),
    (255, 170, 40),
    (240, 80, 160),
    (60, 220, 230),
    (235, 235, 60),
)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
_RESOLUTION = 256


def draw_faces(frame: npt.ArrayLike, survey: Survey, index: int) -> Array:
    """Return a copy of frame `index` (H, W, 3) with each person's box, number (from 1), points and crop.

    The crop is the tilted rectangle: what the model will see. uint8 stays uint8, float stays float.
    """
    image = checked(frame).copy()
    layer: Array = np.zeros(image.shape, np.uint8)  # OpenCV 5 writes text on uint8 only
    width = max(1, round(max(image.shape[:2]) / 500))
    for number, track in enumerate(survey.tracks):
        if track.found[index]:
            color = _COLORS[number % len(_COLORS)]
            _draw_box(layer, survey.boxes[number, index], str(number + 1), color, width)
            _draw_crop(layer, track.points[index], color, width)
    inked = layer.any(-1)
    image[inked] = layer[inked] * (white(image) / 255)
    return image


def _draw_box(image: Array, box: npt.NDArray[np.float64], label: str, color: Color, width: int) -> None:
    x0, y0, x1, y1 = box.round().astype(int).tolist()
    cv2.rectangle(image, (x0, y0), (x1, y1), color, width)
    scale = max(0.4, (y1 - y0) / 150)
    place = x0, max(round(25 * scale), y0 - 3 * width)  # above the box, inside the picture
    cv2.putText(image, label, place, _FONT, scale, color, 2 * width)


def _draw_crop(image: Array, points: npt.NDArray[np.float64], color: Color, width: int) -> None:
    matrix = similarity(points[None], _RESOLUTION)[0]
    x, y = crop_size(_RESOLUTION)
    corners = np.array([[0, 0], [x, 0], [x, y], [0, y]]) - matrix[:, 2]
    outline = np.linalg.solve(matrix[:, :2], corners.T).T.round().astype(np.int32)
    cv2.polylines(image, [outline], True, color, width)
    for px, py in points.round().astype(int).tolist():
        cv2.circle(image, (px, py), 2 * width, color, -1)
