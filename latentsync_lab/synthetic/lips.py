"""The mouth, painted anew for every frame: lips, teeth, tongue and the dark between."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .identity import Identity
from .mouth import MouthShape
from .paint import Field, Grid, bell, cover, lay, smooth, tint
from .skin import shadow_colour
from .surface import Lighting

GAP = 0.19
"""Distance between the lips of a fully open mouth, in head units, before the jaw drops as well."""
INNER = 0.92
"""Fraction of the mouth's half width at which the inner lips meet."""
TOOTH_EDGES = (0.0, 0.047, 0.087, 0.127, 0.163)
"""x of the gaps between the upper teeth."""
CAVITY, TONGUE, TEETH = (0.16, 0.035, 0.04), (0.56, 0.22, 0.22), (0.86, 0.83, 0.77)


@dataclass(frozen=True, eq=False)
class LipLines:
    """Four lines across the mouth: y below the middle of the mouth at rest, in head units."""

    outer_top: Field
    inner_top: Field
    inner_bottom: Field
    outer_bottom: Field


def half_width(identity: Identity, mouth: MouthShape) -> float:
    """Return half the distance between the corners of the mouth, in head units."""
    return identity.mouth_width * (1 + 0.15 * mouth.spread - 0.34 * mouth.roundness)


def lip_lines(identity: Identity, mouth: MouthShape, along: Field) -> LipLines:
    """Return the lines of the lips at `along`, -1 (left corner) .. 1 (right corner)."""
    i, opening, spread, pucker = identity, mouth.openness, mouth.spread, mouth.roundness
    arch = np.clip(1 - along**2, 0, 1)
    inner = np.clip(1 - (along / np.float32(INNER)) ** 2, 0, 1) ** np.float32(0.72 - 0.22 * pucker)
    gap = np.float32(opening * (GAP + 0.02 * pucker)) * inner
    corners = 0.004 + i.smile + 0.022 * spread - 0.01 * opening
    rest = 0.010 * bell(along, 0.22) * np.float32(1 - opening) - np.float32(corners) * along**2
    bow = arch**0.8 * (1 - 0.24 * bell(along, 0.15))
    upper = i.lip_upper * (1 - 0.16 * opening + 0.22 * pucker - 0.18 * spread)
    lower = i.lip_lower * (1 - 0.12 * opening + 0.22 * pucker - 0.15 * spread)
    top, bottom = rest - 0.24 * gap, rest + 0.76 * gap
    return LipLines(top - np.float32(upper) * bow, top, bottom, bottom + np.float32(lower) * arch**0.62)


