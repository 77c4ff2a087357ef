"""The painted face at rest, without eyes, mouth and hair: tone, shadows, brows, beard, lines of age."""

from __future__ import annotations

import numpy as np

from .identity import Identity
from .paint import Field, Grid, bell, cover, lay, noise, pair, smooth, spot, tint


def shadow_colour(identity: Identity) -> Field:
    """Return the skin's colour in a crease."""
    return tint(identity.skin, (0.60, 0.47, 0.42))


def paint_skin(identity: Identity, at: Grid, rng: np.random.Generator) -> Field:
    """Paint the skin as seen in even light, (h, w, 3)."""
    image = np.ones((*at.x.shape, 3), np.float32) * np.asarray(identity.skin, np.float32)
    image *= 1 + 0.016 * noise(rng, (22, 22), at.x.shape)[..., None]
    image *= 1 + 0.007 * noise(rng, (150, 150), at.x.shape)[..., None]
    _paint_blush(identity, at, image)
    _paint_freckles(identity, at, image, rng)
    _paint_nose(identity, at, image)
    _paint_sockets(identity, at, image)
    _paint_age(identity, at, image)
    return image


def _paint_blush(i: Identity, at: Grid, image: Field) -> None:
    cheeks = pair(at, (0.37, 0.24), (0.17, 0.14)) + 0.6 * spot(at, (0, i.nose_y), (0.10, 0.09))
    chin = 0.35 * spot(at, (0, i.chin - 0.12), (0.16, 0.09))
    lay(image, tint(i.skin, (1.0, 0.78, 0.75)), np.clip(0.42 * (cheeks + chin), 0, 1))
    forehead = spot(at, (0, -0.45), (0.40, 0.20))
    lay(image, tint(i.skin, (1.04, 1.03, 0.99)), 0.4 * forehead)


def _paint_freckles(i: Identity, at: Grid, image: Field, rng: np.random.Generator) -> None:
    specks = smooth(1.1, 1.9, noise(rng, (110, 110), at.x.shape))
    where = pair(at, (0.28, 0.17), (0.22, 0.12)) + spot(at, (0, 0.12), (0.16, 0.14))
    lay(image, tint(i.skin, (0.74, 0.58, 0.46)), np.clip(0.7 * i.freckles * specks * where, 0, 1))


def _paint_nose(i: Identity, at: Grid, image: Field) -> None:
    dark, tip, width = shadow_colour(i), i.nose_y, i.nose_width
    lay(image, dark, np.clip(0.45 * spot(at, (0, tip + 0.105), (0.13, 0.032)), 0, 1))
    nostrils = pair(at, (width * 0.45, tip + 0.068), (0.034, 0.017))
    lay(image, dark * np.float32(0.55), np.clip(0.95 * nostrils, 0, 1))
    x = np.abs(at.x)
    ring = np.abs(np.hypot(x - width * 0.72, at.y - tip - 0.03) - 0.058)
    outside = smooth(-0.02, 0.05, x - width * 0.72 + 0.2 * (at.y - tip))
    lay(image, dark, 0.45 * bell(ring, 0.015) * outside * smooth(tip - 0.05, tip + 0.02, at.y))
    groove = bell(at.x, 0.02) * bell(at.y - (tip + i.mouth_y) / 2 - 0.02, 0.05)
    lay(image, dark, 0.14 * groove)


def _paint_sockets(i: Identity, at: Grid, image: Field) -> None:
    dark = shadow_colour(i)
    lay(image, dark, np.clip(0.20 * pair(at, (i.eye_x - 0.02, i.eye_y - 0.02), (0.17, 0.085)), 0, 1))
    inner = pair(at, (i.eye_x - i.eye_width * 1.02, i.eye_y - 0.015), (0.05, 0.06))
    lay(image, dark, np.clip(0.22 * inner, 0, 1))
    below = pair(at, (i.eye_x - 0.01, i.eye_y + 0.10), (0.13, 0.035))
    lay(image, dark, np.clip((0.10 + 0.22 * i.age) * below, 0, 1))


def _paint_age(i: Identity, at: Grid, image: Field) -> None:
    """Paint the fold from the nose to the corner of the mouth, forehead lines and crow's feet."""
    dark, x, y, tip = shadow_colour(i), np.abs(at.x), at.y, i.nose_y
    fold = i.nose_width * 1.12 + 0.02 + 0.12 * smooth(tip, i.mouth_y + 0.03, y)
    along = smooth(tip, tip + 0.07, y) * (1 - smooth(i.mouth_y - 0.06, i.mouth_y + 0.03, y))
    lay(image, dark, (0.10 + 0.38 * i.age) * bell(x - fold, 0.020) * along)
    lines = sum(bell(y + level + 0.05 * at.x**2, 0.009) for level in (0.42, 0.49, 0.56))
    lay(image, dark, np.clip(0.55 * (i.age - 0.35), 0, 1) * np.asarray(lines) * bell(at.x, 0.36))
    corner = x - i.eye_x - i.eye_width
    rays = sum(bell(y - i.eye_y - slope * corner, 0.008) for slope in (-0.5, 0.05, 0.6))
    lay(image, dark, np.clip(0.7 * (i.age - 0.3), 0, 1) * np.asarray(rays) * bell(corner - 0.06, 0.045))


def paint_brows(i: Identity, at: Grid, image: Field, strands: Field) -> None:
    """Lay both brows over the face; `strands` (h, w) breaks their edge into hairs."""
    along = (np.abs(at.x) - i.eye_x) / (i.eye_width * 1.30)
    middle = i.eye_y - i.brow_lift - i.brow_arch * (1 - (along - 0.25) ** 2) + 0.02 * np.maximum(along, 0)
    half = i.brow_thickness * np.clip(
        0.95 - 0.35 * along - 1.4 * np.clip(np.abs(along) - 0.75, 0, 1), 0.05, 1
    )
    hairs = half * 0.75 - np.abs(at.y - middle) + 0.006 * strands
    amount = cover(hairs, 0.02) * smooth(1.08, 0.80, np.abs(along))
    lay(image, tint(i.hair, 0.75) + np.asarray(i.skin, np.float32) * 0.06, 0.88 * amount)


def paint_beard(i: Identity, at: Grid, image: Field, strands: Field) -> None:
    """Lay stubble (beard near 0) to a full short beard (1) over jaw, chin and upper lip."""
    if i.beard == 0:
        return
    cheek = 0.30 + 0.16 * smooth(0.62, 0.30, np.abs(at.x) / i.face_width)
    jaw = smooth(-0.02, 0.14, at.y - cheek - 0.03 * strands)
    bare_cheek = 1 - np.clip(pair(at, (0.36, 0.36), (0.15, 0.16)), 0, 1)
    lip = spot(at, (0, i.mouth_y - 0.115), (i.mouth_width * 1.15, 0.065))
    soul = 1 - 0.75 * pair(at, (0.115, i.mouth_y + 0.145), (0.07, 0.045))
    below_nose = smooth(i.nose_y + 0.075, i.nose_y + 0.13, at.y)
    amount = np.clip(jaw * bare_cheek * soul + 0.8 * lip, 0, 1) * below_nose
    around_lips = 1 - np.clip(1.3 * spot(at, (0, i.mouth_y + 0.015), (i.mouth_width * 1.1, 0.085)), 0, 1)
    texture = 0.86 + 0.14 * strands
    depth = (0.30 + 0.58 * i.beard) * amount * around_lips * np.clip(texture, 0, 1)
    lay(image, tint(i.hair, 0.8) * 0.85 + np.asarray(i.skin, np.float32) * 0.10, np.clip(depth, 0, 1))
