"""What a result can be written as, by the suffix of its name."""

from __future__ import annotations

from dataclasses import dataclass

from .soundtrack import MOV_CODECS, MP4_CODECS


@dataclass(frozen=True)
class Format:
    """A movie file: container, video encoder, and what its sound may be."""

    container: str
    video: str
    copied_audio: frozenset[str] | None
    """Codecs whose packets are copied; None: whatever the container holds."""
    audio: str
    """Encoder for all other sound."""
    lossless: bool = False


FORMATS: dict[str, Format] = {
    ".mp4": Format("mp4", "libx264", MP4_CODECS, "aac"),
    ".m4v": Format("mp4", "libx264", MP4_CODECS, "aac"),
    ".mov": Format("mov", "libx264", MOV_CODECS, "aac"),
    ".mkv": Format("matroska", "ffv1", None, "flac", lossless=True),
}
"""A name without a suffix is a folder of PNG pictures."""

PRESETS = (
    "ultrafast",
    "superfast",
    "veryfast",
    "faster",
    "fast",
    "medium",
    "slow",
    "slower",
    "veryslow",
    "placebo",
)
"""x264's, from fast and large to slow and small."""
