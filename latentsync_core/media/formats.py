"""The formats that a result can be written in: by the suffix of its name, and those of editors by name."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fractions import Fraction

from ..errors import OptionError
from ..planar import SampleFormat
from .color import ColorTags
from .encoder_input import FirstField
from .soundtrack import MOV_CODECS, MP4_CODECS
from .timecode import Timecode


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
    pixel_format: str = ""
    """FFmpeg's name of what the encoder takes; empty is chosen by the size."""
    alpha_format: str = ""
    """The same for frames with alpha; empty cannot hold it."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Of the encoder."""

    @property
    def bits(self) -> int:
        """Bits per colour component of a lossy format."""
        return SampleFormat(self.pixel_format).bits if self.pixel_format else 8


FORMATS: dict[str, Format] = {
    ".mp4": Format("mp4", "libx264", MP4_CODECS, "aac"),
    ".m4v": Format("mp4", "libx264", MP4_CODECS, "aac"),
    ".mov": Format("mov", "libx264", MOV_CODECS, "aac"),
    ".mkv": Format("matroska", "ffv1", None, "flac", lossless=True, pixel_format="bgr0", alpha_format="bgra"),
}
"""A name without a suffix is a folder of PNG images."""

_PRORES = {"vendor": "apl0"}
"""QuickTime's own mark, without which some programs do not take the file for ProRes."""

EDITOR_FORMATS: dict[str, Format] = {
    "prores422hq": Format(
        "mov", "prores_ks", MOV_CODECS, "pcm_s24le", False, "yuv422p10le", "", _PRORES | {"profile": "3"}
    ),
    "prores4444": Format(
        "mov", "prores_ks", MOV_CODECS, "pcm_s24le", False, "yuv444p10le", "yuva444p10le",
        _PRORES | {"profile": "4", "alpha_bits": "16"},
    ),
    "dnxhr_hqx": Format(
        "mov", "dnxhd", MOV_CODECS, "pcm_s24le", False, "yuv422p10le", "", {"profile": "dnxhr_hqx"}
    ),
}  # fmt: skip
"""Formats of 10 bit that editors cut, by the names that `open_writer` takes for a .mov."""

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
    timecode: Timecode | None = None
    samples: SampleFormat | None = None
    first_field: FirstField = ""

    def __post_init__(self) -> None:
        if not 0 <= self.crf <= 51:
            raise OptionError(f"crf takes 0..51, got {self.crf}.")
        if self.preset not in ENCODER_PRESETS:
            raise OptionError(f"preset takes {', '.join(ENCODER_PRESETS)}, got {self.preset!r}.")
        if self.pixel_aspect <= 0:
            raise OptionError(f"pixel_aspect takes width / height > 0, got {self.pixel_aspect}.")

    @property
    def has_alpha(self) -> bool:
        """Whether frames come with opacity."""
        return self.samples is not None and self.samples.has_alpha


def choose_format(suffix: str, name: str = "") -> Format:
    """Return the format of a suffix in FORMATS, or, with its name, one of EDITOR_FORMATS; raises OptionError."""
    if not name:
        return FORMATS[suffix]
    if name not in EDITOR_FORMATS:
        raise OptionError(f"format takes {', '.join(EDITOR_FORMATS)}, got {name!r}.")
    if suffix != ".mov":
        raise OptionError(
            f"{name} is written into .mov, got {suffix or 'no suffix'}; change the result's name."
        )
    return EDITOR_FORMATS[name]
