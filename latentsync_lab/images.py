"""Small images for READMEs."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from latentsync_core.data import Array
from latentsync_core.errors import MediaError


def telling_moments(new: npt.ArrayLike, old: npt.ArrayLike, count: int) -> list[int]:
    """Return, for each of `count` stretches of a clip, the frame where two true mouths, (N,) each, differ most."""
    stretches = np.array_split(np.abs(np.asarray(new) - np.asarray(old)), count)
    starts = np.cumsum([0, *map(len, stretches[:-1])])
    return [int(start + stretch.argmax()) for start, stretch in zip(starts, stretches, strict=True)]


def read_image(path: Path) -> Array:
    """Read a file as RGB, (H, W, 3) uint8; raises MediaError if it is missing or not an image."""
    image = cv2.imread(str(path))
    if image is None:
        raise MediaError(f"{path} cannot be read as an image.")
    return image[..., ::-1]


def save_jpeg(path: Path, image: Array, most_bytes: int) -> None:
    """Write an RGB image (H, W, 3) uint8 as the best JPEG of at most `most_bytes`."""
    for quality in range(90, 30, -5):
        data = cv2.imencode(".jpg", image[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
        if len(data) <= most_bytes:
            break
    path.write_bytes(np.asarray(data).tobytes())


def write_label(image: Array, text: str, place: tuple[int, int]) -> Array:
    """Write a word in white with a black edge into an image (H, W, 3) uint8, from (x, y) on; return the image."""
    x, y = place
    # Not black and thick first: OpenCV 5 sets bold letters wider, so that they stand out at the end.
    edges = [(x + dx, y + dy, 0) for dx in (-1, 0, 1) for dy in (-1, 0, 1)]
    for left, base, level in (*edges, (x, y, 255)):
        font = cv2.FONT_HERSHEY_SIMPLEX
        cv2.putText(image, text, (left, base), font, 0.5, (level, level, level), 1, cv2.LINE_AA)
    return image
