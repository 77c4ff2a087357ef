"""Whether a checkpoint's autoencoder knows what it is shown."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from ..data import FloatArray
from .latents import LatentCodec, to_crops, to_pixels

STRANGE = 0.61
"""`lost_detail` above which faces are not those that `nano` was made for.

Measured on aligned crops, each as it is and compressed by x264 (crf 33), blurred (sigma of 1 pixel of the crop),
brightened (x1.4), noisy (sigma 8) and 64 pixels wide: of 720 crops of 60 people of `synthetic` all but the noisy ones
give 0.34 to 0.607 (as they are up to 0.574, noisy up to 0.648, of which one in thirty is above the limit); of 564 crops of
photographs and films of people all give 0.610 to 1.08 (as they are from 0.647), and 156 crops of paintings and
pictures of generators 0.60 to 1.0. The median over a few frames of a clip is nearer to the middle of its kind.
"""
_BANDS = ((0.7, 1.2), (1.2, 2.0))
"""Fine detail: differences of Gaussians, sigma in pixels of the crop."""
_LUMA = np.array([0.299, 0.587, 0.114], np.float32)
_FLOOR = 0.05
"""Grey levels: less is rounding, no detail."""


def lost_detail(vae: Any, crops: npt.NDArray[np.float32]) -> float:
    """How much of the fine detail of crops (F, R, R, 3), 0..255, encoding and decoding loses: 0 none, 1 all of it.

    The mean size of the error over the mean size of the picture, both of brightness and in two bands, averaged; of
    that the median over the crops. It does not depend on brightness or contrast. 1 can be passed: the decoder may paint
    detail of its own.
    """
    codec = LatentCodec(vae)
    seen = to_crops(codec.decode(codec.encode(to_pixels(crops))))
    shares = [_lost(crop @ _LUMA, (crop - back) @ _LUMA) for crop, back in zip(crops, seen, strict=True)]
    return float(np.median(shares))


def _lost(picture: FloatArray, error: FloatArray) -> float:
    shares = [_size(error, *band) / (_size(picture, *band) + _FLOOR) for band in _BANDS]
    return float(np.mean(shares))


def _size(values: FloatArray, fine: float, coarse: float) -> float:
    band = cv2.GaussianBlur(values, (0, 0), fine) - cv2.GaussianBlur(values, (0, 0), coarse)
    return float(np.abs(band).mean())
