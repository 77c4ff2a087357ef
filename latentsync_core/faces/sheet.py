"""A few frames of a clip that show everybody, and one image of them."""

from __future__ import annotations

import math

import cv2
import numpy as np

from ..data import Array, Clip, pixel_aspect_of
from .draw import draw_faces
from .frame import white
from .survey import Survey

SHEET_FRAMES = 6
"""Frames of a clip in an image of it, besides those of persons who are in none of them."""
CELL_PIXELS = 768
"""Longer side of a frame in a sheet."""


def pick_frames(found: Survey) -> list[int]:
    """Return frames spread over the clip, and one of each person who is in none of them."""
    frames = found.boxes.shape[1]
    spread = np.linspace(0, frames - 1, SHEET_FRAMES).round().astype(int)
    unseen = [np.flatnonzero(track.found) for track in found.tracks if not track.found[spread].any()]
    middles = [int(seen[len(seen) // 2]) for seen in unseen]
    return sorted({*spread.tolist(), *middles})


def draw_sheet(clip: Clip, found: Survey) -> Array:
    """Draw the faces of a few frames, with the frames' numbers, side by side: (H, W, 3) uint8."""
    shown = pick_frames(found)
    cells = [
        _draw_cell(draw_faces(frame, found, index, pixel_aspect=pixel_aspect_of(clip)), f"frame {index}")
        for index, frame in zip(shown, clip.read(shown), strict=True)
    ]
    columns = math.ceil(math.sqrt(len(cells)))
    cells += [np.zeros_like(cells[0])] * (-len(cells) % columns)
    return np.vstack([np.hstack(cells[i : i + columns]) for i in range(0, len(cells), columns)])


def encode_image(image: Array, suffix: str) -> bytes:
    """Encode an image (H, W, 3) uint8, RGB, in the format of a suffix: .png, .jpg or .jpeg."""
    return bytes(cv2.imencode(suffix, image[..., ::-1])[1])


def _draw_cell(frame: Array, label: str) -> Array:
    cell: Array = np.rint(frame * (255 / white(frame))).astype(np.uint8)
    scale = min(1.0, CELL_PIXELS / max(cell.shape[:2]))
    if scale < 1:
        cell = cv2.resize(cell, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    scale, bottom = max(0.3, min(cell.shape[:2]) / 600), cell.shape[0]
    (width, height), _ = cv2.getTextSize(label, cv2.FONT_HERSHEY_SIMPLEX, scale, 1)
    cv2.rectangle(cell, (0, bottom - 2 * height), (width + height, bottom), (0, 0, 0), -1)
    place = (height // 2, bottom - height // 2)
    cv2.putText(cell, label, place, cv2.FONT_HERSHEY_SIMPLEX, scale, (255, 255, 255), 1, cv2.LINE_AA)
    return cell
