"""A video file as a clip: frames by number, upright RGB, a bounded number of them in memory."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Iterable, Iterator
from fractions import Fraction
from itertools import chain, dropwhile
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt

from ..errors import MediaError
from .color import ACCURATE, ColorTags
from .index import REMEDY, FrameIndex, build_index
from .opening import MediaPath, find_video, open_media, reading
from .orientation import Orientation
from .span import check_numbers

log = logging.getLogger(__name__)

RUN_LENGTH = 24
"""Decoded frames held at most: one second at 24 fps, which takes 300 MB in 4K."""
STILL_RATE = Fraction(25)
"""Frames a second of a still image, the rate of the models' training; files of one frame state any rate."""


class FileClip:
    """A video or image file that implements `data.Clip`: frames are (H, W, 3) uint8 RGB, turned upright.

    A file of one frame without audio is a still image: a clip of one frame at 25 fps.

    Opening reads the packets and decodes one frame. Raises MediaError where the file is missing, is not a
    video, has no frames or is cut short; `read` raises it where a frame is damaged.
    """

    def __init__(self, path: MediaPath, identity: str | None = None) -> None:
        """identity: a name that no other frames have; None makes one of the file's path, size and time of change."""
        self.path = Path(path)
        self._index = build_index(self.path)
        self.identity = identity or _identify(self.path)
        with FrameDecoder(self.path, self._index) as decoder:
            self._index = decoder.skip_undecodable_start()
            first = next(decoder)
            self.color = ColorTags.of(first, decoder.stream.codec_context)
            self.has_audio = any(s.codec_context for s in decoder.container.streams.audio)
            stored_aspect = decoder.stream.sample_aspect_ratio or Fraction(1)
            self._orientation = Orientation.of(first, decoder.stream)
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

    def read(self, indices: Iterable[int]) -> Iterator[npt.NDArray[np.uint8]]:
        """Yield the frames named by `indices`, in any order; rising numbers take one pass without seeking.

        `indices` is taken up to 24 ahead. Raises InputError on a number outside 0..N-1, MediaError where a
        frame cannot be decoded.
        """
        with FrameDecoder(self.path, self._index) as decoder:
            # Decoding runs forward only, and numbers may fall (`bounce`) or repeat. A run of numbers near each other
            # is decoded in one pass from its lowest frame, and what it names is held until its turn: at most 24
            # frames. They are held in the decoder's own format: RGB takes twice the memory.
            held: dict[int, av.VideoFrame] = {}
            for run in _split_into_runs(check_numbers(indices, len(self))):
                held = {number: frame for number, frame in held.items() if number in run}
                if missing := set(run) - set(held):
                    decoder.go_to(min(missing))
                while run:
                    # The last frame yielded stays held: the next run may begin with it.
                    while run[0] not in held:
                        number, frame = decoder.position, next(decoder)
                        if number in run:
                            held[number] = frame
                    number = run.popleft()
                    yield self._to_upright_rgb(number, held[number])
                    held = {n: frame for n, frame in held.items() if n in run or n == number}

    def _to_upright_rgb(self, number: int, frame: av.VideoFrame) -> npt.NDArray[np.uint8]:
        if (frame.height, frame.width) != self._stored_size:
            raise MediaError(
                f"{self.path} changes its size at frame {number}, from {self._stored_size[::-1]} to "
                f"{(frame.width, frame.height)} pixels. Re-encode it to one size."
            )
        # The numbers of "rgb24" in two thirds of the time, as libswscale writes planes faster than pixels. (With an
        # odd height and halved colours, one value in a thousand is rounded the other way.)
        pixels = frame.reformat(format="gbrp", interpolation=ACCURATE).to_ndarray()
        return self._orientation.apply(pixels)

    def _warn_of_loss(self, frame: av.VideoFrame) -> None:
        if self.color.hdr:
            log.warning("%s is HDR video; it is treated as 8 bit without tone mapping.", self.path)
        elif (bits := max(component.bits for component in frame.format.components)) > 8:
            log.warning("%s has %d bits per colour component; it is read as 8 bit.", self.path, bits)
        if _has_alpha(frame):
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