@dataclass(frozen=True, eq=False)
class Lips:
    """What of the mouth does not change from frame to frame."""

    identity: Identity
    patch: tuple[slice, slice]
    at: Grid
    """Texels around the mouth, x and y from its middle."""
    shade: Field
    gloss: Field

    @classmethod
    def build(cls, identity: Identity, at: Grid, light: Lighting) -> Lips:
        """Cut out the surroundings of the mouth."""
        patch = at.patch((0, identity.mouth_y + 0.06), (0.36, 0.26))
        around = at.crop(patch)
        local = Grid(around.x, around.y - np.float32(identity.mouth_y), at.pixel)
        return cls(identity, patch, local, light.shade[patch], light.gloss[patch])

    def paint(self, texture: Field, mouth: MouthShape) -> None:
        """Paint the mouth into the head's texture."""
        image, y, soft = texture[self.patch][..., :3], self.at.y, 1.2 * self.at.pixel
        along = self.at.x / np.float32(half_width(self.identity, mouth))
        inside = np.abs(along) < 1
        lines = lip_lines(self.identity, mouth, along)
        self._paint_creases(image, lines, along)
        edge = np.clip(1 - along**2, 0, 1)
        lips = cover(y - lines.outer_top, 2.2 * soft) * cover(lines.outer_bottom - y, 2.2 * soft) * inside
        lay(image, self._paint_flesh(lines, along), lips * np.clip(4 * edge, 0, 1) * 0.96)
        gap = lines.inner_bottom - lines.inner_top
        hole = cover(y - lines.inner_top, soft) * cover(lines.inner_bottom - y, soft)
        lay(
            image,
            self._paint_inside(lines, along, mouth),
            hole * np.clip(gap * 70, 0, 1) * (np.abs(along) < INNER),
        )
        closed = np.clip(1 - gap * 35, 0, 1) * np.clip(4 * edge, 0, 1)
        seam = bell(y - (lines.inner_top + lines.inner_bottom) / 2, 0.0085)
        lay(image, tint(self.identity.lips, (0.36, 0.25, 0.26)), 0.85 * seam * closed)

    def _paint_creases(self, image: Field, lines: LipLines, along: Field) -> None:
        """Paint the soft shadows below the lower lip and in the corners of the mouth."""
        dark, arch = shadow_colour(self.identity), np.clip(1 - along**2, 0, 1)
        lay(image, dark, 0.40 * bell(self.at.y - lines.outer_bottom - 0.022, 0.028) * arch)
        corner_y = lines.inner_top[:, [int(np.argmin(np.abs(along[0] - 1)))]]
        corner = bell(np.abs(along) - 1.02, 0.10) * bell(self.at.y - corner_y, 0.020)
        lay(image, dark * np.float32(0.8), 0.55 * corner)

    def _paint_flesh(self, lines: LipLines, along: Field) -> Field:
        """Paint the lips: the upper one darker, the lower one lit, fine lines in both."""
        y, colour = self.at.y, np.asarray(self.identity.lips, np.float32)
        thick = np.maximum(lines.outer_bottom - lines.inner_bottom, 1e-3)
        below = np.clip((y - lines.inner_bottom) / thick, 0, 1)
        above = np.clip((lines.inner_top - y) / np.maximum(lines.inner_top - lines.outer_top, 1e-3), 0, 1)
        upper_side = y < (lines.inner_top + lines.inner_bottom) / 2
        tone = np.where(upper_side, 0.78 + 0.18 * above, 1.04 - 0.20 * below - 0.10 * bell(below, 0.2))
        tone = tone + 0.025 * np.sin(self.at.x * 230)
        shine = np.where(upper_side, 0, 0.16 * bell(below - 0.42, 0.20) * bell(along, 0.5))
        shine = shine + np.where(upper_side, 0.05 * bell(above - 0.8, 0.2), 0)
        return np.asarray((colour * tone[..., None] + shine[..., None]) * self.shade, np.float32)

    def _paint_inside(self, lines: LipLines, along: Field, mouth: MouthShape) -> Field:
        """Paint cavity, tongue and both rows of teeth, darker towards the lips and the corners."""
        y, soft = self.at.y, 1.2 * self.at.pixel
        image = np.ones((*y.shape, 3), np.float32) * np.asarray(CAVITY, np.float32)
        rise = 0.012 + 0.075 * mouth.tongue
        tongue = smooth(0, 0.035, y - lines.inner_bottom + rise + 0.05 * along**2) * smooth(
            0.95, 0.5, np.abs(along)
        )
        groove = 1 - 0.22 * bell(self.at.x, 0.012)
        lay(image, np.asarray(TONGUE, np.float32) * groove[..., None], np.float32(0.9) * tongue)
        lay(image, *self._paint_teeth(0.026 - y - 0.10 * self.at.x**2, soft, along, mouth.teeth))
        lower_edge = y - lines.inner_bottom + 0.024 + 0.05 * along**2
        colour, amount = self._paint_teeth(lower_edge, soft, along, 0.8 * mouth.teeth * mouth.spread)
        lay(image, colour * np.float32(0.85), amount)
        image *= (0.50 + 0.50 * smooth(-0.005, 0.040, y - lines.inner_top))[..., None]
        image *= (1 - 0.55 * smooth(0.45, 0.95, np.abs(along)))[..., None]
        return image * np.clip(self.shade.mean() * 1.05, 0, 1)

    def _paint_teeth(self, edge: Field, soft: float, along: Field, visible: float) -> tuple[Field, Field]:
        """Return colour and alpha of the row of teeth that fills the side where `edge` is positive."""
        x = np.abs(self.at.x)
        gaps = np.maximum.reduce([bell(x - gap, 0.0055) for gap in TOOTH_EDGES])
        colour = np.asarray(TEETH, np.float32) * (1 - 0.16 * gaps)[..., None]
        amount = cover(edge + 0.004 * gaps * -1, 1.5 * soft) * smooth(0.92, 0.72, np.abs(along))
        return colour, np.float32(visible) * amount


def mouth_corners(identity: Identity, mouth: MouthShape) -> Field:
    """Return the outline of the lips, (n, 2), in head units before the jaw drops."""
    along = np.linspace(-1, 1, 17, dtype=np.float32)
    lines, x = lip_lines(identity, mouth, along), along * np.float32(half_width(identity, mouth))
    y = np.concatenate([lines.outer_top, lines.outer_bottom]) + np.float32(identity.mouth_y)
    return np.stack([np.concatenate([x, x]), y], -1)
