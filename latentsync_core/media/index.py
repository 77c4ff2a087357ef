"""The table of a video's frames, from its packets: when each starts and from where it can be decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from ..errors import MediaError
from .opening import find_video, open_media, reading

_CODECS_WITH_HIDDEN_PACKETS = {"vp8"}
"""Their alternate reference frames are packets of their own that never become a frame."""
_DECLARES_LENGTH = ("mp4", "matroska")
"""Containers whose header holds the true length; elsewhere FFmpeg estimates it from the bit rate."""
_MISSING_SECONDS = 0.5
"""A file that ends this much before the length in its header is cut short."""
_CONTAINER_ROUNDING = 0.001
"""Matroska and WebM round timestamps to milliseconds."""

REMEDY = "Copy or download it again, or repair it by re-encoding it."


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """All frames of a video in the order in which they are shown, N of them."""

    pts: npt.NDArray[np.int64]
    """Shape (N,), strictly rising, in units of `time_base`: start of each frame in the file's own clock."""
    keyframes: npt.NDArray[np.int64]
    """Rising numbers of the frames from which decoding can start."""
    end: int
    """End of the last frame, in units of `time_base`."""
    time_base: Fraction
    """Seconds a unit."""
    declared_rate: Fraction | None
    """Frames a second by the file's header."""

    @property
    def duration(self) -> float:
        """Seconds from the start of the first frame to the end of the last."""
        return float((self.end - int(self.pts[0])) * self.time_base)

    @property
    def rate(self) -> Fraction:
        """Average frames a second: the header's if it predicts the number of frames, else as counted."""
        count, seconds = len(self.pts), (self.end - int(self.pts[0])) * self.time_base
        if self.declared_rate and abs(self.declared_rate * seconds - count) < 1:
            return self.declared_rate
        return (count / seconds).limit_denominator(1001)

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """Shape (N,), seconds from the first frame; where only the container's rounding blurs it, the exact grid."""
        times = (self.pts - self.pts[0]) * float(self.time_base)
        grid = np.arange(len(times)) / float(self.rate)
        tolerance = min(float(self.time_base), _CONTAINER_ROUNDING) + 1e-9
        return grid if np.abs(times - grid).max() <= tolerance else times

    def without_start(self, first_pts: int | None) -> FrameIndex:
        """The frames from `first_pts` on."""
        skipped = 0 if first_pts is None else int(np.searchsorted(self.pts, first_pts))
        keyframes = self.keyframes[self.keyframes >= skipped] - skipped
        return replace(self, pts=self.pts[skipped:], keyframes=keyframes)


_Row = tuple[int, int, bool]
"""pts, duration (0 where unknown), keyframe."""


def build_index(path: Path) -> FrameIndex:
    """List the frames of a video by reading its packets; they are decoded only where their timestamps do not do.

    Raises MediaError where there is no video, no frame, or less of the file than its header promises.
    """
    with open_media(path) as container, reading(path, f"is damaged. {REMEDY}"):
        stream = find_video(container)
        if stream is None:
            raise MediaError(f"{path} has no video stream; choose a file with a picture.")
        rows = _packet_rows(path, container, stream)
        hidden = stream.codec_context.name in _CODECS_WITH_HIDDEN_PACKETS
        if hidden or None in (distinct := {row[0] for row in rows}) or len(distinct) < len(rows):
            container.seek(0)
            rows = _frame_rows(container, stream)
        if not rows or stream.time_base is None:
            raise MediaError(f"{path} has a video stream without frames. {REMEDY}")
        table = np.array(sorted(rows), np.int64)
        return FrameIndex(
            table[:, 0],
            np.flatnonzero(table[:, 2]),
            _end(stream, table),
            stream.time_base,
            stream.average_rate,
        )


def _packet_rows(path: Path, container: InputContainer, stream: av.VideoStream) -> list[_Row]:
    """Rows in the order of the file; a pts may be None. Checks that the file is all there."""
    rows: list[_Row] = []
    reached, cut = 0.0, False
    for packet in container.demux():
        if packet.size == 0:
            continue
        if packet.pts is not None and packet.time_base is not None:
            reached = max(reached, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        if packet.stream_index == stream.index and not packet.is_discard:
            cut |= packet.is_corrupt
            rows.append((packet.pts, packet.duration or 0, packet.is_keyframe))  # type: ignore[arg-type]
    declared = _declared_end(container)
    if cut or declared - reached > _MISSING_SECONDS:
        rate = stream.average_rate or 0
        total = max(stream.frames, round(declared * rate), len(rows))
        raise MediaError(f"{path} is cut short: {len(rows) - cut} of {total} frames are there. {REMEDY}")
    return rows


def _declared_end(container: InputContainer) -> float:
    """Seconds at which the file ends by its header, in the file's own clock; 0 where it does not say."""
    if container.duration is None or not any(name in container.format.name for name in _DECLARES_LENGTH):
        return 0.0
    return (max(container.start_time or 0, 0) + container.duration) / av.time_base


def _frame_rows(container: InputContainer, stream: av.VideoStream) -> list[_Row]:
    stream.thread_type = "AUTO"
    frames = container.decode(stream)
    return [(frame.pts, 0, frame.key_frame) for frame in frames if frame.pts is not None]


def _end(stream: av.VideoStream, table: npt.NDArray[np.int64]) -> int:
    """End of the last frame: mp4 keeps durations in decoding order, so both of its answers may be too small."""
    last, duration = int(table[-1, 0]), int(table[-1, 1])
    steps = np.diff(table[:, 0])
    end = last + (duration or (int(np.median(steps)) if len(steps) else 1))
    return end if stream.duration is None else max(end, (stream.start_time or 0) + stream.duration)