class FrameDecoder:
    """Decodes a video from any frame on, and makes sure that each frame is the one that the index names.

    Seeking is where decoding goes wrong without a word: containers reach a keyframe too late or none at all, decoders
    give frames whose references are missing, and a timestamp may come twice. So every frame is checked against the
    index, by its timestamp or, where timestamps do not name frames, by counting from the start of the file.
    """

    def __init__(self, path: Path, index: FrameIndex) -> None:
        self._path, self._index = path, index
        self._open()

    def _open(self) -> None:
        self.position, self._decoded = 0, 0
        """Number of the frame that comes next, and how many the decoder gave since it was opened."""
        self.container = open_media(self._path)
        stream = find_video(self.container)
        if stream is None:
            raise MediaError(f"{self._path} has changed while it was read; leave it in place.")
        self.stream = stream
        self.stream.thread_type = "AUTO"
        self._frames = self._decode_from(0)

    def __enter__(self) -> FrameDecoder:
        return self

    def __exit__(self, *_: object) -> None:
        self.container.close()

    def __next__(self) -> av.VideoFrame:
        with reading(self._path, self._describe_damage()):
            frame = self._decode_next()
            while frame is not None and self._is_left_out(frame):
                frame = self._decode_next()
        # A corrupt frame still has pixels: FFmpeg paints grey or the frame before over what it could not decode.
        if frame is None or frame.is_corrupt:
            raise MediaError(f"{self._path} {self._describe_damage()}")
        if self._index.order is None and frame.pts != self._index.stamps[self.position]:
            raise MediaError(
                f"{self._path} has timestamps that contradict its frames, from frame {self.position} of "
                f"{len(self._index.pts)} on: it is damaged, or its container cannot hold its codec. {REMEDY}"
            )
        self.position += 1
        return frame

    def _decode_next(self) -> av.VideoFrame | None:
        self._decoded += 1
        return next(self._frames, None)

    def _is_left_out(self, frame: av.VideoFrame) -> bool:
        """Whether the frame just decoded is not in the index, as its timestamp is that of the frame before."""
        if self._index.order is not None:
            return self._decoded <= self._index.order[self.position]
        return self.position > 0 and frame.pts == self._index.stamps[self.position - 1]

    def _describe_damage(self) -> str:
        return f"is damaged: {self.position} of {len(self._index.pts)} frames could be decoded. {REMEDY}"

    def _decode_from(self, number: int) -> Iterator[av.VideoFrame]:
        """Decode on, without the frames that are shown before `number`."""
        # In an open group of pictures, frames follow the keyframe that are shown before it and refer to the group
        # before, which a seek skips: they come out with wrong pixels, and not always marked as corrupt.
        frames, first = self.container.decode(self.stream), int(self._index.stamps[number])
        if self._index.order is not None:
            return frames
        return dropwhile(lambda f: f.pts is not None and f.pts < first, frames)

    def skip_undecodable_start(self) -> FrameIndex:
        """Return the index from the first frame that decodes on: a cut may leave some before it without references."""
        with reading(self._path, self._describe_damage()):
            frame = next(self._frames, None)
        if frame is None:
            raise MediaError(f"{self._path} {self._describe_damage()}")
        self._frames = chain([frame], self._frames)
        self._index = self._index.drop_start(frame.pts)
        return self._index

    def go_to(self, number: int) -> None:
        """Seek so that frame `number` comes next or soon after."""
        # Decoding a few frames on is cheaper than a seek, which starts the decoder's threads anew; and a seek to a
        # keyframe that is behind the present frame would decode the same frames twice.
        if self.position <= number <= self.position + RUN_LENGTH:
            return
        keyframes = self._index.keyframes
        before = keyframes[: np.searchsorted(keyframes, number, side="right")]
        if self.position <= number and (len(before) == 0 or before[-1] <= self.position):
            return
        # Some keyframes cannot be reached (see `_seek`): an earlier one is tried, in the end the start of the file.
        if not any(self._seek(int(keyframe)) for keyframe in before[::-1]):
            self.container.close()
            self._open()

    def _seek(self, keyframe: int) -> bool:
        """Continue at a keyframe; False where the container does not find it."""
        # What a seek reached is known only from the first frame that is decoded. The frame is put back; were its
        # timestamp not compared, every frame from here on would have the number of another.
        pts = int(self._index.stamps[keyframe])
        try:
            self.container.seek(pts, stream=self.stream)
            frames = self._decode_from(keyframe)
            first = next(frames, None)
        except av.FFmpegError:
            return False
        if first is None or first.pts != pts:
            return False
        self.position, self._frames = keyframe, chain([first], frames)
        return True
