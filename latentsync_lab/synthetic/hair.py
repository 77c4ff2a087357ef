"""Painting of the hair: one way for all styles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .hairstyles import HAIR_STYLES, HairStyle
from .identity import Identity
from .paint import Field, Grid, bell, blur, cover, lay, noise, smooth, tint
from .surface import ellipse_distance


def strand_field(style: HairStyle, identity: Identity, at: Grid, rng: np.random.Generator) -> Field:
    """Return light and dark strands, about -1..1: along the fall of straight hair, in clumps where it curls."""
    x = at.x - 0.35 * identity.hair_part * smooth(0.2, -0.8, at.y)
    wave = 0.035 * style.curl * np.sin(7 * at.y + 5 * np.abs(x))
    origin_x, origin_y = style.comb * (1.3 * np.sign(identity.hair_part)), -1.35 + 0.75 * style.comb
    angle = np.arctan2(x + wave - origin_x, at.y - origin_y) / np.float32(2 * np.pi) + 0.5
    fine = noise(rng, (1, 340), (1, 2048))[0]
    broad = noise(rng, (1, 70), (1, 2048))[0]
    index = np.clip(angle * 2047, 0, 2047).astype(np.intp)
    straight = (0.55 * fine + 0.45 * broad)[index]
    clumps = noise(rng, (70, 70), at.x.shape) * 0.6 + noise(rng, (34, 34), at.x.shape) * 0.6
    curl = np.float32(smooth(0.3, 0.9, style.curl))
    return np.asarray(np.clip(straight * (1 - curl) + clumps * curl, -1.6, 1.6), np.float32)


def hairline(style: HairStyle, identity: Identity, at: Grid, strands: Field) -> Field:
    """Return y of the lower edge of the front hair for every texel."""
    width, part = identity.face_width, identity.hair_part * identity.face_width * 0.6
    side = at.x - np.float32(part)
    across = np.clip(np.abs(side) / np.where(side > 0, width - part, width + part), 0, 1.3)
    middle = style.line + style.sweep * across**1.8
    if style.fringe:
        arc = style.fringe * (1 - 0.35 * (at.x / width) ** 2) + 0.022 * np.sin(
            at.x * 31 + 4 * identity.hair_part
        )
        middle = np.maximum(middle, style.line + arc)
    temple = smooth(0.80, 0.985, np.abs(at.x) / width)
    return np.asarray(middle + (style.sides - middle) * temple + 0.02 * strands, np.float32)


@dataclass(frozen=True, eq=False)
class Hair:
    """Painted hair: its image, and its alpha in front of the face and behind the head."""

    image: Field
    """Shape (h, w, 3)."""
    front: Field
    """Shape (h, w), 0..1."""
    back: Field
    """Shape (h, w), 0..1."""


def paint_hair(identity: Identity, at: Grid, strands: Field) -> Hair:
    """Paint the hair of an identity; `strands` comes from `strand_field`."""
    style = HAIR_STYLES[identity.hair_style]
    half_width, top = identity.face_width + style.wide, 1 + style.lift
    bumps = (0.012 + 0.03 * style.curl**2) * strands
    bottom = 1.15 if style.length else style.sides + 0.45
    crown = ellipse_distance(at, half_width, top, bottom) + bumps
    front = cover(hairline(style, identity, at, strands) - at.y, 0.035) * cover(crown, 0.025)
    front = front * smooth(style.sides + 0.06, style.sides - 0.10, at.y + 0.05 * strands)
    back = cover(crown, 0.025)
    if style.length:
        back = np.maximum(back * (at.y < 0.1), _cover_long_hair(style, half_width, at, strands))
    if style.bun:
        bun = ellipse_distance(Grid(at.x, at.y + 1.12, at.pixel), 0.27, 0.24, 0.24, 2.0) + 0.01 * strands
        back = np.maximum(back, cover(bun, 0.025))
    amount = style.density
    return Hair(
        _paint_strands(identity, style, at, strands, crown), front * amount, back * min(1.0, amount * 1.4)
    )


def _cover_long_hair(style: HairStyle, half_width: float, at: Grid, strands: Field) -> Field:
    wave = 0.03 * style.curl * np.sin(6.5 * at.y)
    width = half_width * (0.985 + 0.10 * smooth(-0.1, 0.7, at.y)) + wave + 0.012 * strands
    end = style.length - 0.10 * (at.x / half_width) ** 2 + 0.04 * strands
    rounded = np.minimum(width - np.abs(at.x), end - at.y)
    return np.asarray(cover(rounded, 0.03) * (at.y > 0), np.float32)


def _paint_strands(i: Identity, style: HairStyle, at: Grid, strands: Field, crown: Field) -> Field:
    curl = np.float32(style.curl)
    ring = bell(crown - 0.20, 0.09) * bell(at.x - 0.35 * np.sign(i.light[0]), 0.42) * (1 - 0.75 * curl)
    shine = np.clip(ring * (0.75 + 0.5 * strands), 0, 1)
    image = np.asarray(i.hair, np.float32) * (0.95 + (0.15 + 0.10 * curl) * strands)[..., None]
    image = image * (1 + 0.5 * shine)[..., None] + 0.07 * shine[..., None]
    parting = bell(at.x - i.hair_part * i.face_width * 0.6 * smooth(-1.1, -0.6, at.y), 0.012)
    if style.sweep > 0.3:
        lay(
            image,
            tint(i.skin, 0.6),
            0.55 * parting * smooth(-0.62, -0.70, at.y) * smooth(-1.02, -0.9, at.y),
        )
    image *= (0.72 + 0.28 * smooth(0.0, 0.12, crown))[..., None]
    return np.asarray(np.clip(image, 0, 1), np.float32)


def hair_shadow(hair: Hair, at: Grid) -> Field:
    """Return how much the front hair darkens the forehead below it, (h, w) in 0..1."""
    moved = np.roll(hair.front, round(0.045 / at.pixel), axis=0)
    return np.asarray(blur(moved, 0.05, at.pixel) * (1 - hair.front), np.float32)
