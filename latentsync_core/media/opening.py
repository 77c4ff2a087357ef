"""Open a media file and find its streams, with one clear error for each way in which that fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import av
from av.container import InputContainer
from av.stream import Disposition

from ..errors import MediaError

MediaPath = str | os.PathLike[str]

_CLOCK_MAY_JUMP, _INDEX_BY_PACKETS = 0x0200, 0x0100
"""FFmpeg's AVFMT_TS_DISCONT and AVFMT_GENERIC_INDEX."""
_TAGS: dict[str, Any] = {"metadata_errors": "ignore"} if int(av.__version__.split(".")[0]) < 19 else {}
"""Tags that are not UTF-8 are no reason to refuse a file; PyAV 19 thinks so by itself and has no such argument."""
_LONGEST_STEP, _LONGEST_BROADCAST_STEP = 3 * 3600, 10
"""Seconds that may pass between timestamps; the second is for containers whose clocks may start anew."""


def open_media(path: MediaPath) -> InputContainer:
    """Open a video or audio file for reading; MediaError where it is missing, a folder, empty or not media."""
    path = Path(path)
    if path.is_dir():
        raise MediaError(f"{path} is a folder; name a video or audio file in it.")
    if not path.exists():
        raise MediaError(f"{path} does not exist; check the name and the folder.")
    if path.stat().st_size == 0:
        raise MediaError(f"{path} is empty (0 bytes); copy or record it again.")
    with reading(path, "is not a video or audio file, or its header is damaged; try to play it."):
        return av.open(absolute_path_of(path), **_TAGS)


def absolute_path_of(path: MediaPath) -> str:
    """Return the path as FFmpeg takes it for a file only: absolute, as `12:30.wav` and `pipe:0` are protocols to it."""
    return os.path.abspath(path)


@contextmanager
def reading(path: MediaPath, problem: str) -> Iterator[None]:
    """Turn what PyAV raises on a file into a MediaError that names `path` and `problem`."""
    try:
        yield
    except PermissionError as exc:
        raise MediaError(f"{path} may not be read; change its permissions.") from exc
    except (av.FFmpegError, OSError) as exc:
        raise MediaError(f"{path} {problem} [{exc.strerror}]") from exc
    except MemoryError as exc:
        raise MediaError(
            f"{path} needs more memory than there is; cut it into parts, or scale it down. [{exc}]"
        ) from exc


def find_video(container: InputContainer) -> av.VideoStream | None:
    """Return the first video stream that is not the cover art of a song, None without one."""
    streams = container.streams.video
    return next((s for s in streams if not s.disposition & Disposition.attached_pic), None)


def longest_step_of(container: InputContainer) -> int:
    """Return how many seconds may pass from one timestamp to the next; where it is more, the clock has jumped.

    The limit is low in containers made for broadcasts (MPEG-TS, MPEG-PS, Ogg), whose clocks jump, as in FFmpeg.
    """
    return _LONGEST_BROADCAST_STEP if container.format.flags & _CLOCK_MAY_JUMP else _LONGEST_STEP


def has_clock(container: InputContainer) -> bool:
    """Whether timestamps are stored; in bare streams (mp3, aac, wav) they only count what came before."""
    flags = container.format.flags
    return bool(flags & _CLOCK_MAY_JUMP) or not flags & _INDEX_BY_PACKETS


def start_seconds_of(container: InputContainer, stream: av.AudioStream | av.VideoStream) -> float:
    """Return the second of the file's own clock that counts as 0: of its first frame, else the start of `stream`."""
    video = find_video(container)
    first = video or stream
    start, shown = first.start_time, None
    if video is not None and video.codec_context is not None and not counts_packets(container, video):
        shown = _find_first_shown(container.name)
    pts = start if shown is None else shown
    return 0.0 if pts is None or first.time_base is None else float(pts * first.time_base)


def counts_packets(container: InputContainer, video: av.VideoStream) -> bool:
    """Whether timestamps only number the packets, and do not know in which order the frames are shown (AVI)."""
    return container.format.name == "avi" and bool(video.codec_context.has_b_frames)


def _find_first_shown(path: str) -> int | None:
    """Return the timestamp of the first frame that decodes: a cut may leave some before it without references."""
    with open_media(path) as container, suppress(av.FFmpegError):
        video = find_video(container)
        frame = None if video is None else next(container.decode(video), None)
        return None if frame is None else frame.pts
    return None
