"""How a stored picture is flipped and turned to be shown: phones store it as the sensor lies."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import av
import numpy as np

from ..data import Array


@dataclass(frozen=True)
class Orientation:
    """First a mirroring left to right, then quarter turns counterclockwise."""

    mirrored: bool
    quarter_turns: int

    @classmethod
    def of(cls, frame: av.VideoFrame) -> Orientation:
        """Read the display matrix of a decoded frame; without one it is upright.

        The matrix takes (x, y), y downwards, to (a x + c y, b x + d y) and is stored as nine int32
        a b u, c d v, x y w (FFmpeg's libavutil/display.h, ISO 14496-12 section 6.2.2).
        """
        matrix = cast(Mapping[str, Any], frame.side_data).get("DISPLAYMATRIX")
        if matrix is None:
            return cls(False, 0)
        a, b, _, c, d = np.frombuffer(bytes(matrix), np.int32)[:5].tolist()
        mirrored = a * d - b * c < 0
        if mirrored:
            a, b = -a, -b
        return cls(mirrored, round(-math.atan2(b, a) / (math.pi / 2)))

    @property
    def sideways(self) -> bool:
        """Whether height and width change places."""
        return self.quarter_turns % 2 == 1

    def apply(self, pixels: Array) -> Array:
        """Flip and turn pixels (H, W, 3)."""
        return np.ascontiguousarray(
            np.rot90(pixels[:, ::-1] if self.mirrored else pixels, self.quarter_turns)
        )
