"""The table of a video's frames, from its packets: when each starts and from where it can be decoded."""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import numpy.typing as npt
from av.container import InputContainer

from ..errors import MediaError
from .opening import counts_packets, find_video, longest_step_of, open_media, reading
from .stamps import (
    USUAL_RATE,
    Int64s,
    Stamp,
    assign_packet_times,
    assign_rising_times,
    is_rising,
    is_unambiguous,
    remove_jumps,
)

log = logging.getLogger(__name__)

_CODECS_WITH_HIDDEN_PACKETS = {"vp8"}
"""Codecs whose alternate reference frames are packets of their own that never become a frame."""
_DECLARES_LENGTH = ("mp4", "matroska")
"""Containers whose header holds the true length; elsewhere FFmpeg estimates it from the bit rate."""
_MISSING_SECONDS = 0.5
"""A file that ends more than this before the length in its header is cut short."""
_CONTAINER_ROUNDING = 0.001
"""Matroska and WebM round timestamps to milliseconds."""

REMEDY = "Copy or download it again, or repair it by re-encoding it."


@dataclass(frozen=True, eq=False)
class FrameIndex:
    """All frames of a video in the order in which they are shown, N of them."""

    pts: Int64s
    """Shape (N,), strictly rising, in units of `time_base`: start of each frame, jumps of the clock taken out."""
    stamps: Int64s
    """Shape (N,): the timestamp by which the decoder names each frame."""
    keyframes: Int64s
    """Numbers, rising, of the frames from which decoding can start."""
    end: int
    """End of the last frame, in units of `time_base`."""
    time_base: Fraction
    """Seconds a unit."""
    declared_rate: Fraction | None
    """Frames a second by the file's header."""
    order: Int64s | None = None
    """Shape (N,), where timestamps do not name the frames: how many the decoder gives before each; else None."""

    @property
    def duration(self) -> float:
        """Seconds from the start of the first frame to the end of the last."""
        return float((self.end - int(self.pts[0])) * self.time_base)

    @property
    def rate(self) -> Fraction:
        """Average frames a second: the header's if it predicts the number of frames, else as counted; never 0."""
        count, seconds = len(self.pts), (self.end - int(self.pts[0])) * self.time_base
        if self.declared_rate and abs(self.declared_rate * seconds - count) < 1:
            return self.declared_rate
        if count < seconds:
            return 1 / (seconds / count).limit_denominator(1001)
        return (count / seconds).limit_denominator(1001)

    @property
    def times(self) -> npt.NDArray[np.float64]:
        """Shape (N,), seconds from the first frame; the exact grid where only the container's rounding differs."""
        times = (self.pts - self.pts[0]) * float(self.time_base)
        grid = np.arange(len(times)) / float(self.rate)
        tolerance = min(float(self.time_base), _CONTAINER_ROUNDING) + 1e-9
        return grid if np.abs(times - grid).max() <= tolerance else times

    def drop_start(self, stamp: int | None) -> FrameIndex:
        """Return the index without the frames before the one that the decoder names `stamp`."""
        skipped = 0 if stamp is None or self.order is not None else int(np.searchsorted(self.stamps, stamp))
        keyframes = self.keyframes[self.keyframes >= skipped] - skipped
        return replace(self, pts=self.pts[skipped:], stamps=self.stamps[skipped:], keyframes=keyframes)


def build_index(path: Path) -> FrameIndex:
    """List the frames of a video by reading its packets; they are decoded only where timestamps do not suffice.

    Raises MediaError where there is no video, no frame, or less of the file than its header promises.
    """
    with open_media(path) as container, reading(path, f"is damaged. {REMEDY}"):
        stream = find_video(container)
        if stream is None:
            raise MediaError(f"{path} has no video stream; choose a file with video.")
        if stream.codec_context is None:
            raise MediaError(
                f"{path} has video in a codec that is not known here; re-encode it, to H.264 say."
            )
        packets = _read_packets(path, container, stream)
        if not packets or not stream.time_base:
            raise MediaError(f"{path} has a video stream without frames. {REMEDY}")
        rows, counted = _order_as_shown(path, packets, container, stream)
        total = sum(row.duration for row in packets) if "mp4" in container.format.name else 0
        return _make_index(path, stream, rows, total, counted, longest_step_of(container))


