"""Detect faces with BlazeFace (full range): a square region for each, upright with respect to the face.

The network was made by Google (V. Bazarevsky et al., "BlazeFace", 2019); NOTICE.md in assets/faces names the
file. Pre- and post-processing follow MediaPipe's face_detection_full_range: a letterbox of 192 pixels in
-1..1, one anchor in each cell of 4 pixels, weighted non-maximum suppression at an overlap of 0.3.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np
import numpy.typing as npt
import torch

from ..data import FloatArray, Frame
from .frame import shrink, white
from .graph import Graph

_MIN_SCORE = 0.5
_MAX_OVERLAP = 0.3
_STRIDE = 4

_ROI_SCALE = 1.5
"""Side of the region over the longer side of the box, as FaceMesh was trained."""
_TILE = 0.6
"""Side of a tile over the shorter side of the frame: faces down to about 40 pixels in 1080p are found."""
_MAX_TILES = 6
"""A tile is at least this part of the longer side, so that a narrow strip is not cut into thousands."""
_TILE_DENSITY = 1.3
"""Tiles overlap so much that a face on an edge lies whole in a neighbour."""
CLOSE_UP = 0.4
"""The part that a frame fills in the search for faces as large as itself, or half as large again. With 0.6 some were
missed that are 1.5 times as high as a square frame."""
_POINT_WINDOWS = 0.35, 0.15
"""Sides of the windows around a point, over the shorter side of the frame."""
_BOX_WINDOWS = 2.0, 3.5
"""Sides of the windows around a box, over its longer side."""

Place = tuple[float, float] | tuple[float, float, float, float]
"""Where a face should be: a point (x, y) or a box (x0, y0, x1, y1), in pixels of the frame."""


@dataclass(frozen=True)
class Roi:
    """A square around a face, in pixels of the frame."""

    x: float
    y: float
    side: float
    angle: float
    """Direction of the line from the left eye to the right eye in radians, 0 = along x, positive = towards y."""


def detect(network: Graph, frames: Sequence[Frame], part: float = 1.0) -> list[list[Roi]]:
    """Detect the faces of each frame (any sizes), best first; small ones (under 1/8 of the frame) are missed.

    part: of the network's image, 0..1, that the frame fills; the rest is a border, as `CLOSE_UP` needs it.
    """
    boxed = [_letterbox(frame, network.size, part) for frame in frames]
    images = torch.from_numpy(np.stack([image for image, _, _ in boxed])).permute(0, 3, 1, 2)  # (B, 3, S, S)
    rows, logits = (out.float().cpu().numpy() for out in network(images.to(network.device)))
    return [
        [_roi_of((found - offset) / scale) for found in _decode(row, logit[:, 0], network.size)]
        for row, logit, (_, scale, offset) in zip(rows, logits, boxed, strict=True)
    ]


def detect_small(network: Graph, frame: Frame) -> list[Roi]:
    """Detect small faces in overlapping tiles; one face may be found more than once."""
    height, width = frame.shape[:2]
    side = max(1, int(min(height, width) * _TILE), max(height, width) // _MAX_TILES)
    corners = [(x, y) for y in _place_tiles(height, side) for x in _place_tiles(width, side)]
    return _detect_in(network, frame, [(x, y, side) for x, y in corners])


def detect_at(network: Graph, frame: Frame, place: Place) -> list[Roi]:
    """Detect faces in windows around a place, one face perhaps more than once; a box is a region itself."""
    middle, sides = _see(place, frame)
    windows = []
    for side in sides:
        side = max(1, round(side))
        room = np.maximum(0, np.array(frame.shape[1::-1]) - side)
        x, y = np.clip(np.round(middle - side / 2), 0, room).astype(int).tolist()
        windows.append((x, y, side))
    found = _detect_in(network, frame, windows)

    if len(place) == 4:
        found.append(Roi(float(middle[0]), float(middle[1]), sides[0] / _BOX_WINDOWS[0] * _ROI_SCALE, 0.0))
    return found


def _see(place: Place, frame: Frame) -> tuple[FloatArray, Sequence[float]]:
    """Return the middle of a place and the sides of the windows in which a face there is looked for."""
    if len(place) == 2:
        return np.array(place, float), [min(frame.shape[:2]) * part for part in _POINT_WINDOWS]
    low, high = np.array(place[:2], float), np.array(place[2:], float)
    return (low + high) / 2, [float((high - low).max()) * times for times in _BOX_WINDOWS]


def _detect_in(network: Graph, frame: Frame, windows: Sequence[tuple[int, int, int]]) -> list[Roi]:
    """Detect faces in square windows (x, y, side), which may reach beyond the frame."""
    tiles = [frame[y : y + side, x : x + side] for x, y, side in windows]
    return [
        replace(roi, x=roi.x + x, y=roi.y + y)
        for (x, y, _), rois in zip(windows, detect(network, tiles), strict=True)
        for roi in rois
    ]


def detect_rolled(network: Graph, frame: Frame) -> list[Roi]:
    """Detect faces that are rolled by about 90 or 180 degrees."""
    upright = np.asarray(frame)
    turned = [np.ascontiguousarray(np.rot90(upright, turns)) for turns in (1, 2, 3)]
    found = detect(network, turned)
    return [_turn_back(roi, turns, frame) for turns, rois in enumerate(found, 1) for roi in rois]


def _place_tiles(length: int, side: int) -> list[int]:
    room = max(0, length - side)
    count = math.ceil(length / side * _TILE_DENSITY) if room else 1
    return np.linspace(0, room, count).astype(int).tolist()


def _turn_back(roi: Roi, turns: int, frame: Frame) -> Roi:
    """Undo np.rot90(frame, turns), which turns the image counter-clockwise."""
    height, width = frame.shape[:2]
    x, y = {
        1: (width - 1 - roi.y, roi.x),
        2: (width - 1 - roi.x, height - 1 - roi.y),
        3: (roi.y, height - 1 - roi.x),
    }[turns]
    return Roi(x, y, roi.side, roi.angle + turns * math.pi / 2)


def _letterbox(frame: Frame, size: int, part: float) -> tuple[FloatArray, float, npt.NDArray[np.float64]]:
    """Fit the whole frame into a part of a black square in -1..1; return it, the scale and the (x, y) offset."""
    height, width = frame.shape[:2]
    scale = size * part / max(height, width)
    inner = max(1, round(width * scale)), max(1, round(height * scale))
    if scale < 1:
        small = shrink(frame, *inner)
    else:
        small = cv2.resize(np.asarray(frame), inner, interpolation=cv2.INTER_LINEAR)
    x, y = (size - inner[0]) // 2, (size - inner[1]) // 2
    image = np.full((size, size, 3), -1.0, np.float32)
    image[y : y + inner[1], x : x + inner[0]] = small * np.float32(2 / white(frame)) - 1
    return image, scale, np.array((x, y), float)


def _decode(rows: FloatArray, logits: FloatArray, size: int) -> list[FloatArray]:
    """Decode boxes and eyes as (4, 2) points (top left, bottom right, left eye, right eye) in network pixels."""
    keep = np.flatnonzero(logits > math.log(_MIN_SCORE / (1 - _MIN_SCORE)))
    cells = size // _STRIDE
    anchors = (np.stack([keep % cells, keep // cells], -1)[:, None] + 0.5) * _STRIDE  # (K, 1, 2)
    # Centre, size and six keypoints, of which the first two are the eyes; offsets are from the anchor.
    raw = rows[keep].reshape(len(keep), 8, 2)
    centre, half, eyes = raw[:, :1] + anchors, raw[:, 1:2] / 2, raw[:, 2:4] + anchors
    points = np.concatenate([centre - half, centre + half, eyes], 1).astype(np.float64)
    return _suppress(points, 1 / (1 + np.exp(-logits[keep].astype(np.float64))))


def _suppress(points: FloatArray, scores: FloatArray) -> list[FloatArray]:
    """Average candidates that overlap, weighted by their scores (weighted non-maximum suppression)."""
    # With plain suppression the box of the best candidate alone stays, and which one is best changes from frame to
    # frame: boxes would jitter.
    kept: list[FloatArray] = []
    order = np.argsort(-scores)
    while len(order):
        same = overlap(points[order[0], :2].reshape(4), points[order, :2].reshape(-1, 4)) > _MAX_OVERLAP
        same[0] = True
        group = order[same]
        kept.append(np.average(points[group], axis=0, weights=scores[group]))
        order = order[~same]
    return kept


def overlap(box: FloatArray, boxes: FloatArray) -> FloatArray:
    """Return the intersection over union of one box (4,) with boxes (K, 4), each x0, y0, x1, y1."""
    low, high = np.maximum(box[:2], boxes[:, :2]), np.minimum(box[2:], boxes[:, 2:])
    shared = np.clip(high - low, 0, None).prod(1)
    union = np.prod(box[2:] - box[:2]) + (boxes[:, 2:] - boxes[:, :2]).prod(1) - shared
    return shared / np.maximum(union, 1e-9)


def _roi_of(points: FloatArray) -> Roi:
    low, high, left_eye, right_eye = points
    (x, y), (along_x, along_y) = (low + high) / 2, right_eye - left_eye
    side = max(1.0, float(np.abs(high - low).max()) * _ROI_SCALE)
    return Roi(float(x), float(y), side, math.atan2(along_y, along_x))
