"""A video file as a clip: frames by number, upright RGB, a bounded number of them in memory."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from ..data import Frame, Waveform
from ..planar import SampleFormat
from .audio import read_audio
from .color import ACCURATE, ColorTags
from .decoder import RUN_LENGTH, FrameDecoder
from .deinterlace import Deinterlacer
from .encoder_input import FirstField
from .index import build_index
from .opening import MediaPath
from .orientation import Orientation
from .planes import PlaneReader, has_planes
from .span import check_numbers

log = logging.getLogger(__name__)

_FIRST_FIELDS: dict[int, FirstField] = {2: "tff", 5: "tff", 3: "bff", 4: "bff"}
"""By FFmpeg's AVFieldOrder, of what is shown."""

STILL_RATE = Fraction(25)
"""Frames a second of a still image, the rate of the models' training; files of one frame state any rate."""
_MOST_ASPECT = 4
"""Width of a pixel over its height, or the other way round: anamorphic film has 2, and more is a damaged header."""


class FileClip:
    """A video or image file that implements `data.Clip`: frames are turned upright.

    Frames of YUV, and of RGB with opacity or above 8 bit, are `PlanarFrame`s, whose samples are the file's. Others, and
    those whose samples cannot be turned, are arrays (H, W, 3), uint8.

    A file of one frame without audio is a still image: a clip of one frame at 25 fps.

    Opening reads the packets and decodes one frame. Raises MediaError where the file is missing, is not a
    video, has no frames or is cut short; `read` raises it where a frame is damaged.
    """

    def __init__(self, path: MediaPath, identity: str | None = None, *, deinterlace: bool = False) -> None:
        """identity: a name that no other file has; None makes one of the file's path, size and time of change.

        deinterlace: take the combs out of frames that the file marks as interlaced (bwdif), one frame for each.
        """
        self.path = Path(path)
        self._index = build_index(self.path)
        self._deinterlaces = deinterlace
        self.identity = (identity or _identify(self.path)) + (" deinterlaced" if deinterlace else "")
        with FrameDecoder(self.path, self._index) as decoder:
            self._index = decoder.skip_undecodable_start()
            first = next(decoder)
            self.color = ColorTags.of(first, decoder.stream.codec_context)
            self.has_audio = any(s.codec_context for s in decoder.container.streams.audio)
            stored_aspect = self._check_aspect(decoder.stream.sample_aspect_ratio or Fraction(1))
            self._orientation = Orientation.of(first, decoder.stream)
            upright = self._orientation == Orientation(False, 0)
            order = getattr(decoder.stream.codec_context, "field_order", 0)  # PyAV 17 has none
        combed = first.interlaced_frame and upright and not deinterlace
        self.first_field: FirstField = _FIRST_FIELDS.get(order, "") if combed else ""
        """Of frames that are interlaced and stay so; empty where the file does not say it."""
        self._planes = PlaneReader(first, self._orientation) if has_planes(first, self._orientation) else None
        self.samples: SampleFormat | None = None if self._planes is None else self._planes.format
        """How the samples of its `PlanarFrame`s stand for colours; None where frames are arrays."""
        sideways = self._orientation.sideways
        self._stored_size = first.height, first.width
        self.height, self.width = self._stored_size[:: -1 if sideways else 1]
        self.pixel_aspect: Fraction = 1 / stored_aspect if sideways else stored_aspect
        """Width of a pixel over its height, as the frame is shown; 1 where the file does not say."""
        still = len(self._index.pts) == 1 and not self.has_audio
        self.fps: Fraction = STILL_RATE if still else self._index.rate
        self.times: npt.NDArray[np.float64] = self._index.times
        # `data.Clip` promises that the last frame starts before the end, also where the exact grid moved its start.
        end = float(1 / STILL_RATE) if still else self._index.duration
        self.duration = max(end, float(np.nextafter(self.times[-1], np.inf)))
        self._warn_of_loss(first)

    def __len__(self) -> int:
        return len(self.times)

    def read(self, indices: Iterable[int]) -> Iterator[Frame]:
        """Yield the frames named by `indices`, in any order; rising numbers take one pass without seeking.

        `indices` is taken up to 24 ahead. Raises InputError on a number outside 0..N-1, MediaError where a
        frame cannot be decoded.
        """
        with FrameDecoder(self.path, self._index, self._stored_size) as decoder:
            source = Deinterlacer(decoder) if self._deinterlaces else decoder
            # Decoding runs forward only, and numbers may fall (`bounce`) or repeat. A run of numbers near each other
            # is decoded in one pass from its lowest frame, and what it names is held until its turn: at most 24
            # frames.
            held: dict[int, av.VideoFrame] = {}
            for run in _split_into_runs(check_numbers(indices, len(self))):
                held = {number: frame for number, frame in held.items() if number in run}
                if missing := set(run) - set(held):
                    source.go_to(min(missing))
                while run:
                    # The last frame yielded stays held: the next run may begin with it.
                    while run[0] not in held:
                        number, frame = source.position, next(source)
                        if number in run:
                            held[number] = frame
                    number = run.popleft()
                    yield self._to_upright(held[number])
                    held = {n: frame for n, frame in held.items() if n in run or n == number}

    def read_own_audio(self) -> Waveform | None:
        """Read the file's audio; None where it has none. Raises MediaError where it is damaged."""
        return read_audio(self.path) if self.has_audio else None

    def _to_upright(self, frame: av.VideoFrame) -> Frame:
        if self._planes is not None:
            return self._planes.read(frame)
        # The numbers of "rgb24" in two thirds of the time, as libswscale writes planes faster than pixels. (With an
        # odd height and halved colours, one value in a thousand is rounded the other way.)
        pixels = frame.reformat(format="gbrp", interpolation=ACCURATE).to_ndarray()
        return self._orientation.apply(pixels)

    def _check_aspect(self, aspect: Fraction) -> Fraction:
        if 1 / _MOST_ASPECT <= aspect <= _MOST_ASPECT:
            return aspect
        log.warning(
            "%s says that its pixels are %s times as wide as high; square ones are assumed.",
            self.path,
            aspect,
        )
        return Fraction(1)

    def _warn_of_loss(self, frame: av.VideoFrame) -> None:
        if self.color.hdr:
            log.warning(
                "%s is HDR video: the mouth is painted in its own signal, without tone mapping.", self.path
            )
        bits = max(component.bits for component in frame.format.components)
        if bits > 8 and self.samples is None:
            log.warning("%s has %d bits per colour component; it is read as 8 bit.", self.path, bits)
        if frame.interlaced_frame and not self._deinterlaces:
            log.warning(
                "%s is interlaced: what moves has combs, and so will the result. To take them out: --deinterlace, or "
                "FileClip(..., deinterlace=True).", self.path,
            )  # fmt: skip
        elif self._deinterlaces and not frame.interlaced_frame:
            log.warning("%s is not marked as interlaced, so that nothing is deinterlaced.", self.path)
        if _has_alpha(frame) and self.samples is None:
            log.warning("%s has transparency, which is dropped.", self.path)


def _identify(path: Path) -> str:
    status = path.stat()
    return f"{path.resolve()} {status.st_size} {status.st_mtime_ns}"


def _has_alpha(frame: av.VideoFrame) -> bool:
    return any(component.is_alpha for component in frame.format.components)


def _split_into_runs(numbers: Iterable[int]) -> Iterator[deque[int]]:
    """Split the numbers into runs that are decoded together: at most 24, and no jump wider than that in a run."""
    run: deque[int] = deque()
    for number in numbers:
        if run and (len(run) == RUN_LENGTH or abs(number - run[-1]) > RUN_LENGTH):
            yield run
            run = deque()
        run.append(number)
    if run:
        yield run
