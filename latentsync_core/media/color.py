"""How a video says its colours are meant, so that the result can say the same."""

from __future__ import annotations

from dataclasses import dataclass, replace

import av
from av.video.reformatter import Interpolation

# Code points of ITU-T H.273, the numbers that FFmpeg and every container use.
RGB, BT709, UNSPECIFIED, SMPTE170M = 0, 1, 2, 6
LIMITED, FULL_RANGE = 1, 2
PQ, HLG = 16, 18

ACCURATE = Interpolation.BILINEAR | 0x40000 | 0x2000 | 0x4000
"""SWS_ACCURATE_RND | SWS_FULL_CHR_H_INT | SWS_FULL_CHR_H_INP: halves the mean error of libswscale's default
(0.8 instead of 1.8 levels there and back) for 6 ms a 1080p frame. Numbers, as older PyAV has no names for them."""

_HD_HEIGHT = 720
"""From this height on, video without tags is BT.709 by the custom of television, below it BT.601."""


@dataclass(frozen=True)
class ColorTags:
    """The colour tags of a video as H.273 code points; 2 (range: 0) means that the file does not say."""

    matrix: int = UNSPECIFIED
    range: int = 0
    primaries: int = UNSPECIFIED
    transfer: int = UNSPECIFIED

    @classmethod
    def of(cls, frame: av.VideoFrame, context: av.VideoCodecContext) -> ColorTags:
        """Read the tags of a decoded frame and the decoder it came from."""
        return cls(
            int(frame.colorspace),
            int(frame.color_range),
            int(context.color_primaries),
            int(context.color_trc),
        )

    @property
    def hdr(self) -> bool:
        """Whether brightness is coded for HDR screens (PQ or HLG)."""
        return self.transfer in (PQ, HLG)


def choose_tags(color: ColorTags | None, height: int, *, rgb: bool = False, full: bool = False) -> ColorTags:
    """Choose the tags of a result from those of its source; full: whether its samples use their full range.

    A source without tags gives a result without tags, converted by the matrix it was read with (libswscale's BT.601):
    players guess the same for both, so both look alike. Without a source (None), or from RGB, those of YUV are the
    usual ones for the height.
    """
    if rgb:
        return ColorTags(RGB, FULL_RANGE) if color is None else replace(color, matrix=RGB, range=FULL_RANGE)
    if color is not None and color.matrix != RGB:
        return replace(color, range=FULL_RANGE if full else LIMITED)
    if height >= _HD_HEIGHT:
        return ColorTags(BT709, LIMITED, BT709, BT709)
    return ColorTags(SMPTE170M, LIMITED, SMPTE170M, SMPTE170M)
