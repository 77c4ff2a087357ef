"""A talking head: a painted texture on a height field, turned, lit and drawn into an image."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from latentsync_core.data import FloatArray

from .body import body_grid, paint_body
from .eyes import Eye, glasses
from .hair import hair_shadow, paint_hair, strand_field
from .hairstyles import HAIR_STYLES
from .identity import Identity
from .lips import Lips, mouth_corners
from .mouth import MouthShape
from .paint import EXTENT, Field, blur, grid, lay, noise, smooth, tint
from .skin import paint_beard, paint_brows, paint_skin, shadow_colour
from .surface import Lighting, ear_masks, face_outline, height, lighting
from .warp import Pose, Warp, draw_layer, jaw_drop, project

NO_GAZE = (0.0, 0.0)

NOSE_SINKS = np.array([0.0, 0.0, 0.15])
"""How far below the surface FaceMesh's three points lie: the nose is a mean over its tip and wings."""
BACK_DEPTH = -0.32
"""z of the plane on which the hair behind the head is painted."""


@dataclass(frozen=True)
class Expression:
    """What the face does in one frame."""

    mouth: MouthShape = field(default_factory=MouthShape)
    blink: float = 0.0
    """0 open .. 1 shut."""
    gaze: tuple[float, float] = NO_GAZE
    """Right and down, -1..1."""


class Head:
    """One identity, painted once and drawn in any pose and expression.

    `texels` is the side of the head's texture: 320 suits a head up to 200 pixels high; a head of h pixels
    wants about 1.4 h. Drawing is deterministic: the same arguments give the same bits.
    """

    def __init__(self, identity: Identity, texels: int = 320) -> None:
        rng = np.random.default_rng([identity.seed, 3])
        at = grid(texels)
        self.identity = identity
        self._z = height(identity, at)
        light = lighting(identity, self._z, at.pixel)
        self._warp = Warp(blur(self._z, 0.035, at.pixel))
        self._front, self._back = _paint_head(identity, texels, light, rng)
        self._body = paint_body(identity, body_grid(texels), rng)
        self._eyes = [Eye.build(identity, side, at, light) for side in (-1, 1)]
        self._lips = Lips.build(identity, at, light)
        self._glasses = glasses(identity, at) * np.float32(0.92) if identity.glasses else None

    def draw(self, image: Field, view: FloatArray, pose: Pose, expression: Expression) -> None:
        """Draw the speaker over `image` (H, W, 3), float32 in 0..1, in place.

        view: (2, 3), from pixels (x, y, 1) of the image to head units of the scene.
        """
        drop = jaw_drop(self.identity, expression.mouth)
        draw_layer(image, self._back, *self._warp.plane(image, view, pose, BACK_DEPTH))
        draw_layer(image, self._body, *self._warp.body(image, view, pose))
        draw_layer(image, self._paint_texture(expression), *self._warp.surface(image, view, pose, drop))

    def _paint_texture(self, expression: Expression) -> Field:
        texture = self._front.copy()
        for eye in self._eyes:
            eye.paint(texture, expression.blink, expression.gaze)
        self._lips.paint(texture, expression.mouth)
        if self._glasses is not None:
            lay(texture[..., :3], tint(self.identity.hair, 0.4), self._glasses)
        return texture

    def points(self, pose: Pose) -> npt.NDArray[np.float64]:
        """Return left brow, right brow and nose in head units of the scene, (3, 2), as FaceMesh measures them.

        The coefficients are a least-squares fit to FaceMesh (run twice) on 200 random identities and poses;
        the mesh sees about half of the difference between two faces' proportions.
        """
        i = self.identity
        brow_x = 0.163 + 0.53 * i.eye_x
        brow_y = i.eye_y - 0.0495 - 0.71 * i.brow_lift - 0.45 * i.brow_arch - 0.15 * i.brow_thickness
        nose_y = 0.1146 + 0.56 * i.nose_y + 0.19 * i.eye_y
        return self._project(np.array([[-brow_x, brow_y], [brow_x, brow_y], [0, nose_y]]), pose, NOSE_SINKS)

    def mouth_box(self, pose: Pose, mouth: MouthShape) -> npt.NDArray[np.float64]:
        """Return left, top, right and bottom of the lips, in head units of the scene."""
        outline = self._project(
            jaw_drop(self.identity, mouth).move(mouth_corners(self.identity, mouth)), pose
        )
        return np.concatenate([outline.min(0), outline.max(0)])

    def _project(
        self, points: FloatArray, pose: Pose, sink: float | FloatArray = 0.0
    ) -> npt.NDArray[np.float64]:
        texel = (np.asarray(points) + EXTENT) * (len(self._z) / (2 * EXTENT))
        column, row = np.clip(texel.astype(int), 0, len(self._z) - 1).T
        return project(points, self._z[row, column] - sink, pose)


def _paint_head(
    identity: Identity, texels: int, light: Lighting, rng: np.random.Generator
) -> tuple[Field, Field]:
    """Paint the lit textures, (h, w, 4) each, of the head's front and of the hair behind it."""
    at = grid(texels)
    strands = strand_field(HAIR_STYLES[identity.hair_style], identity, at, rng)
    skin = paint_skin(identity, at, rng)
    face = smooth(-0.012, 0.012, face_outline(identity, at))
    ear, hollow = ear_masks(identity, at)
    lay(skin, tint(identity.skin, (0.96, 0.82, 0.78)), ear * (1 - face))
    lay(skin, shadow_colour(identity), 0.55 * hollow * (1 - face))
    paint_beard(identity, at, skin, noise(rng, (170, 120), at.x.shape))
    paint_brows(identity, at, skin, strands)
    hair = paint_hair(identity, at, strands)
    lay(skin, shadow_colour(identity), 0.45 * hair_shadow(hair, at))
    tone = float(np.mean(identity.skin))
    shine = (0.19 - 0.13 * tone) * light.gloss + 0.06 * light.rim
    image = skin * light.shade + shine[..., None]
    ears_show = HAIR_STYLES[identity.hair_style].sides < 0.15
    alpha = np.maximum.reduce([face, ear * ears_show, hair.front])
    brightness = 0.35 + 0.65 * light.shade.mean(-1, keepdims=True)
    # Where hair alone makes the texture opaque there must be no skin in its colour.
    lay(image, hair.image * brightness, hair.front / np.maximum(alpha, 1e-3))
    back = np.concatenate(
        [hair.image * np.float32(0.62 + 0.2 * HAIR_STYLES[identity.hair_style].curl), hair.back[..., None]],
        -1,
    )
    return np.concatenate([_soft_clip(image), alpha[..., None]], -1), back.astype(np.float32)


def _soft_clip(image: Field) -> Field:
    """Compress values above 0.8 so that bright skin does not burn out."""
    over = np.maximum(image - 0.8, 0)
    return np.asarray(np.minimum(image, 0.8) + over / (1 + 2.5 * over), np.float32)
