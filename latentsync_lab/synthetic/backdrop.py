"""What stands behind the speaker, and what a cutaway shows: soft, out-of-focus images."""

from __future__ import annotations

import colorsys
from collections.abc import Callable

import cv2
import numpy as np

from .identity import Identity
from .paint import Field, bell, cover, lay, smooth

DETAIL = 192
"""Pixels of the longer side in which a backdrop is painted before it is enlarged: it is out of focus."""


def paint_backdrop(identity: Identity, height: int, width: int) -> Field:
    """Paint the place behind an identity, (height, width, 3) in 0..1."""
    shrink = DETAIL / max(height, width)
    rows, columns = max(8, round(height * shrink)), max(8, round(width * shrink))
    x, y = _make_axes(rows, columns)
    image = PAINTERS[identity.backdrop](identity, x, y)
    image *= (1.04 - 0.14 * np.clip(x**2 + y**2, 0, 2) ** 0.8)[..., None]
    enlarged = cv2.resize(image, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(enlarged, 0, 1)


def _make_axes(rows: int, columns: int) -> tuple[Field, Field]:
    """Return x and y of every pixel; the shorter half side is 1 and the middle is 0."""
    unit = 2 / min(rows, columns)
    x = (np.arange(columns, dtype=np.float32) + 0.5 - columns / 2) * unit
    y = (np.arange(rows, dtype=np.float32) + 0.5 - rows / 2) * unit
    across, down = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    return across, down


def _blend_colours(identity: Identity, amount: Field) -> Field:
    near, far = (np.asarray(c, np.float32) for c in identity.backdrop_colours)
    return np.asarray(near + (far - near) * amount[..., None], np.float32)


def _paint_studio(identity: Identity, x: Field, y: Field) -> Field:
    side = 0.5 * float(np.sign(identity.light[0]))
    return _blend_colours(identity, smooth(0.1, 1.7, np.hypot(x - side, (y + 0.25) * 0.9)))


def _paint_bokeh(identity: Identity, x: Field, y: Field) -> Field:
    rng = np.random.default_rng([identity.seed, 1])
    image = _blend_colours(identity, smooth(-1.3, 1.0, y + 0.3 * x))
    near = np.asarray(identity.backdrop_colours[0], np.float32)
    for _ in range(16):
        centre, radius = rng.uniform(-1.2, 1.2, 2), rng.uniform(0.07, 0.22)
        glow = near + (np.array([1.0, 0.93, 0.80], np.float32) - near) * np.float32(rng.uniform(0.3, 1))
        disc = cover(radius - np.hypot(x - centre[0], y - 0.8 * centre[1]), 0.05)
        lay(image, glow, np.float32(rng.uniform(0.10, 0.32)) * disc)
    return image


def _paint_room(identity: Identity, x: Field, y: Field) -> Field:
    """Paint a wall with a window on the light's side and a shelf with books on the other."""
    rng = np.random.default_rng([identity.seed, 1])
    side = float(np.sign(identity.light[0])) or 1.0
    image = _blend_colours(identity, smooth(-1.2, 1.6, y - side * 0.5 * x))
    window = cover(0.42 - np.abs(x - side * 0.95), 0.05) * cover(0.75 - np.abs(y + 0.35), 0.05)
    bars = np.maximum(bell(x - side * 0.95, 0.03), bell(y + 0.35, 0.03))
    lay(image, (0.93, 0.94, 0.92), 0.75 * window * (1 - 0.6 * bars))
    for shelf in (-0.45, 0.25):
        for left in np.arange(0.42, 1.5, 0.11):
            tall, hue = rng.uniform(0.26, 0.44), rng.random()
            colour = colorsys.hsv_to_rgb(hue, 0.35, rng.uniform(0.25, 0.7))
            book = cover(0.048 - np.abs(-side * x - left), 0.02) * cover(
                tall / 2 - np.abs(y - shelf + tall / 2), 0.02
            )
            lay(image, colour, 0.6 * book)
        lay(image, (0.22, 0.16, 0.12), 0.6 * bell(y - shelf - 0.03, 0.03) * cover(-side * x - 0.36, 0.02))
    return np.asarray(cv2.GaussianBlur(image, (0, 0), 3.2), np.float32)


PAINTERS: dict[str, Callable[[Identity, Field, Field], Field]] = {
    "studio": _paint_studio,
    "bokeh": _paint_bokeh,
    "room": _paint_room,
}


def paint_landscape(seed: int, height: int, width: int) -> Field:
    """Paint sky, sun and three rows of hills for cutaways, (height, width, 3) in 0..1."""
    rng = np.random.default_rng([seed, 2])
    shrink = min(1.0, 480 / max(height, width))
    x, y = _make_axes(max(8, round(height * shrink)), max(8, round(width * shrink)))
    hue = rng.uniform(0.52, 0.62)
    dusk = np.asarray(colorsys.hsv_to_rgb(rng.uniform(0.04, 0.11), 0.35, 0.95), np.float32)
    sky = np.asarray(colorsys.hsv_to_rgb(hue, 0.45, 0.80), np.float32)
    image = sky + (dusk - sky) * smooth(-1, 0.3, y)[..., None]
    lay(image, (1.0, 0.95, 0.82), cover(0.13 - np.hypot(x - rng.uniform(-0.5, 0.5), y + 0.25), 0.03))
    for depth in range(3):
        waves = sum(
            rng.uniform(0.03, 0.12) * np.sin(rng.uniform(1, 4) * x + rng.uniform(0, 6)) for _ in range(3)
        )
        green = colorsys.hsv_to_rgb(0.30 + 0.08 * (2 - depth), 0.30 + 0.1 * depth, 0.62 - 0.17 * depth)
        lay(image, green, cover(y - 0.12 - 0.28 * depth - waves, 0.02))
    return np.clip(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), 0, 1)
