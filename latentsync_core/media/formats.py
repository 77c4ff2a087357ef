"""The formats that a result can be written in, by the suffix of its name."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from ..errors import OptionError
from .color import ColorTags
from .soundtrack import MOV_CODECS, MP4_CODECS


@dataclass(frozen=True)
class Format:
    """A movie file: its container, video encoder and audio codecs."""

    container: str
    video: str
    copied_audio: frozenset[str] | None
    """Codecs whose packets are copied; None: whatever the container holds."""
    audio: str
    """Encoder for all other audio."""
    lossless: bool = False


FORMATS: dict[str, Format] = {
    ".mp4": Format("mp4", "libx264", MP4_CODECS, "aac"),
    ".m4v": Format("mp4", "libx264", MP4_CODECS, "aac"),
    ".mov": Format("mov", "libx264", MOV_CODECS, "aac"),
    ".mkv": Format("matroska", "ffv1", None, "flac", lossless=True),
}
"""A name without a suffix is a folder of PNG images."""

ENCODER_PRESETS = (
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


@dataclass(frozen=True)
class Encoding:
    """How the frames of a movie are encoded; see `write.open_writer`. Raises OptionError on what x264 refuses."""

    crf: int = 18
    preset: str = "medium"
    color: ColorTags | None = None
    pixel_aspect: Fraction = Fraction(1)

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise OptionError(f"crf takes 0..51, got {self.crf}.")
        if self.preset not in ENCODER_PRESETS:
            raise OptionError(f"preset takes {', '.join(ENCODER_PRESETS)}, got {self.preset!r}.")
        if self.pixel_aspect <= 0:
            raise OptionError(f"pixel_aspect takes width / height > 0, got {self.pixel_aspect}.")