def _read_packets(path: Path, container: InputContainer, stream: av.VideoStream) -> list[Stamp]:
    """Read the packets in the order of the file; MediaError where the file ends too early."""
    rows: list[Stamp] = []
    reached, count, cut = 0.0, 0, False
    for packet in container.demux():
        if packet.size == 0:
            continue
        if packet.pts is not None and packet.time_base is not None:
            reached = max(reached, float((packet.pts + (packet.duration or 0)) * packet.time_base))
        count += packet.stream_index == stream.index
        if packet.stream_index == stream.index and not packet.is_discard:
            cut = packet.is_corrupt  # of the last; in between it is for the decoder to say
            rows.append(Stamp(packet.pts, packet.dts, packet.duration or 0, packet.is_keyframe))
    declared = _find_declared_end(container)
    missing = declared - reached > _MISSING_SECONDS and not 0 < stream.frames <= count
    if cut or missing:
        total = max(stream.frames, round(declared * (stream.average_rate or 0)), len(rows))
        raise MediaError(f"{path} is cut short: {len(rows) - cut} of {total} frames are there. {REMEDY}")
    return rows


def _find_declared_end(container: InputContainer) -> float:
    """Return the second at which the file ends by its header, in the file's own clock; 0 where it does not say.

    Some writers put the length there also where the file starts late: the end is then taken too early, never too late.
    """
    if container.duration is None or not any(name in container.format.name for name in _DECLARES_LENGTH):
        return 0.0
    return container.duration / av.time_base


def _order_as_shown(
    path: Path, packets: list[Stamp], container: InputContainer, stream: av.VideoStream
) -> tuple[list[Stamp], bool]:
    """Return rows in the order in which the frames are shown, and whether only their place in that order names them."""
    # From cheap to dear: packets alone, if their timestamps can be believed; else all frames are decoded for their
    # own timestamps; else the frames are counted, and a seek cannot be trusted to reach the one that is meant.
    time_base = stream.time_base or Fraction(1)
    if counts_packets(container, stream):
        return assign_packet_times(packets, _decode_rows(path)), True
    hidden = stream.codec_context.name in _CODECS_WITH_HIDDEN_PACKETS
    if not hidden and is_unambiguous(packets, time_base):
        return sorted(packets, key=lambda row: row.pts or 0), False
    frames = _decode_rows(path)
    if is_rising(frames):
        return frames, False
    log.warning("%s has timestamps that are missing or go back; its frames are shown as they follow.", path)
    return assign_rising_times(frames, _usual_step_of(stream), time_base), True


def _decode_rows(path: Path) -> list[Stamp]:
    """Decode all frames to rows; the decoder gives them in the order in which they are shown."""
    with open_media(path) as container:
        stream = find_video(container)
        if stream is None:
            return []
        stream.thread_type = "AUTO"
        return [Stamp(frame.pts, None, 0, frame.key_frame) for frame in container.decode(stream)]


def _usual_step_of(stream: av.VideoStream) -> int:
    return max(1, round(1 / ((stream.average_rate or USUAL_RATE) * (stream.time_base or 1))))


def _make_index(
    path: Path, stream: av.VideoStream, rows: list[Stamp], total: int, counted: bool, longest: int
) -> FrameIndex:
    """Make the index of rows in the order in which they are shown; total: length in ticks by the packets, or 0."""
    if not rows or not stream.time_base:
        raise MediaError(f"{path} has a video stream without frames. {REMEDY}")
    stamps = np.array([row.pts for row in rows], np.int64)
    # Of frames with one timestamp the first is kept; the decoder leaves the same ones out (`FrameDecoder`).
    kept = np.flatnonzero(np.diff(stamps, prepend=stamps[0] - 1))
    if twice := len(stamps) - len(kept):
        log.warning("%s has %d frames at the timestamps of others; one is kept for each.", path, twice)
    stamps, keys = stamps[kept], np.array([row.key for row in rows])[kept]
    steps = np.diff(stamps)
    last = rows[-1].duration or (int(np.median(steps)) if len(steps) else _usual_step_of(stream))
    last = max(last, int(stamps[0]) + total - int(stamps[-1]))
    pts, end, time_base = remove_jumps(stamps, last, stream.time_base, longest)
    if time_base != stream.time_base or end - pts[0] != stamps[-1] + last - stamps[0]:
        log.warning("%s has a clock that jumps; the jumps are taken out.", path)
    keyframes = np.flatnonzero(keys & (not counted))
    order = kept if counted else None
    return FrameIndex(pts, stamps, keyframes, end, time_base, stream.average_rate, order)
