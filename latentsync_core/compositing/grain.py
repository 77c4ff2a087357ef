"""Give a new mouth the source's grain: networks paint without it, and a smooth mouth in a grainy face is seen."""

from __future__ import annotations

from zlib import crc32

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array

_NOISE = np.array([[1, -2, 1], [-2, 4, -2], [1, -2, 1]], np.float32) / 6
"""A filter that takes edges away and leaves white noise as strong as it is: J. Immerkaer, "Fast noise variance
estimation" (1996)."""
_CHANNELS = np.linalg.qr(np.array([[1.0, 1, 1], [1, 0, -1], [1, -2, 1]]).T)[0].astype(np.float32)
"""Brightness and two differences of colours, columns of length 1: most grain is of brightness."""
_NORMAL = 0.6745
"""Median of the magnitude of a normal variable, in standard deviations."""
_OCTAVES = ((1, 1.0), (2, 0.60))
"""Sizes of grain in pixels, and how strong the filter finds noise of that size that was enlarged from single pixels."""
_CLEAN = 2.2
"""Standard deviation of the source's noise, in grey levels, up to which it is skin, compression or hardly seen."""
_GRAINY = 3.2
"""Standard deviation of the source's noise, in grey levels, from which on it is matched as it is."""
_LEAST_PIXELS = 1500
"""In fewer pixels the detail of a small face passes for grain."""


def make_grain(
    source: Array, mouth: Array, alpha: npt.NDArray[np.float32], seed: int
) -> npt.NDArray[np.float32]:
    """Draw the grain (h, w, 3), in grey levels, that a blend of mouth and source lacks.

    source, mouth: (h, w, 3) in 0..255, the mouth as it lies in the frame. alpha: (h, w), how much of it shows. The same
    seed and source give the same grain.
    """
    inside = alpha > 0.98 * alpha.max()
    octaves = [octave for octave in _OCTAVES if inside.sum() >= octave[0] ** 2 * _LEAST_PIXELS]
    light, light_of_mouth = (image.astype(np.float32) @ _CHANNELS for image in (source, mouth))
    levels = [_noise_level(light, inside, size) for size, _ in octaves]
    strongest = max((float(np.sqrt((level**2).mean())) for level in levels), default=0.0)
    grainy = np.clip((strongest - _CLEAN) / (_GRAINY - _CLEAN), 0, 1)
    grain = np.zeros_like(light)
    if not grainy:
        return grain
    # By its content, a frame that is shown again, or a still image, keeps its grain as it does outside of the mouth.
    rng = np.random.default_rng([seed, crc32(np.clip(source, 0, 255).round().astype(np.uint8))])
    height, width = alpha.shape
    for (size, response), level in zip(octaves, levels, strict=True):
        own = _noise_level(light_of_mouth + grain, inside, size)
        strength = (grainy / response * np.sqrt(np.maximum(0, level**2 - own**2))).astype(np.float32)
        noise = rng.standard_normal((-(-height // size), -(-width // size), 3), np.float32) * strength
        grain += cv2.resize(noise, (width, height), interpolation=cv2.INTER_CUBIC)
    # Two independent noises, blended, are weaker than either: this brings the blend back to the source's strength.
    return np.sqrt(alpha * (2 - alpha))[..., None] * (grain @ _CHANNELS.T)


def _noise_level(image: Array, where: npt.NDArray[np.bool_], size: int) -> npt.NDArray[np.float32]:
    """Return the standard deviation of noise of a size in each channel, (3,), robust against detail."""
    height, width = (side // size for side in where.shape)
    small = cv2.resize(image[: height * size, : width * size], (width, height), interpolation=cv2.INTER_AREA)
    response = cv2.filter2D(small, -1, _NOISE)[where[: height * size : size, : width * size : size]]
    return np.asarray(np.median(np.abs(response), axis=0) / _NORMAL, np.float32)
