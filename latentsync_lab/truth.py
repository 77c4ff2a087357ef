"""How well a measured mouth opening follows a true one."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from latentsync_core.data import Array
from latentsync_core.errors import InputError

OpeningCurve = npt.NDArray[np.floating]

MAX_LAG = 8
"""Frames by which a curve is shifted at most."""


def correlation(a: OpeningCurve, b: OpeningCurve) -> float:
    """Return Pearson's correlation of two curves (n,), -1..1; NaN where one of them is constant.

    Frames in which either is NaN, as where no face was found, are left out.
    """
    a, b = _drop_unknown(a, b)
    if len(a) < 2 or np.ptp(a) == 0 or np.ptp(b) == 0:
        return float("nan")
    return float(np.corrcoef(a, b)[0, 1])


def best_lag(measured: OpeningCurve, true: OpeningCurve, reach: int = MAX_LAG) -> int:
    """Return by how many frames, -reach..reach, the measured curve comes late: the lag of greatest correlation."""
    if len(measured) != len(true) or len(true) < reach + 2:
        raise InputError(
            f"best_lag takes two curves of one length above {reach + 1}, got {len(measured)} and {len(true)}."
        )
    late = {lag: correlation(*_shift(measured, true, lag)) for lag in range(-reach, reach + 1)}
    return max(late, key=lambda lag: -1.0 if np.isnan(late[lag]) else late[lag])


def gain(measured: OpeningCurve, true: OpeningCurve) -> float:
    """Return the slope of the measured curve over the true one: 0.5 is half as wide; NaN for a constant truth."""
    measured, true = _drop_unknown(measured, true)
    if len(true) < 2 or np.ptp(true) == 0:
        return float("nan")
    return float(np.polyfit(true, measured, 1)[0])


def _shift(measured: OpeningCurve, true: OpeningCurve, lag: int) -> tuple[Array, Array]:
    count = len(measured) - abs(lag)
    return measured[max(0, lag) :][:count], true[max(0, -lag) :][:count]


def _drop_unknown(a: OpeningCurve, b: OpeningCurve) -> tuple[Array, Array]:
    if a.ndim != 1 or a.shape != b.shape:
        raise InputError(f"Curves are compared in one shape (n,), got {a.shape} and {b.shape}.")
    both = ~(np.isnan(a) | np.isnan(b))
    return a[both], b[both]
