"""From pixels back to texels: turning the head, dropping the jaw, laying a texture over an image."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from latentsync_core.data import FloatArray

from .body import CENTRE_Y, HALF
from .identity import Identity
from .mouth import MouthShape
from .paint import EXTENT, Field, smooth

PIVOT = 0.15
"""z of the point about which the head turns."""
COARSE = 72
"""Nodes a side of the grid on which the warp is solved before it is enlarged to pixels."""
ITERATIONS = 7

BODY_FOLLOWS = (0.6, 0.7)
"""Fraction of the head's shift to the side and down that the shoulders make too."""

Region = tuple[slice, slice]


@dataclass(frozen=True)
class Pose:
    """Where the head is: angles in degrees, place and scale in head units of the scene."""

    yaw: float = 0.0
    """Positive turns the nose to the right of the image."""
    pitch: float = 0.0
    """Positive lowers the nose."""
    roll: float = 0.0
    """Positive tilts the head clockwise."""
    x: float = 0.0
    y: float = 0.0
    scale: float = 1.0

    @property
    def rotation(self) -> npt.NDArray[np.float64]:
        """Rotation matrix (3, 3) from head to scene."""
        a, b, c = np.radians([self.yaw, self.pitch, self.roll])
        yaw = np.array([[np.cos(a), 0, np.sin(a)], [0, 1, 0], [-np.sin(a), 0, np.cos(a)]])
        pitch = np.array([[1, 0, 0], [0, np.cos(b), np.sin(b)], [0, -np.sin(b), np.cos(b)]])
        roll = np.array([[np.cos(c), -np.sin(c), 0], [np.sin(c), np.cos(c), 0], [0, 0, 1]])
        return roll @ pitch @ yaw


def project(points: FloatArray, z: FloatArray, pose: Pose) -> npt.NDArray[np.float64]:
    """Project points (n, 2) of the texture at heights z (n,) to head units of the scene, (n, 2)."""
    solid = np.column_stack([points, np.asarray(z, np.float64) - PIVOT])
    return np.asarray(solid @ pose.rotation[:2].T * pose.scale + [pose.x, pose.y])


@dataclass(frozen=True)
class JawDrop:
    """The chin's fall as the mouth opens, and the cheeks' hollowing."""

    mouth_y: float
    chin: float
    amount: float
    """How far the chin falls, in head units."""
    squeeze: float
    """How much narrower the lower cheeks become."""

    def undo(self, u: Field, v: Field) -> tuple[Field, Field]:
        """Return the texture coordinates of what is seen at points of a face with this jaw."""
        v = v - np.float32(self.amount) * smooth(self.mouth_y + 0.02, self.chin, v)
        narrow = 1 - np.float32(self.squeeze) * smooth(self.mouth_y - 0.35, self.mouth_y + 0.1, v)
        return u / narrow, v

    def move(self, points: FloatArray) -> FloatArray:
        """Return where points (n, 2) of the texture go: the inverse of `undo`, by fixed-point iteration."""
        u, still = points[:, 0], points[:, 1]
        v = still
        for _ in range(4):
            v = still + self.amount * smooth(self.mouth_y + 0.02, self.chin, v)
        narrow = 1 - self.squeeze * smooth(self.mouth_y - 0.35, self.mouth_y + 0.1, still)
        return np.stack([u * narrow, v], -1)


def jaw_drop(identity: Identity, mouth: MouthShape) -> JawDrop:
    """Return the jaw that belongs to a mouth."""
    squeeze = 0.022 * mouth.openness + 0.018 * mouth.roundness - 0.012 * mouth.spread
    return JawDrop(identity.mouth_y, identity.chin, 0.085 * mouth.openness, squeeze)


