"""Match the colours of generated mouths to those of their crops."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from ..data import Array, FloatArray
from .blend import measure_outside

_RING = 8 / 256, 20 / 256
"""Distances from the mask between which colours are compared outside of it, as fractions of the crop's side: nearer,
the VAE mixes both sides."""
_RIM = 26 / 256
"""Width of the part inside the mask, along its edge, on which colours are compared."""
_CHEEKS = 0.15, 0.85
"""Columns of the rim, as fractions of the crop's side, that show skin and no background."""
_LOWEST = 0.8
"""Last row of the rim, as a fraction of the crop's side, that the jaw does not move."""
_SOFT = 4 / 256
"""Standard deviation of the step between the two sides: the VAE blurs the mask's edge by half of its 8 pixels."""
_EXPLAINED = 1.0
"""Grey levels by which inside and outside may differ because of the speech."""
_WRONG = 3.0
"""Grey levels from which on the difference is taken back as a whole."""
_RING_OUTLIER = 8.0
"""Grey levels from which on a difference outside loses its weight: only a background that the network changed."""
_RIM_OUTLIER = 1.0
"""The same inside, where speech moves the skin too."""
_SAMPLES = 128
"""Pixels to a side that are compared; more would not make the fit better."""
_ROUNDS = 10
"""Of the robust fit; it settles in fewer."""


def match_colors(mouths: FloatArray, crops: FloatArray, keep: npt.NDArray[np.float32]) -> FloatArray:
    """Bring the colours of one window's mouths, in place, to those of their crops, each by a shift and a slope.

    mouths, crops: (F, R, R, 3) in 0..255; keep: (R, R), 1 = keep.
    """
    # Outside of the mask the network reproduces what it saw: what differs there is the VAE's doing. Inside, it guesses
    # the light; speech moves lips and chin, but neither the cheeks nor the strip under the nose. One fit for a window:
    # over its frames speech averages out, and the cross-fade between windows makes the change smooth in time.
    step = max(1, len(keep) // _SAMPLES)
    difference = np.median(crops[:, ::step, ::step] - mouths[:, ::step, ::step], axis=0)
    ring, rim = (part[::step, ::step] for part in _compared_parts(keep))
    planes = _make_planes(len(keep))
    compared = planes[::step, ::step]
    outside = _fit_plane(difference, compared, ring, _RING_OUTLIER)
    inside = _fit_plane(difference, compared, rim, _RIM_OUTLIER)
    change = planes @ (inside - outside)
    size = float(np.sqrt((change[keep < 0.5] ** 2).mean()))
    change *= np.clip((size - _EXPLAINED) / (_WRONG - _EXPLAINED), 0, 1)
    painted = cv2.GaussianBlur(1 - keep, (0, 0), _SOFT * len(keep))
    mouths += (planes @ outside + painted[..., None] * change).astype(np.float32)
    return mouths


def _compared_parts(keep: npt.NDArray[np.float32]) -> tuple[npt.NDArray[np.bool_], npt.NDArray[np.bool_]]:
    """Return where colours are compared outside of the mask and inside, two masks (R, R)."""
    side = len(keep)
    outside, inside = measure_outside(keep), measure_outside(1 - keep)
    ring = (outside > _RING[0] * side) & (outside <= _RING[1] * side)
    rim = (inside > 1) & (inside <= max(2.0, _RIM * side))
    place = np.arange(side) / side
    rim &= (place > _CHEEKS[0]) & (place < _CHEEKS[1]) & (place[:, None] < _LOWEST)
    return ring, rim


def _make_planes(side: int) -> npt.NDArray[np.float32]:
    """Return 1, x and y of every pixel, (R, R, 3), from -0.5 to 0.5: a plane is `planes @ coefficients`."""
    y, x = np.mgrid[:side, :side].astype(np.float32) / side - 0.5
    return np.stack([np.ones_like(x), x, y], -1)


def _fit_plane(difference: Array, planes: Array, where: npt.NDArray[np.bool_], outlier: float) -> FloatArray:
    """Fit a plane to each channel of the differences (S, S, 3) where asked; returns coefficients (3, 3).

    Outliers (beard, background, lips that moved) lose their weight: iteratively reweighted least squares with the
    weights of S. Geman and D. McClure (1987), whose scale is the median residual, `outlier` grey levels at least.
    """
    basis, values = planes[where], difference[where]
    root = np.ones((len(basis), 1), np.float32)  # of the weights
    for _ in range(_ROUNDS):
        coefficients = np.linalg.lstsq(basis * root, values * root, rcond=None)[0]
        residual = np.abs(values - basis @ coefficients).max(1, keepdims=True)
        root = 1 / (1 + (residual / max(outlier, float(np.median(residual)))) ** 2)
    return coefficients
