"""The eyes, painted anew for every frame: lids, gaze and blink."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .identity import Identity
from .paint import Field, Grid, bell, cover, lay, smooth, spot, tint
from .skin import shadow_colour
from .surface import Lighting

IRIS_RADIUS = 0.064
EYE_WHITE = (0.88, 0.86, 0.85)


@dataclass(frozen=True, eq=False)
class Eye:
    """What of one eye does not change from frame to frame."""

    identity: Identity
    patch: tuple[slice, slice]
    at: Grid
    """Texels around the eye, x and y from its centre, x growing towards the ear on either side."""
    side: int
    """-1 for the eye on the left of the image, 1 for that on the right."""
    upper: Field
    """y of the open upper lid."""
    lower: Field
    """y of the lower lid."""
    opening: Field
    """0 at the corners, 1 in the middle."""
    shade: Field
    """Light on the texels, (h, w, 3)."""

    @classmethod
    def build(cls, identity: Identity, side: int, at: Grid, light: Lighting) -> Eye:
        """Cut out the surroundings of the eye on `side` and place its lids."""
        patch = at.patch((side * identity.eye_x, identity.eye_y), (0.23, 0.15))
        around = at.crop(patch)
        local = Grid(side * around.x - identity.eye_x, around.y - identity.eye_y, at.pixel)
        along = local.x / np.float32(identity.eye_width)
        opening = np.clip(1 - along * along, 0, 1)
        slant = -identity.eye_tilt * along
        upper = slant - identity.eye_height * np.clip(1 - np.abs(along + 0.08) ** 2.3, 0, 1) ** 0.85
        lower = slant + 0.52 * identity.eye_height * np.clip(1 - np.abs(along - 0.08) ** 2.2, 0, 1)
        return cls(identity, patch, local, side, upper, lower + 0.003, opening, light.shade[patch])

    def paint(self, texture: Field, blink: float, gaze: tuple[float, float]) -> None:
        """Paint the eye into the head's texture; blink 0 open .. 1 shut, gaze (x, y) -1..1."""
        image, y, soft = texture[self.patch][..., :3], self.at.y, 1.2 * self.at.pixel
        upper = self.upper + (self.lower - self.upper) * np.float32(0.96 * blink)
        inside = self.opening > 0
        skin = np.asarray(self.identity.skin, np.float32)
        if blink > 0.02:
            lid = cover(y - self.upper, soft) * cover(self.lower - y, soft) * inside
            lay(image, skin * np.float32(0.88) * self.shade, lid)
        eye = cover(y - upper, soft) * cover(self.lower - y, soft) * inside
        lay(image, self._paint_ball(upper, gaze), eye)
        self._paint_lids(image, upper, blink)

    def _paint_ball(self, upper: Field, gaze: tuple[float, float]) -> Field:
        """Paint white, iris, pupil, the lid's shadow and the reflection of the light."""
        i, at, soft = self.identity, self.at, 1.2 * self.at.pixel
        x, y = at.x - np.float32(self.side * gaze[0] * 0.045), at.y - np.float32(gaze[1] * 0.028 - 0.010)
        radius = np.hypot(x, y)
        ball = np.ones((*at.x.shape, 3), np.float32) * np.asarray(EYE_WHITE, np.float32)
        ball *= (1 - 0.22 * np.abs(at.x / np.float32(i.eye_width)) ** 2)[..., None]
        lay(ball, (0.72, 0.45, 0.42), 0.6 * spot(at, (-i.eye_width * 0.95, 0.01), (0.028, 0.028)))
        iris = np.asarray(i.iris, np.float32) * (0.55 + 0.65 * smooth(0.02, IRIS_RADIUS, radius))[..., None]
        iris *= (1 + 0.30 * smooth(-0.02, 0.05, y))[..., None]
        lay(ball, iris, cover(IRIS_RADIUS - radius, soft * 1.3))
        lay(ball, np.asarray(i.iris, np.float32) * np.float32(0.22), 0.7 * bell(radius - IRIS_RADIUS, 0.009))
        lay(ball, (0.02, 0.02, 0.025), cover(0.028 - radius, soft))
        ball *= (1 - 0.50 * bell(np.maximum(at.y - upper, 0), 0.032))[..., None]
        ball *= np.clip(self.shade * np.float32(0.95), 0, 1.05)
        glint = spot(at, self._place_glint(gaze), (0.013, 0.013))
        lay(ball, (1, 1, 1), 0.9 * np.clip(1.4 * glint, 0, 1))
        return ball

    def _place_glint(self, gaze: tuple[float, float]) -> tuple[float, float]:
        towards_light = 0.022 * float(np.sign(self.identity.light[0]))
        return self.side * (gaze[0] * 0.045 + towards_light), gaze[1] * 0.028 - 0.036

    def _paint_lids(self, image: Field, upper: Field, blink: float) -> None:
        i, y, dark = self.identity, self.at.y, shadow_colour(self.identity)
        near = np.clip(self.opening * 5, 0, 1)
        outer = smooth(-0.9, 0.6, self.at.x / np.float32(i.eye_width))
        lashes = bell(y - upper + 0.004, 0.009) * near * (0.70 + 0.30 * outer)
        lay(image, tint(i.hair, 0.30) + np.float32(0.015), lashes)
        lay(image, dark * np.float32(0.75), 0.40 * bell(y - self.lower - 0.003, 0.008) * near)
        rim = 0.25 * bell(y - self.lower - 0.016, 0.010) * near
        lay(image, tint(i.skin, (1.05, 0.95, 0.92)) * self.shade, rim)
        fold = bell(y - self.upper + 0.038 + 0.012 * (1 - self.opening), 0.010) * np.clip(
            self.opening * 2, 0, 1
        )
        lay(image, dark, np.float32(0.5 * i.crease * (1 - 0.7 * blink)) * fold)


def glasses(identity: Identity, at: Grid) -> Field:
    """Return the alpha (h, w) of the frame of a pair of glasses."""
    half_x, half_y = identity.eye_width * 1.28, 0.135
    x, y = np.abs(at.x) - np.float32(identity.eye_x), at.y - np.float32(identity.eye_y + 0.02)
    oval = (np.abs(x / half_x) ** 3.2 + np.abs(y / half_y) ** 3.2) ** np.float32(1 / 3.2)
    rims = cover(0.013 - np.abs(oval - 1) * np.float32(half_y), 0.012)
    between = np.abs(at.x) < identity.eye_x - half_x
    bridge = cover(0.011 - np.abs(y + 0.045 - 0.4 * at.x**2), 0.012) * between
    beside = (x > half_x) * (np.abs(at.x) < identity.face_width * 0.98)
    temples = cover(0.012 - np.abs(y + 0.05), 0.012) * beside
    return np.asarray(np.maximum.reduce([rims, bridge, temples]), np.float32)
