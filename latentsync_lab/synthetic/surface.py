"""The shape of the head as a height field, and the light that falls on it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .hairstyles import HAIR_STYLES
from .identity import Identity
from .paint import Field, Grid, bell, blur, cover, pair, smooth, spot

BASE_ROUNDNESS = 2.2


def face_outline(identity: Identity, at: Grid) -> Field:
    """Return the signed distance to the face's outline without hair and ears, positive inside, in head units."""
    vertical = np.where(at.y < 0, np.abs(at.y) ** 2.6, np.abs(at.y / identity.chin) ** identity.jaw)
    return _distance(1 - np.abs(at.x / identity.face_width) ** BASE_ROUNDNESS - vertical, at.pixel)


def _distance(implicit: Field, pixel: float) -> Field:
    """Approximate the distance to the zero line of an implicit function by its value over its slope."""
    rows, columns = np.gradient(implicit.astype(np.float32), np.float32(pixel))
    return np.asarray(implicit / np.maximum(np.hypot(rows, columns), 0.5), np.float32)


def ellipse_distance(at: Grid, half_width: float, top: float, bottom: float, roundness: float = 2.3) -> Field:
    """Return the signed distance to an egg from y = -`top` to `bottom`, positive inside."""
    vertical = np.abs(at.y / np.where(at.y < 0, np.float32(top), np.float32(bottom)))
    return _distance(1 - np.abs(at.x / half_width) ** roundness - vertical**roundness, at.pixel)


def ear_masks(identity: Identity, at: Grid) -> tuple[Field, Field]:
    """Return the alpha of the ears and of their hollows."""
    x = np.abs(at.x)
    outer = np.hypot((x - identity.face_width * 0.985) / 0.115, (at.y - 0.05 - 0.15 * (x - 0.7)) / 0.205)
    inner = np.hypot((x - identity.face_width * 1.03) / 0.05, (at.y - 0.02) / 0.12)
    return smooth(1.06, 0.96, outer), smooth(1.3, 0.4, inner)


def height(identity: Identity, at: Grid) -> Field:
    """Return z of the head's front, 0 at its rim and about 0.8 at the middle of the face."""
    x, y, i = np.abs(at.x), at.y, identity
    dome = (
        1
        - (x / (i.face_width * 1.19 + HAIR_STYLES[i.hair_style].wide)) ** BASE_ROUNDNESS
        - np.abs((y + 0.02) / 1.15) ** 2.4
    )
    z = 0.78 * np.sqrt(np.clip(dome, 0, 1))
    z += _nose_height(i, at) + _chin_height(i, at)
    z += 0.035 * pair(at, (i.eye_x, i.eye_y - i.brow_lift + 0.02), (0.20, 0.07))
    z -= 0.055 * pair(at, (i.eye_x - 0.01, i.eye_y), (0.17, 0.11))
    z += 0.035 * pair(at, (i.eye_x, i.eye_y), (0.11, 0.08))
    z += 0.05 * pair(at, (0.37, 0.20), (0.20, 0.17))
    return blur(np.asarray(z, np.float32), 0.011, at.pixel)


def _nose_height(i: Identity, at: Grid) -> Field:
    y, tip = at.y, i.nose_y
    width = 0.088 + 0.020 * smooth(i.eye_y, tip, y)
    ridge = np.exp(-((at.x / width) ** 2)) * smooth(i.eye_y - 0.16, tip - 0.02, y) ** 0.9
    ridge = ridge * (1 - smooth(tip + 0.01, tip + 0.10, y)) * (0.5 + 0.5 * smooth(i.eye_y - 0.05, tip, y))
    ball = 0.075 * spot(at, (0, tip), (0.085, 0.075))
    wings = 0.055 * pair(at, (i.nose_width * 0.72, tip + 0.035), (0.055, 0.05))
    return np.asarray(i.nose_height * ridge + ball + wings, np.float32)


def _chin_height(i: Identity, at: Grid) -> Field:
    muzzle = 0.05 * spot(at, (0, i.mouth_y), (0.30, 0.19))
    chin = 0.05 * spot(at, (0, i.chin - 0.11), (0.17, 0.10))
    sulcus = -0.025 * spot(at, (0, i.mouth_y + 0.165), (0.18, 0.04))
    groove = -0.012 * bell(at.x, 0.028) * bell(at.y - (i.nose_y + i.mouth_y) / 2 - 0.03, 0.07)
    return np.asarray(muzzle + chin + sulcus + groove, np.float32)


@dataclass(frozen=True, eq=False)
class Lighting:
    """Light on every texel of the head."""

    shade: Field
    """Shape (h, w, 3): what the surface's colour is multiplied by, about 0.3..1.1."""
    gloss: Field
    """Shape (h, w): white to be added on oily skin."""
    rim: Field
    """Shape (h, w): fraction of the light from behind."""


def lighting(identity: Identity, z: Field, pixel: float) -> Lighting:
    """Light the head: key light with soft, reddish edges as on skin, sky light, rim light, hollows in shadow."""
    rows, columns = np.gradient(z, np.float32(pixel))
    length = np.sqrt(columns**2 + rows**2 + 1)
    normal = np.stack([-columns, -rows, np.ones_like(z)], -1) / length[..., None]
    key = np.array([*identity.light, 1.0], np.float32)
    key /= np.linalg.norm(key)
    towards = normal @ key
    wrap = np.array([0.42, 0.28, 0.22], np.float32)
    diffuse = np.clip((towards[..., None] + wrap) / (1 + wrap), 0, 1)
    colour = 1 + np.float32(0.05 * identity.warmth) * np.array([1, 0.15, -1], np.float32)
    sky = 0.35 + 0.07 * -normal[..., 1]
    hollow = np.clip(blur(z, 0.07, pixel) - z, -0.03, 0.06)
    shade = (0.70 * diffuse * colour + sky[..., None]) * (1 - 2.4 * np.clip(hollow, 0, 1))[..., None]
    half = key + np.array([0, 0, 1], np.float32)
    gloss = np.clip(normal @ (half / np.linalg.norm(half)), 0, 1) ** 28
    edge = (1 - normal[..., 2]) ** 2 * cover(normal[..., 0] * -np.sign(identity.light[0]), 0.8)
    return Lighting(shade.astype(np.float32), gloss.astype(np.float32), edge.astype(np.float32))
