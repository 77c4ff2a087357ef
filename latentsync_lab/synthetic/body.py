"""Neck, shoulders and clothes, in the speaker's own space: they follow the head only in part."""

from __future__ import annotations

import numpy as np

from .identity import Identity
from .paint import Field, Grid, bell, blur, cover, grid, lay, noise, smooth, tint

HALF, CENTRE_Y = 2.3, 1.9
"""The body's texture covers x within -HALF..HALF and y within HALF of CENTRE_Y; below, its last row goes on."""


def body_grid(texels: int) -> Grid:
    """Return the grid of the body's texture for a head of `texels` texels."""
    return grid(round(texels * 1.3), HALF, CENTRE_Y)


def paint_body(identity: Identity, at: Grid, rng: np.random.Generator) -> Field:
    """Paint neck and clothes with their alpha, (h, w, 4)."""
    x = np.abs(at.x)
    shoulder = 1.10 + 0.16 * np.clip(x - 0.45, 0, None) + 1.4 * np.clip(x - 1.1, 0, None) ** 2
    shoulder += 12 * np.clip(x - 1.7, 0, None) ** 2
    below = cover(at.y - shoulder, 0.03)
    neck = _neck_half_width(identity, at)
    column = cover(neck - x, 0.025) * (at.y > 0.3)
    image = np.ones((*at.x.shape, 3), np.float32) * np.asarray(identity.skin, np.float32)
    image *= _shade_neck(identity, at, neck)
    cloth = below * cover(_distance_to_neckline(identity, at), 0.025)
    alpha = np.maximum.reduce([column, below * (x < 0.75), cloth])
    # Where cloth alone makes the texture opaque there must be no skin in its colour.
    lay(image, _paint_cloth(identity, at, rng), cloth / np.maximum(alpha, 1e-3))
    return np.concatenate([image, alpha[..., None]], -1).astype(np.float32)


def _neck_half_width(identity: Identity, at: Grid) -> Field:
    waist = 0.58 * identity.face_width + 0.04 * smooth(1.0, 0.6, at.y)
    return np.asarray(waist + 0.55 * np.clip(at.y - 0.92, 0, None) ** 1.6, np.float32)


def _distance_to_neckline(identity: Identity, at: Grid) -> Field:
    depth = 0.20 + 0.42 * identity.neckline
    pointed = 2.2 - 0.95 * identity.neckline
    across = np.abs(at.x) / (0.27 + 0.40 * identity.face_width)
    down = np.clip((at.y - 1.02) / depth, 0, None)
    return np.asarray((across**pointed + down**pointed - 1) * 0.25, np.float32)


def _shade_neck(identity: Identity, at: Grid, neck: Field) -> Field:
    """Light the neck as a column, with the shadow of the chin on it."""
    across = np.clip(at.x / np.maximum(neck, 0.3), -1, 1)
    towards = across * identity.light[0] * 0.8 + np.sqrt(1 - 0.92 * across**2)
    wrap = np.array([0.42, 0.30, 0.24], np.float32)
    light = 0.34 + 0.64 * np.clip((towards[..., None] + wrap) / (1.35 + wrap), 0, 1)
    chin = smooth(1.28, 0.92, at.y + 0.12 * np.abs(at.x) - 0.10 * at.x * np.sign(identity.light[0]))
    cords = 0.06 * (bell(np.abs(at.x) - 0.26 + 0.16 * (at.y - 0.9), 0.05)) * smooth(0.9, 1.2, at.y)
    hollow = 0.10 * bell(at.x, 0.10) * bell(at.y - 1.27, 0.07)
    shadow = np.array([0.46, 0.52, 0.54], np.float32) * chin[..., None]
    return np.asarray(light * (1 - shadow) * (1 + cords - hollow)[..., None], np.float32)


def _paint_cloth(identity: Identity, at: Grid, rng: np.random.Generator) -> Field:
    folds = blur(noise(rng, (9, 14), at.x.shape), 0.05, at.pixel)
    weave = noise(rng, (at.x.shape[0] // 2, at.x.shape[1] // 2), at.x.shape)
    side = 0.16 * np.sign(identity.light[0]) * at.x
    light = 0.92 + side - 0.06 * at.x**2 - 0.10 * (at.y - 1.2) + 0.055 * folds + 0.012 * weave
    edge = _distance_to_neckline(identity, at)
    rib = 0.14 * bell(edge - 0.045, 0.008) + 0.22 * smooth(0.02, -0.01, edge)
    seam = 0.05 * bell(np.abs(at.x) - 1.32 + 0.2 * (at.y - 1.2), 0.02)
    return tint(identity.clothes, np.clip(light - rib - seam, 0.35, 1.1)[..., None])
