"""Verify that a downloaded file is a video that plays."""

from __future__ import annotations

from pathlib import Path

from ..errors import MediaError
from ..media import FileClip

_TOLERANCE_SECONDS, _TOLERANCE = 0.5, 0.02


def check_movie(path: Path, expected_seconds: float) -> tuple[str, str]:
    """Return what is wrong with a file, and what is odd about it; "" and "" for a good one.

    It has to be an mp4 (`ftyp` at byte 4) whose first and last frame decode. A length other than the longer of
    audio and video is only odd: it is paid for, and how the host fits lengths is not documented.
    expected_seconds: 0 if it is not known.
    """
    with path.open("rb") as file:
        if file.read(12)[4:8] != b"ftyp":
            return "it is not an mp4 file", ""
    try:
        clip = FileClip(path)
        for _ in clip.read(sorted({0, len(clip) - 1})):
            pass
    except MediaError as exc:
        return str(exc).replace(str(path), "it"), ""
    return "", _describe_length(clip.duration, expected_seconds)


def _describe_length(seconds: float, expected: float) -> str:
    if not expected or abs(seconds - expected) <= max(_TOLERANCE_SECONDS, _TOLERANCE * expected):
        return ""
    return f"The result is {seconds:.2f} s long, and the longer of audio and video {expected:.2f} s."
