"""Prepare the media of a job in a format that the host takes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from ..errors import BadInputError
from ..media.opening import reading
from .redact import log
from .sources import AudioSource, VideoSource
from .threads import Work

WARN_BYTES, MAX_BYTES = 100 * 10**6, 300 * 10**6
"""The two limits for uploads that the documentation gives; its pages disagree."""
_MIME = {
    "mp4": "video/mp4",
    "wav": "audio/wav",
    "mp3": "audio/mpeg",
    "aac": "audio/aac",
    "m4a": "audio/mp4",
}


@dataclass(frozen=True)
class MediaFile:
    """A file to upload, under a name that reveals nothing about this machine."""

    path: Path
    name: str
    mime: str
    size: int
    """Bytes."""


def prepare_upload(source: VideoSource | AudioSource, folder: Path, work: Work) -> MediaFile:
    """Return a file that the host takes: the given one, or one that is encoded into `folder`.

    Raises MediaError, OutputError, and BadInputError on a file that is too large.
    """
    if source.file and source.suffix:
        path, suffix = source.file.path, source.suffix
    else:
        suffix = source.encoded_suffix
        path = folder / f"{source.kind}.{suffix}"
        source.encode(path, work)
    with reading(path, "is gone; leave it in place."):
        size = path.stat().st_size
    _check_size(source.kind, size)
    return MediaFile(path, f"{source.kind}.{suffix}", _MIME[suffix], size)


def _check_size(kind: str, size: int) -> None:
    if size > MAX_BYTES:
        raise BadInputError(
            f"The {kind} is {size / 1e6:.0f} MB and uploads take at most {MAX_BYTES / 1e6:.0f} MB.",
            "Cut it, or encode it smaller.",
        )
    if size > WARN_BYTES:
        log.warning("The %s is %.0f MB; one of WaveSpeed's pages allows 100 MB only.", kind, size / 1e6)
