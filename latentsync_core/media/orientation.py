"""How a stored frame is flipped and turned to be shown: phones store it in the direction of their sensor."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

import av
import numpy as np
from av.sidedata.sidedata import Type

from ..data import Array

_UNNAMED = sorted(set(range(64)) - {kind.value for kind in Type})
"""Numbers of FFmpeg's kinds of side data that PyAV has no name for, such as the EXIF of a photograph."""


@dataclass(frozen=True)
class Orientation:
    """First a mirroring left to right, then quarter turns counterclockwise."""

    mirrored: bool
    quarter_turns: int

    @classmethod
    def of(cls, frame: av.VideoFrame, stream: av.VideoStream) -> Orientation:
        """Read the display matrix of a frame decoded from `stream`; without one it is upright.

        The matrix takes (x, y), y downwards, to (a x + c y, b x + d y) and is stored as nine int32
        a b u, c d v, x y w (FFmpeg's libavutil/display.h, ISO 14496-12 section 6.2.2).
        """
        matrix = _read_side_data(frame, stream).get("DISPLAYMATRIX")
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


def _read_side_data(frame: av.VideoFrame, stream: av.VideoStream) -> Mapping[str, Any]:
    """Read the metadata that comes with a frame: its side data."""
    try:
        return cast(Mapping[str, Any], frame.side_data)
    except ValueError:
        # PyAV raises for all side data when it has no name for one kind: those kinds are deleted by a filter first.
        graph = av.filter.Graph()
        steps = [graph.add_buffer(template=stream)]
        steps += [graph.add("sidedata", f"mode=delete:type={kind}") for kind in _UNNAMED]
        graph.link_nodes(*steps, graph.add("buffersink")).configure()
        graph.push(frame)
        return cast(Mapping[str, Any], graph.pull().side_data)
