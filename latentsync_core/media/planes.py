"""Frames of PyAV as `PlanarFrame`s, and back."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, cast

import av
import numpy as np
from av.video.reformatter import ColorRange

from ..planar import PlanarFrame, Plane, SampleFormat, is_planar
from .color import ACCURATE
from .orientation import Orientation

_SITINGS = {
    (0.5, 0.0): "left", (0.5, 0.5): "center", (0.0, 0.0): "topleft",
    (0.0, 0.5): "top", (1.0, 0.0): "bottomleft", (1.0, 0.5): "bottom",
}  # fmt: skip
"""FFmpeg's names of where chroma lies: of MPEG-2, H.264 and most others; of JPEG and MPEG-1; of Ultra HD discs..."""
_SIDEWAYS = {"422": "440", "440": "422"}
"""Layouts of chroma that become another one where rows and columns change places."""

_UNPACKED = {
    "nv12": "yuv420p", "p010le": "yuv420p10le", "uyvy422": "yuv422p", "yuyv422": "yuv422p",
    "rgba": "gbrap", "bgra": "gbrap", "argb": "gbrap", "abgr": "gbrap",
    "rgb48le": "gbrp16le", "rgb48be": "gbrp16le", "rgba64le": "gbrap16le", "rgba64be": "gbrap16le",
}  # fmt: skip
"""Pixel formats with the same samples in planes. RGB of 8 bit without opacity is read as an array."""


class PlaneReader:
    """Gives the decoded frames of one clip as upright `PlanarFrame`s."""

    def __init__(self, frame: av.VideoFrame, orientation: Orientation) -> None:
        self._name, self._orientation = _name_planes(frame), orientation
        frame = self._unpack(frame)
        full = self._name.startswith("yuvj") or frame.color_range == ColorRange.JPEG
        stored = SampleFormat(self._name.replace("yuvj", "yuv"), int(frame.colorspace), full)
        stored = _find_siting(frame, stored)
        self.format = _turn(stored, orientation)
        """Of the upright frames."""

    def read(self, frame: av.VideoFrame) -> PlanarFrame:
        """Return a frame, which is kept for as long as its planes are."""
        planes = _view_planes(self._unpack(frame), self.format.bits)
        if self._orientation != Orientation(False, 0):
            planes = tuple(self._orientation.apply(plane) for plane in planes)
        return PlanarFrame(planes, self.format)

    def _unpack(self, frame: av.VideoFrame) -> av.VideoFrame:
        same = frame.format.name == self._name
        return frame if same else frame.reformat(format=self._name, interpolation=ACCURATE)


def has_planes(frame: av.VideoFrame, orientation: Orientation) -> bool:
    """Whether frames like this one can be read by a `PlaneReader`, with the same samples when turned upright."""
    name = _name_planes(frame)
    if not is_planar(name):
        return False
    rows, columns = SampleFormat(name).step
    upright = orientation == Orientation(False, 0)
    # A block that lies half outside of the frame would lie half outside at the other end.
    return upright or (columns <= 2 and frame.height % rows == 0 and frame.width % columns == 0)


def to_video_frame(frame: PlanarFrame) -> av.VideoFrame:
    """Copy a frame into one of PyAV."""
    height, width, _ = frame.shape
    image = av.VideoFrame(width, height, frame.format.name)
    for target, plane in zip(_view_planes(image, frame.format.bits), frame.planes, strict=True):
        target[...] = plane
    image.colorspace = frame.format.matrix
    full = frame.format.full or not frame.format.yuv
    image.color_range = ColorRange.JPEG if full else ColorRange.MPEG
    return image


def write_opacity(image: av.VideoFrame, opacity: Plane, bits: int) -> None:
    """Write opacity over that of a frame; both have `bits`."""
    _view_planes(image, bits)[3][...] = opacity


def scale_samples(plane: Plane, bits: int, new_bits: int) -> Plane:
    """Return samples of full range at another depth, rounded."""
    top = 2**bits - 1
    scaled = (plane.astype(np.uint32) * (2**new_bits - 1) + top // 2) // top
    return scaled.astype(np.uint8 if new_bits == 8 else np.uint16)


def name_siting(form: SampleFormat) -> str:
    """Return FFmpeg's name of where chroma lies, which is `center` where files do not say it."""
    return _SITINGS.get(form.siting, "center")


def _view_planes(frame: av.VideoFrame, bits: int) -> tuple[Plane, ...]:
    dtype = np.dtype(np.uint8 if bits == 8 else "<u2")
    lines = [np.frombuffer(cast(Any, plane), dtype) for plane in frame.planes]
    return tuple(
        cast(Plane, line.reshape(-1, plane.line_size // dtype.itemsize)[: plane.height, : plane.width])
        for line, plane in zip(lines, frame.planes, strict=True)
    )


def _name_planes(frame: av.VideoFrame) -> str:
    return _UNPACKED.get(frame.format.name, frame.format.name)


def _find_siting(frame: av.VideoFrame, form: SampleFormat) -> SampleFormat:
    """Find out where chroma samples lie: PyAV does not tell, but libswscale knows, so both convert the same noise."""
    if form.step == (1, 1):
        return form
    side = 64 if frame.height != 64 else 32
    probe = frame.reformat(width=side, height=side)  # another frame, of which the same is said
    planes, mid = _view_planes(probe, form.bits), 2 ** (form.bits - 1)
    for seed, plane in enumerate(planes):
        plane[...] = np.random.default_rng(seed).integers(3 * mid // 4, 5 * mid // 4, plane.shape)
    expected = probe.reformat(format="rgb24", interpolation=ACCURATE).to_ndarray().astype(np.float32)

    def error(siting: tuple[float, float]) -> float:
        rgb = np.asarray(PlanarFrame(planes, replace(form, siting=siting)))
        return float(np.abs(rgb * (255 if form.bits > 8 else 1) - expected).mean())

    return replace(form, siting=min(_SITINGS, key=error))


def _turn(form: SampleFormat, orientation: Orientation) -> SampleFormat:
    """Return the format of frames that are turned upright."""
    if form.step == (1, 1):
        return form
    down, across = form.siting
    across = 1 - across if orientation.mirrored else across
    for _ in range(orientation.quarter_turns % 4):
        down, across = 1 - across, down
    name = form.name
    if orientation.sideways:
        name = re.sub("422|440", lambda layout: _SIDEWAYS[layout[0]], name)
    return replace(form, name=name, siting=(down, across))
