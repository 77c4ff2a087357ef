"""Frames as video files store them, in planes of samples, of which parts are converted to RGB and back.

Samples that are not written to stay the file's own, bit for bit and at any depth.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, cast

import numpy as np
import numpy.typing as npt

Plane = npt.NDArray[np.unsignedinteger[Any]]
Pixels = npt.NDArray[Any]

Slices = tuple[slice, slice]
"""Rows and columns, as of an array."""

Corners = npt.NDArray[np.integer[Any]]
"""Shape (2, 2): the first row and column of a part, and those after its last."""

_NAME = re.compile(r"yuv[ja]?(444|422|420|440|411|410)p(?:(\d+)le)?|gbra?p(\d+)le|gbrap")
_STEPS = {"444": (1, 1), "422": (1, 2), "420": (2, 2), "440": (2, 1), "411": (1, 4), "410": (4, 4)}

_WEIGHTS = {1: (0.2126, 0.0722), 4: (0.30, 0.11), 7: (0.212, 0.087), 9: (0.2627, 0.0593)}
"""Weights of red and blue in luma by H.273's MatrixCoefficients; all others are BT.601's, as for libswscale."""
_BT601 = 0.299, 0.114

_MARGIN = 8
"""A converted part is wider by an eighth on each side: what is asked for next mostly lies in it."""


@dataclass(frozen=True)
class SampleFormat:
    """How the samples of a frame's planes stand for colours."""

    name: str
    """FFmpeg's name of the pixel format, such as yuv420p10le; see `is_planar`."""
    matrix: int = 2
    """MatrixCoefficients of ITU-T H.273; 2 is unknown."""
    full: bool = False
    """Whether samples use their full range; else black is 16 and white 235, of 8 bit."""
    siting: tuple[float, float] = (0.5, 0.0)
    """Where a chroma sample lies among its rows and columns of pixels: 0 at the first, 1 at the last."""

    @cached_property
    def bits(self) -> int:
        """Bits of a sample."""
        match = cast(re.Match[str], _NAME.fullmatch(self.name))
        return int(match[2] or match[3] or 8)

    @property
    def yuv(self) -> bool:
        """Whether there are planes of brightness and colour, and not of green, blue and red."""
        return self.name.startswith("yuv")

    @property
    def has_alpha(self) -> bool:
        """Whether there is a plane of opacity."""
        return "a" in self.name

    @cached_property
    def step(self) -> tuple[int, int]:
        """Rows and columns of pixels to a chroma sample."""
        return _STEPS[cast(re.Match[str], _NAME.fullmatch(self.name))[1] or "444"]

    @cached_property
    def to_rgb(self) -> npt.NDArray[np.float64]:
        """The transform (3, 4) from the samples of a pixel, and 1, to RGB in 0..1 (H.273, section 8.3)."""
        top, unit = 2**self.bits - 1, 2 ** (self.bits - 8)
        if not self.yuv:
            return np.eye(3, 4)[[2, 0, 1]] / top
        red, blue = _WEIGHTS.get(self.matrix, _BT601)
        from_red, from_blue, green = 2 - 2 * red, 2 - 2 * blue, 1 - red - blue
        linear = np.array([
            [1, 0, from_red],
            [1, -from_blue * blue / green, -from_red * red / green],
            [1, from_blue, 0],
        ])  # fmt: skip
        linear /= [top] * 3 if self.full else [219 * unit, 224 * unit, 224 * unit]
        zero = np.array([0 if self.full else 16, 128, 128]) * unit
        return np.column_stack([linear, -linear @ zero])

    @cached_property
    def from_rgb(self) -> npt.NDArray[np.float64]:
        """The transform (3, 4) from RGB in 0..1, and 1, to samples."""
        linear = np.linalg.inv(self.to_rgb[:, :3])
        return np.column_stack([linear, -linear @ self.to_rgb[:, 3]])


def is_planar(name: str) -> bool:
    """Whether a pixel format of FFmpeg has planes that a `PlanarFrame` takes: YUV; RGB with opacity or above 8 bit."""
    return _NAME.fullmatch(name) is not None


