"""Open a media file and find its streams, with one clear error for each way in which that fails."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import av
from av.container import InputContainer
from av.stream import Disposition

from ..errors import MediaError

MediaPath = str | os.PathLike[str]


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
        # Tags that are not UTF-8 are no reason to refuse a file.
        return av.open(str(path), metadata_errors="ignore")


@contextmanager
def reading(path: MediaPath, problem: str) -> Iterator[None]:
    """Turn what PyAV raises on a file into a MediaError that says `problem`."""
    try:
        yield
    except PermissionError as exc:
        raise MediaError(f"{path} may not be read; change its permissions.") from exc
    except (av.FFmpegError, OSError) as exc:
        raise MediaError(f"{path} {problem} [{exc.strerror}]") from exc


def find_video(container: InputContainer) -> av.VideoStream | None:
    """The first video stream that is not the cover picture of a song."""
    streams = container.streams.video
    return next((s for s in streams if not s.disposition & Disposition.attached_pic), None)


def start_seconds(container: InputContainer, stream: av.AudioStream | av.VideoStream) -> float:
    """Seconds in the file's own clock that count as 0: where its video starts, or else where `stream` does."""
    first = find_video(container) or stream
    if first.start_time is None or first.time_base is None:
        return 0.0
    return float(first.start_time * first.time_base)
