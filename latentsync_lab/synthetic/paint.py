"""Brushes of the renderer: soft steps and spots on a grid of head units.

Head units: the origin lies between the ears, x to the right and y down in the image, z towards the viewer;
the crown is at y = -1 and the chin near y = 0.95. Colours are RGB in 0..1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

Field = npt.NDArray[np.floating[Any]]
"""An image or one channel of it; float32 wherever it matters."""
Colour = tuple[float, float, float]

EXTENT = 1.4
"""Half the side of the square that a head's texture covers, in head units."""


@dataclass(frozen=True, eq=False)
class Grid:
    """Coordinates of the centres of a texture's pixels, in head units."""

    x: Field
    """Shape (h, w)."""
    y: Field
    """Shape (h, w)."""
    pixel: float
    """Side of a pixel in head units."""

    def patch(self, centre: tuple[float, float], half: tuple[float, float]) -> tuple[slice, slice]:
        """Return rows and columns of the rectangle of half size `half` around `centre`."""
        left, top = float(self.x[0, 0]), float(self.y[0, 0])
        columns = [round((centre[0] + side * half[0] - left) / self.pixel) for side in (-1, 1)]
        rows = [round((centre[1] + side * half[1] - top) / self.pixel) for side in (-1, 1)]
        return slice(max(rows[0], 0), rows[1]), slice(max(columns[0], 0), columns[1])

    def crop(self, patch: tuple[slice, slice]) -> Grid:
        """Return a rectangle of the grid."""
        return Grid(self.x[patch], self.y[patch], self.pixel)


@lru_cache(maxsize=8)
def grid(size: int, half: float = EXTENT, centre_y: float = 0.0) -> Grid:
    """Return a square of `size` x `size` pixels and half side `half` whose middle is (0, `centre_y`)."""
    pixel = 2 * half / size
    axis = ((np.arange(size) + 0.5) * pixel - half).astype(np.float32)
    x, y = np.meshgrid(axis, axis + np.float32(centre_y))
    return Grid(x, y, pixel)


def smooth(start: float, end: float, value: npt.ArrayLike) -> Field:
    """Return 0 before `start`, 1 after `end` (or the reverse if start > end), the cubic 3t^2 - 2t^3 between."""
    t = np.clip((np.asarray(value, np.float32) - np.float32(start)) / np.float32(end - start), 0, 1)
    return np.asarray(t * t * (3 - 2 * t), np.float32)


def bell(value: npt.ArrayLike, width: float) -> Field:
    """Return exp(-(value / width)^2)."""
    scaled = np.asarray(value, np.float32) * np.float32(1 / width)
    return np.asarray(np.exp(-scaled * scaled), np.float32)


def spot(at: Grid, centre: tuple[float, float], size: tuple[float, float]) -> Field:
    """Return a soft elliptic spot, 1 at its centre."""
    x = (at.x - np.float32(centre[0])) * np.float32(1 / size[0])
    y = (at.y - np.float32(centre[1])) * np.float32(1 / size[1])
    return np.asarray(np.exp(-x * x - y * y), np.float32)


def pair(at: Grid, centre: tuple[float, float], size: tuple[float, float]) -> Field:
    """Return a spot and its mirror image on the other side of the face."""
    return spot(at, (-centre[0], centre[1]), size) + spot(at, centre, size)


def cover(distance: Field, width: float) -> Field:
    """Return how much of a pixel lies on the positive side of an edge at signed `distance`, softened over `width`."""
    return np.clip(distance * np.float32(1 / width) + np.float32(0.5), 0, 1)


def lay(image: Field, colour: npt.ArrayLike, amount: Field) -> None:
    """Blend a colour (3,) or an image (h, w, 3) over `image` in place; `amount` (h, w) is its alpha, 0..1."""
    image += (np.asarray(colour, np.float32) - image) * amount[..., None]


def tint(colour: npt.ArrayLike, factor: npt.ArrayLike) -> Field:
    """Multiply a colour by a factor per channel and clip it to 0..1."""
    return np.clip(np.asarray(colour, np.float32) * np.asarray(factor, np.float32), 0, 1)


def blur(field: Field, sigma: float, pixel: float) -> Field:
    """Blur by a Gaussian with sigma in head units."""
    return np.asarray(cv2.GaussianBlur(field, (0, 0), max(sigma / pixel, 0.1)), np.float32)


def noise(rng: np.random.Generator, cells: tuple[int, int], shape: tuple[int, int]) -> Field:
    """Draw a smooth random field of unit variance at its nodes: `cells` (rows, columns) of them over `shape`."""
    nodes = rng.standard_normal(cells, dtype=np.float32)
    return np.asarray(cv2.resize(nodes, shape[::-1], interpolation=cv2.INTER_CUBIC), np.float32)