@dataclass(frozen=True, eq=False)
class PlanarFrame:
    """A frame (H, W, 3) that gives RGB as an array does: `frame[rows, columns]`, and as a whole `numpy.asarray(frame)`.

    RGB is uint8 in 0..255 for samples of 8 bit, else float32, where black is 0 and white 1. Do not write into it.
    """

    planes: tuple[Plane, ...]
    """Luma (H, W), two of chroma, of a sample for `format.step` pixels, and perhaps opacity; or green, blue and red."""
    format: SampleFormat
    _known: list[tuple[Corners, Pixels]] = field(default_factory=list, init=False, repr=False)
    """The parts that were converted so far."""

    @classmethod
    def of_rgb(cls, pixels: Pixels, form: SampleFormat) -> PlanarFrame:
        """Return a frame of RGB in 0..1, (H, W, 3), without opacity."""
        dtype, top = (np.uint8 if form.bits == 8 else np.uint16), 2**form.bits - 1
        blank = cls((np.zeros(pixels.shape[:2], dtype),), form)
        samples = blank._to_samples(pixels * (255 if form.bits == 8 else 1))
        return cls(tuple(np.clip(np.rint(plane), 0, top).astype(dtype) for plane in samples), form)

    @property
    def shape(self) -> tuple[int, int, int]:
        height, width = self.planes[0].shape
        return height, width, 3

    @property
    def dtype(self) -> np.dtype[Any]:
        """Of its RGB."""
        return np.dtype(np.uint8 if self.format.bits == 8 else np.float32)

    def __getitem__(self, part: Slices) -> Pixels:
        """Return RGB of some rows and columns, (h, w, 3)."""
        corners = self._corners_of(part)
        for known, pixels in self._known:
            if (known[0] <= corners[0]).all() and (corners[1] <= known[1]).all():
                return pixels[_part_of(corners - known[0])]
        size = corners[1] - corners[0]
        if not size.all():
            return np.empty((*size, 3), self.dtype)
        wide = np.clip(corners + np.outer((-1, 1), size // _MARGIN), 0, self.shape[:2])
        self._known.append((wide, self._convert(wide)))
        return self[part]

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> Pixels:
        whole = self._convert(self._corners_of(np.s_[:, :]))
        return whole if dtype is None else whole.astype(dtype, copy=False)

    def shrink(self, width: int, height: int) -> Pixels:
        """Return RGB of the whole frame, made smaller by averaging, (height, width, 3)."""
        import cv2  # late, as importing the node pack loads no OpenCV

        planes = self.planes[:3]
        return self._to_rgb([cv2.resize(p, (width, height), interpolation=cv2.INTER_AREA) for p in planes])

    def blend(self, part: Slices, pixels: Pixels, alpha: npt.NDArray[np.float32]) -> PlanarFrame:
        """Return a frame with new RGB in a part: pixels (h, w, 3) that are blended already, by alpha (h, w).

        A sample stays bit for bit unless alpha is above 0 in one of its pixels.
        """
        corners, step = self._corners_of(part), self.format.step
        wide = np.minimum(_blocks_of(corners, step) * step, self.shape[:2])
        old = self[_part_of(wide)]
        new, weight = old.copy(), np.zeros(old.shape[:2], np.float32)
        inner = _part_of(corners - wide[0])
        new[inner], weight[inner] = pixels, alpha
        chroma_weight, chroma_touched = self._reduce(weight), any_in_blocks(weight > 0, step)
        planes = map(
            _mix,
            self.planes[:3],
            [_part_of(_blocks_of(wide, block)) for block in ((1, 1), step, step)],
            self._to_samples(old),
            self._to_samples(new),
            [weight, chroma_weight, chroma_weight],
            [weight > 0, chroma_touched, chroma_touched],
            [2**self.format.bits - 1] * 3,
        )
        return PlanarFrame((*planes, *self.planes[3:]), self.format)

    def _corners_of(self, part: Slices) -> Corners:
        spans = [axis.indices(length)[:2] for axis, length in zip(part, self.shape[:2], strict=True)]
        return np.array(spans).T

    def _convert(self, corners: Corners) -> Pixels:
        luma, *chroma = self.planes[:3]
        return self._to_rgb([luma[_part_of(corners)], *(self._enlarge(plane, corners) for plane in chroma)])

    def _enlarge(self, chroma: Plane, corners: Corners) -> Pixels:
        """Return the chroma of each pixel of a part, by bilinear interpolation."""
        import cv2  # late, as importing the node pack loads no OpenCV

        step = np.array(self.format.step)
        if (step == 1).all():
            return chroma[_part_of(corners)]
        blocks = _blocks_of(corners, self.format.step)
        near = np.stack([np.maximum(blocks[0] - 1, 0), np.minimum(blocks[1] + 1, chroma.shape)])
        start = (corners[0] - np.array(self.format.siting) * (step - 1)) / step - near[0]
        matrix = np.array([[1 / step[1], 0, start[1]], [0, 1 / step[0], start[0]]])
        height, width = (corners[1] - corners[0]).tolist()
        return cv2.warpAffine(
            chroma[_part_of(near)].astype(np.float32), matrix, (width, height),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, borderMode=cv2.BORDER_REPLICATE,
        )  # fmt: skip

    def _to_rgb(self, planes: Sequence[Pixels]) -> Pixels:
        import cv2  # late, as importing the node pack loads no OpenCV

        samples = cv2.merge([plane.astype(np.float32) for plane in planes])
        if self.dtype != np.uint8:
            return cv2.transform(samples, self.format.to_rgb)
        return np.clip(np.rint(cv2.transform(samples, 255 * self.format.to_rgb)), 0, 255).astype(np.uint8)

    def _to_samples(self, pixels: Pixels) -> list[Pixels]:
        import cv2  # late, as importing the node pack loads no OpenCV

        white = 255 if self.dtype == np.uint8 else 1
        matrix = self.format.from_rgb / [white, white, white, 1]
        luma, *chroma = cv2.split(cv2.transform(pixels.astype(np.float32), matrix))
        return [luma, *map(self._reduce, chroma)]

    def _reduce(self, image: Pixels) -> Pixels:
        """Return an image of whole blocks at the size of chroma, by the triangle over which `_enlarge` spreads it."""
        import cv2  # late, as importing the node pack loads no OpenCV

        rows, columns = self.format.step
        kernels = [_triangle(*axis) for axis in zip(self.format.step, self.format.siting, strict=True)]
        smooth = cv2.sepFilter2D(
            image, -1, kernels[1], kernels[0], anchor=(columns - 1, rows - 1), borderType=cv2.BORDER_REPLICATE
        )
        return smooth[::rows, ::columns]


def _mix(
    plane: Plane, part: Slices, before: Pixels, after: Pixels, weight: Pixels, touched: Pixels, top: int
) -> Plane:
    """Return a plane with samples `after` where touched; what the conversion loses of the source is given back."""
    source = plane[part]
    mixed = after + (1 - weight) * (source - before)
    out = plane.copy()
    out[part] = np.where(touched, np.clip(np.rint(mixed), 0, top), source)
    return out


def _triangle(step: int, place: float) -> npt.NDArray[np.float64]:
    """Return the weights of the pixels from `step - 1` before a block to those of the next one."""
    distance = np.arange(1 - step, 2 * step) - place * (step - 1)
    weights = np.maximum(0, 1 - np.abs(distance) / step)
    return weights / weights.sum()


def _part_of(corners: Corners) -> Slices:
    (top, left), (bottom, right) = corners.tolist()
    return slice(top, bottom), slice(left, right)


def _blocks_of(corners: Corners, step: tuple[int, int]) -> Corners:
    """Return the corners of the blocks of `step` pixels that a part touches, in blocks."""
    size = np.array(step)
    return np.stack([corners[0] // size, -(-corners[1] // size)])


def any_in_blocks(mask: npt.NDArray[np.bool_], step: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return for each block of `step` rows and columns whether a mask (H, W) is set anywhere in it."""
    rows, columns = (np.arange(0, length, size) for length, size in zip(mask.shape, step, strict=True))
    return np.logical_or.reduceat(np.logical_or.reduceat(mask, rows, 0), columns, 1)
