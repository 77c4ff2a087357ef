"""Describe the look of a face such that one person is known again in other light and framing."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array, FloatArray

_SKIN = np.r_[
    1, 3:7, 8:11, 19:22, 31, 34:37, 44:56, 59:61, 63:72, 75, 79, 93:95, 97:106, 107:110, 111, 113:130, 131, 134, 137,
    139, 141:144, 147, 151, 156, 162, 166, 168, 174, 188:190, 193, 195:199, 203, 205, 209, 217:243, 244:246, 248,
    250:252, 261, 264:267, 274:286, 289:291, 293:302, 305, 309, 323, 326:335, 336:339, 340, 342:359, 360, 363, 366,
    368, 370:373, 376, 383, 389, 392, 399, 412:414, 417, 419:421, 423, 425, 429, 437:463, 464:466,
]  # fmt: skip
"""Vertices of FaceMesh above the mouth, which speech does not move, and beside the eyes, which blink."""
_OUTLINE = [127, 162, 21, 54, 103, 67, 109, 10, 338, 297, 332, 284, 251, 389, 356]
"""Vertices of the upper outline of the face, from ear to ear."""
_BETWEEN_EYES = 168

_HAIR = 1.1, 1.2
"""Hair and ears are looked at so many times as far from the point between the eyes as the outline."""
_HAIR_WEIGHT = 0.5

_MOST_CONTRAST = 1.5
"""Greatest difference of hair and skin that counts, in natural logarithms: a black background is no blacker hair."""
_BLOCK = 6
"""Side in pixels of the network's image of the blocks that are averaged: fine detail is lost in small faces anyway."""
_DARK = 0.02
"""Added to colours in 0..1 before the logarithm, so that noise in the dark does not count."""
_NORM = 400
"""Length of the vector, such that its components fit in 8 bits: an hour of video has 100000 of them."""
LOOK_LENGTH = 3 * (len(_SKIN) + len(_HAIR) * len(_OUTLINE))
"""Length of a look."""


def describe_look(image: FloatArray, mesh: FloatArray) -> npt.NDArray[np.int8]:
    """Describe the face whose vertices (468, 3) lie in an image (S, S, 3) in 0..1, as `LOOK_LENGTH` numbers.

    They are the colours at vertices of the mesh, so that they neither move with the head nor depend on what is behind
    it. Light multiplies colours: in logarithms it is a sum, of which the part that is linear in the place on the face
    (exposure, colour and side of the light) is left out. A gamma curve is left out by `likeness`.
    """
    side = len(image) // _BLOCK
    small = cv2.resize(np.asarray(image, np.float32), (side, side), interpolation=cv2.INTER_AREA)
    middle = mesh[_BETWEEN_EYES]
    hair = [middle + scale * (mesh[_OUTLINE] - middle) for scale in _HAIR]
    x, y = ((np.concatenate([mesh[_SKIN], *hair])[:, :2].T + 0.5) / _BLOCK - 0.5).astype(np.float32)
    colors = cv2.remap(small, x[None], y[None], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[0]
    values = np.log(np.maximum(colors, 0) + np.float32(_DARK))
    skin, rest = values[: len(_SKIN)], values[len(_SKIN) :]
    rest = (rest - skin.mean(0)).clip(-_MOST_CONTRAST, _MOST_CONTRAST) * _HAIR_WEIGHT
    light, _ = np.linalg.qr(np.column_stack([np.ones(len(_SKIN)), mesh[_SKIN]]))
    look = np.concatenate([skin - light @ (light.T @ skin), rest]).ravel()
    scale = _NORM / max(float(np.linalg.norm(look)), 1e-6)
    return np.rint(look * scale).clip(-127, 127).astype(np.int8)


Looks = Array | Sequence[Array]
"""One look (D,), or several: (K, D), or K of (D,)."""


def likeness(looks: Looks, others: Looks) -> npt.NDArray[np.float32]:
    """Correlate looks (K, D) with others (M, D): (K, M) in -1..1, 1 for the same."""
    return _to_units(looks) @ _to_units(others).T


def mean_look(looks: Looks) -> npt.NDArray[np.float32]:
    """Average looks (K, D) to one of length 1, (D,)."""
    mean: npt.NDArray[np.float32] = _to_units(looks).mean(0)
    return _to_units(mean)


def _to_units(looks: Looks) -> npt.NDArray[np.float32]:
    vectors = np.asarray(looks, np.float32)
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), np.float32(1e-6))
