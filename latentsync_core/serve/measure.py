"""The gate for media: only plain containers are opened, and lengths are counted, not believed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import av
from av.container import InputContainer

from ..data import Progress
from ..errors import MediaError
from ..media import FileClip
from ..media.audio_decode import DAMAGED, find_audio
from ..media.opening import absolute_path_of, find_video, reading
from .failure import failing

_CONTAINERS = "mov,matroska,avi,mp3,aac,wav,flac,ogg"
"""FFmpeg's names of what is opened. Playlists and their like are not: they name other files, and addresses."""
_MOST_PIXELS = 4096 * 2304
"""Of a frame: a small file may hold huge ones."""
_MOST_FPS = 240
"""More frames a second count as more seconds."""


def measure_media(kind: str, path: Path, _: Progress) -> float:
    """Return the seconds of a file's `video` or `audio`, the kind. Raises TaskFailure with code 1401."""
    with failing({str(path): f"the {kind}"}), _open_plain(path) as container:
        return _measure_video(container, path) if kind == "video" else _measure_audio(container, path)


def _open_plain(path: Path) -> InputContainer:
    """Open a file in one of the containers; the file is then opened by nothing else either."""
    with reading(
        path,
        "is not a video or audio file of a kind that is taken, such as mp4, mov, webm, wav or mp3.",
    ):
        return av.open(absolute_path_of(path), container_options={"format_whitelist": _CONTAINERS})


def _measure_video(container: InputContainer, path: Path) -> float:
    stream = find_video(container)
    if stream is None or stream.codec_context is None:
        raise MediaError(f"{path} has no video stream.")
    pixels = stream.codec_context.width * stream.codec_context.height
    if pixels > _MOST_PIXELS:
        raise MediaError(
            f"{path} has frames of {pixels / 1e6:.1f} million pixels; at most {_MOST_PIXELS / 1e6:.1f} are taken."
        )
    clip = FileClip(path)
    return max(clip.duration, len(clip) / _MOST_FPS)


def _measure_audio(container: InputContainer, path: Path) -> float:
    """Count what the packets hold, and the gaps between them, which become silence."""
    stream = find_audio(container, path)
    held, starts, ends = 0, [], []
    with reading(path, DAMAGED):
        for packet in container.demux(stream):
            held += packet.duration or 0
            if packet.pts is not None:
                starts.append(packet.pts)
                ends.append(packet.pts + (packet.duration or 0))
    spanned = max(ends, default=0) - min(starts, default=0)
    return float(max(held, spanned) * (stream.time_base or 0))


def give_measure() -> Callable[[str, Path, Progress], float]:
    """Return `measure_media`; called in the process that measures."""
    return measure_media
