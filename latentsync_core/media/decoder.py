"""Decode a video from any frame on, by number."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain, dropwhile
from pathlib import Path
from typing import cast

import av
import numpy as np
from av.container import InputContainer

from ..errors import MediaError
from .index import REMEDY, FrameIndex
from .opening import find_video, open_media, reading

_WITH_OPACITY = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders of WebM's second picture, which is opacity; FFmpeg's own leave it out."""

RUN_LENGTH = 24
"""Decoded frames held at most: one second at 24 fps, which takes 300 MB in 4K."""


class FrameDecoder:
    """Decodes a video from any frame on, and makes sure that each frame is the one that the index names.

    Seeking is where decoding goes wrong without a word: containers reach a keyframe too late or none at all, decoders
    give frames whose references are missing, and a timestamp may come twice. So every frame is checked against the
    index, by its timestamp or, where timestamps do not name frames, by counting from the start of the file.
    """

    def __init__(self, path: Path, index: FrameIndex, size: tuple[int, int] | None = None) -> None:
        """size: (height, width) that all frames must have; None does not check it."""
        self._path, self._index, self._size = path, index, size
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
        if self._size is not None and (frame.height, frame.width) != self._size:
            raise MediaError(
                f"{self._path} changes its size at frame {self.position}, from {self._size[::-1]} to "
                f"{(frame.width, frame.height)} pixels. Re-encode it to one size."
            )
        self.position += 1
        return frame

    @property
    def at_end(self) -> bool:
        """Whether all frames were given."""
        return self.position == len(self._index.pts)

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
        frames, first = _decode(self.container, self.stream), int(self._index.stamps[number])
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


def _decode(container: InputContainer, stream: av.VideoStream) -> Iterator[av.VideoFrame]:
    name = _WITH_OPACITY.get(stream.codec_context.name)
    if name is None or stream.metadata.get("alpha_mode") != "1" or name not in av.codecs_available:
        yield from container.decode(stream)
        return
    decoder = cast(av.VideoCodecContext, av.CodecContext.create(name, "r"))
    for packet in container.demux(stream):
        yield from decoder.decode(packet)
