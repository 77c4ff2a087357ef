"""Draw what a survey found, to choose the speaker by."""

from __future__ import annotations

from collections.abc import Collection

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array
from .align import crop_size, fit_similarity
from .frame import check_frame, white
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

_INK: Color = (16, 16, 16)
"""Dark, but not black: black pixels of the layer count as not drawn."""
_EDGE: Color = (255, 255, 255)
_FONT = cv2.FONT_HERSHEY_SIMPLEX

_CAPITALS = 22
"""Height of the font's digits in pixels, at scale 1."""
_LABEL = 0.09
"""Height of a number as a fraction of the image's shorter side, so that it can be read in a small preview."""
_RESOLUTION = 256


def draw_faces(
    frame: npt.ArrayLike,
    survey: Survey,
    index: int,
    chosen: Collection[int] = (),
    pixel_aspect: float = 1.0,
) -> Array:
    """Return a copy of frame `index` (H, W, 3) with each person's box, number (from 1), points and crop.

    The crop is the tilted rectangle that the model will see. chosen: the numbers of those who are to speak, drawn
    with a bolder box with a white edge and labelled "speaks". pixel_aspect: of the clip. uint8 stays uint8,
    float stays float.
    """
    image = np.array(check_frame(frame))
    layer: Array = np.zeros(image.shape, np.uint8)  # OpenCV 5 writes text on uint8 only
    width = max(1, round(max(image.shape[:2]) / 500))
    seen = [number for number, track in enumerate(survey.tracks, 1) if track.found[index]]
    for number in seen:
        box, color = survey.boxes[number - 1, index], _COLORS[(number - 1) % len(_COLORS)]
        if number in chosen:
            _draw_box(layer, box, _EDGE, 5 * width)
        _draw_box(layer, box, color, 3 * width if number in chosen else width)
        _draw_crop(layer, survey.tracks[number - 1].points[index], color, width, pixel_aspect)
    for number in seen:  # after all lines, which would cross them
        label = f"{number} speaks" if number in chosen else str(number)
        _draw_label(
            layer, survey.boxes[number - 1, index], label, _COLORS[(number - 1) % len(_COLORS)], width
        )
    inked = layer.any(-1)
    image[inked] = layer[inked] * (white(image) / 255)
    return image


def _draw_box(image: Array, box: npt.NDArray[np.float64], color: Color, width: int) -> None:
    x0, y0, x1, y1 = box.round().astype(int).tolist()
    cv2.rectangle(image, (x0, y0), (x1, y1), color, width)


def _draw_label(image: Array, box: npt.NDArray[np.float64], label: str, color: Color, width: int) -> None:
    """Draw dark text on a plate of the person's colour, above the box or, where there is no room, in it."""
    height = _LABEL * min(image.shape[:2])
    scale, weight = height / _CAPITALS, max(1, round(height / 9))
    across = cv2.getTextSize(label, _FONT, scale, weight)[0][0]
    margin = round(height / 3)
    plate_w, plate_h = across + 2 * margin, round(height) + 2 * margin
    x = int(np.clip(box[0] - width, 0, max(0, image.shape[1] - plate_w)))
    y = max(0, round(float(box[1])) - plate_h)
    cv2.rectangle(image, (x, y), (x + plate_w, y + plate_h), color, -1)
    cv2.putText(image, label, (x + margin, y + plate_h - margin), _FONT, scale, _INK, weight, cv2.LINE_AA)


def _draw_crop(
    image: Array, points: npt.NDArray[np.float64], color: Color, width: int, aspect: float
) -> None:
    matrix = fit_similarity(points[None] * [aspect, 1], _RESOLUTION)[0]
    x, y = crop_size(_RESOLUTION)
    corners = np.array([[0, 0], [x, 0], [x, y], [0, y]]) - matrix[:, 2]
    outline = (np.linalg.solve(matrix[:, :2], corners.T).T / [aspect, 1]).round().astype(np.int32)
    cv2.polylines(image, [outline], True, color, width)
    for px, py in points.round().astype(int).tolist():
        cv2.circle(image, (px, py), 2 * width, color, -1)
