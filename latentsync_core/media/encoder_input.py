"""Bring frames into the form that an encoder takes: its pixel format and range, at the depth of both."""

from __future__ import annotations

from fractions import Fraction
from typing import Literal

import av
import numpy as np
from av.filter import Graph
from av.video.reformatter import ColorRange

from ..data import Frame
from ..planar import PlanarFrame, SampleFormat
from .color import ACCURATE, ColorTags
from .pixels import check_size, to_uint8, to_uint16
from .planes import name_siting, scale_samples, to_video_frame, write_opacity

FirstField = Literal["", "tff", "bff"]
"""Of interlaced frames the field, top or bottom, that was taken first; empty for progressive ones."""


class EncoderInput:
    """Turns frames of one size into those of PyAV, for one encoder."""

    def __init__(
        self,
        size: tuple[int, int],
        pixel_format: str,
        tags: ColorTags,
        pixel_aspect: Fraction = Fraction(1),
        first_field: FirstField = "",
    ) -> None:
        """pixel_aspect: width of a pixel over its height. Both it and first_field are said in each frame."""
        self._size, self._tags, self._aspect, self._first_field = size, tags, pixel_aspect, first_field
        self._target = av.VideoFormat(pixel_format)
        self._bits = self._target.components[0].bits
        self._has_alpha = any(component.is_alpha for component in self._target.components)
        self._labels: Graph | None = None

    def convert(self, frame: Frame) -> av.VideoFrame:
        """Return a frame (H, W, 3), uint8, float 0..1 or in planes, as the encoder takes it.

        Samples that it takes as they are stay as they are. libswscale changes depth, range and the size of chroma of
        others; YUV does not go through RGB.
        """
        if not isinstance(frame, PlanarFrame):
            if frame.dtype == np.uint8 or self._bits == 8:
                pixels = to_uint8(frame, self._size)
                return self._fit(av.VideoFrame.from_ndarray(pixels, format="rgb24"), "left")
            red, green, blue = np.moveaxis(to_uint16(frame, self._size), 2, 0)
            frame = PlanarFrame((green, blue, red), SampleFormat("gbrp16le"))
        check_size(frame, self._size)
        shown = frame if frame.format.yuv or self._target.is_rgb else self._to_yuv(frame)
        image = self._fit(to_video_frame(shown), name_siting(shown.format))
        if frame.format.has_alpha and self._has_alpha and not self._target.is_rgb:
            # libswscale makes 1020 of 255, so that what was opaque lets light through.
            write_opacity(image, scale_samples(frame.planes[3], frame.format.bits, self._bits), self._bits)
        return image

    def _to_yuv(self, frame: PlanarFrame) -> PlanarFrame:
        """Convert RGB; libswscale makes 943 of 10-bit white, which is 940."""
        name = "yuv444p" if self._bits == 8 else f"yuv444p{self._bits}le"
        white = np.float32(255 if frame.dtype == np.uint8 else 1)
        return PlanarFrame.of_rgb(np.asarray(frame) / white, SampleFormat(name, self._tags.matrix))

    def _fit(self, image: av.VideoFrame, siting: str) -> av.VideoFrame:
        if not self._target.is_rgb:
            # Set on the frame, not as an argument: PyAV 17 has no argument for BT.2020.
            image.colorspace = self._tags.matrix
        if image.format.name != self._target.name or self._aspect != 1 or self._first_field:
            image = self._label(image, siting)
        image = image.reformat(
            format=self._target.name,
            dst_color_range=None if self._target.is_rgb else ColorRange(self._tags.range),
            interpolation=ACCURATE,
        )
        # ProRes stores those of each frame.
        image.color_primaries, image.color_trc = self._tags.primaries, self._tags.transfer
        return image

    def _label(self, image: av.VideoFrame, siting: str) -> av.VideoFrame:
        """Say in a frame what PyAV has no attributes for: where chroma lies, how wide pixels are, the first field."""
        if self._labels is None:
            self._labels = graph = Graph()
            graph.link_nodes(
                graph.add_buffer(
                    width=image.width, height=image.height, format=image.format, time_base=Fraction(1)
                ),
                graph.add("setparams", f"chroma_location={siting}:field_mode={self._first_field or 'prog'}"),
                graph.add("setsar", f"{self._aspect.numerator}/{self._aspect.denominator}"),
                graph.add("buffersink"),
            ).configure()
        self._labels.vpush(image)
        return self._labels.vpull()