class Warp:
    """Finds the texel behind every pixel of an image."""

    def __init__(self, z: Field) -> None:
        self._z = cv2.resize(z, (96, 96), interpolation=cv2.INTER_AREA) - np.float32(PIVOT)

    def surface(self, image: Field, view: FloatArray, pose: Pose, jaw: JawDrop) -> tuple[Region, Field]:
        """Return a region of the image and its texels (h, w, 2), 0..1 of the texture's side, of the head's front."""
        region = _find_region(image, view, pose, (-EXTENT, -EXTENT, EXTENT, EXTENT))
        x, y = _to_head(region, view, pose)
        # The height under a pixel depends on the texel that is looked up by it: a damped fixed-point iteration.
        z = np.float32(0.4)
        for _ in range(ITERATIONS):
            u, v = _to_texture(x, y, pose, z)
            scale = np.float32(len(self._z) / (2 * EXTENT))
            found = cv2.remap(
                self._z, (u + EXTENT) * scale - 0.5, (v + EXTENT) * scale - 0.5, cv2.INTER_LINEAR,
                borderMode=cv2.BORDER_REPLICATE,
            )  # fmt: skip
            z = 0.35 * z + 0.65 * found
        u, v = jaw.undo(*_to_texture(x, y, pose, z))
        return region, _enlarge(region, u / (2 * EXTENT) + 0.5, v / (2 * EXTENT) + 0.5)

    def plane(self, image: Field, view: FloatArray, pose: Pose, depth: float) -> tuple[Region, Field]:
        """Return the same for a flat sheet at z = `depth` that turns with the head."""
        region = _find_region(image, view, pose, (-EXTENT, -EXTENT, EXTENT, EXTENT))
        u, v = _to_texture(*_to_head(region, view, pose), pose, np.float32(depth - PIVOT))
        return region, _enlarge(region, u / (2 * EXTENT) + 0.5, v / (2 * EXTENT) + 0.5)

    def body(self, image: Field, view: FloatArray, pose: Pose) -> tuple[Region, Field]:
        """Return the same for the body, which does not turn and follows the head only in part."""
        shift = Pose(x=pose.x * BODY_FOLLOWS[0], y=pose.y * BODY_FOLLOWS[1], scale=pose.scale)
        region = _find_region(image, view, shift, (-HALF, 0.3, HALF, np.inf))
        x, y = _to_head(region, view, shift)
        return region, _enlarge(region, x / (2 * HALF) + 0.5, (y - CENTRE_Y) / (2 * HALF) + 0.5)


def _find_region(
    image: Field, view: FloatArray, pose: Pose, box: tuple[float, float, float, float]
) -> Region:
    """Return the part of the image that a box around a head may reach, whatever the angles."""
    height, width = image.shape[:2]
    inverse = cv2.invertAffineTransform(np.asarray(view, np.float64))
    limits = np.array([[x, y] for x in box[::2] for y in box[1::2]])
    limits = np.clip(limits, -1e6, 1e6) * pose.scale + [pose.x, pose.y]
    pixels = limits @ inverse[:, :2].T + inverse[:, 2]
    (left, top), (right, bottom) = np.floor(pixels.min(0)), np.ceil(pixels.max(0)) + 1
    columns = slice(int(np.clip(left, 0, width)), int(np.clip(right, 0, width)))
    return slice(int(np.clip(top, 0, height)), int(np.clip(bottom, 0, height))), columns


def _to_head(region: Region, view: FloatArray, pose: Pose) -> tuple[Field, Field]:
    """Return coordinates relative to the head, still turned, on the coarse grid over a region."""
    rows, columns = region
    px, py = np.meshgrid(
        np.linspace(columns.start, columns.stop - 1, COARSE), np.linspace(rows.start, rows.stop - 1, COARSE)
    )
    x = view[0][0] * px + view[0][1] * py + view[0][2]
    y = view[1][0] * px + view[1][1] * py + view[1][2]
    return ((x - pose.x) / pose.scale).astype(np.float32), ((y - pose.y) / pose.scale).astype(np.float32)


def _to_texture(x: Field, y: Field, pose: Pose, z: Field | np.float32) -> tuple[Field, Field]:
    """Return the texture coordinates of what is seen at (x, y) if its height is z."""
    rotation = pose.rotation.astype(np.float32)
    inverse = np.linalg.inv(rotation[:2, :2])
    x, y = x - rotation[0, 2] * z, y - rotation[1, 2] * z
    return inverse[0, 0] * x + inverse[0, 1] * y, inverse[1, 0] * x + inverse[1, 1] * y


def _enlarge(region: Region, u: Field, v: Field) -> Field:
    """Enlarge the coarse map to the region's pixels, corners on corners."""
    height, width = (s.stop - s.start for s in region)
    if height == 0 or width == 0:
        return np.empty((height, width, 2), np.float32)
    steps = np.array(
        [[(COARSE - 1) / max(width - 1, 1), 0, 0], [0, (COARSE - 1) / max(height - 1, 1), 0]], np.float32
    )
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    coarse = np.stack([u, v], -1).astype(np.float32)
    return np.asarray(
        cv2.warpAffine(coarse, steps, (width, height), flags=flags, borderMode=cv2.BORDER_REPLICATE),
        np.float32,
    )


def draw_layer(image: Field, texture: Field, region: Region, texels: Field) -> None:
    """Blend a texture (h, w, 4) over a region of the image in place."""
    if 0 in texels.shape:
        return
    x = texels[..., 0] * np.float32(texture.shape[1]) - np.float32(0.5)
    y = texels[..., 1] * np.float32(texture.shape[0]) - np.float32(0.5)
    colour = cv2.remap(texture, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    alpha = np.ascontiguousarray(colour[..., 3])
    below = np.ascontiguousarray(image[region])
    image[region] = cv2.blendLinear(cv2.cvtColor(colour, cv2.COLOR_RGBA2RGB), below, alpha, 1 - alpha)
