"""A line of a dub: who says what when in a film."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from ..errors import InputError, OptionError
from .clip import Clip, Waveform
from .track import FaceTrack


@dataclass(frozen=True)
class Line:
    """Who says what when in a film, and how; times are in seconds."""

    audio: str | os.PathLike[str] | Waveform
    """What is said: a file with audio, or samples."""
    start: float = 0.0
    """In the film, where the audio begins; >= 0."""
    name: str = "1"
    """What the line is called; another one for every line of a film."""
    audio_in: float = 0.0
    """The first second of the audio that is used; >= 0."""
    audio_out: float | None = None
    """Where the used part of the audio ends; None is its end."""
    end: float | None = None
    """In the film, the end of the place that the speech is meant for; None is where the audio ends by itself."""
    fit: bool | None = None
    """Whether the speech is brought to the length of its place, which takes an end; None is as the dub has it."""
    speaker: str | int | tuple[float, ...] | FaceTrack = "auto"
    """Who says it, as `faces.choose` takes it, or a face of the film."""
    speaker_at: float | None = None
    """In the film, when a speaker that is given by a point or a box is there; None is throughout the line."""
    strength: float = 1.0
    """Alpha of the new mouth, 0..1; at 0 only the audio is placed."""
    options: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `Options` that differ from those of the film."""
    protect: str | os.PathLike[str] | Clip | None = None
    """Masks of what stays on top of this line's mouth, one per frame of the film or one for all: a clip, or the path of
    a video, an image or a folder of images."""

    def __post_init__(self) -> None:
        if not self.name:
            raise InputError("A line takes a name; number the lines.")
        for name in ("start", "audio_in", "speaker_at"):
            value = getattr(self, name)
            if value is not None and not 0 <= value < math.inf:
                raise InputError(f"{name} of a line takes seconds >= 0, got {value}.")
        for begin, name in (("audio_in", "audio_out"), ("start", "end")):
            first, last = getattr(self, begin), getattr(self, name)
            if last is not None and not first < last < math.inf:
                raise InputError(f"{name} of a line lies after {begin}, got {last:g} and {first:g} seconds.")
        if self.fit and self.end is None:
            raise InputError(
                "fit takes an end, where the place of the line ends in the film; give it, or no fit."
            )
        if not 0 <= self.strength <= 1:
            raise InputError(f"strength of a line takes 0..1, got {self.strength}.")


def speaker_of(text: str) -> str | int | tuple[float, ...]:
    """Parse a speaker as people write it, into what `faces.choose` takes; raises OptionError on anything else."""
    text = text.strip()
    if text in ("auto", "largest", "left", "right") or re.fullmatch(r"\d{1,4}(\+\d{1,4})+", text, re.ASCII):
        return text
    with suppress(ValueError):
        if "," not in text:
            return int(text)
        numbers = tuple(float(part) for part in text.split(","))
        if len(numbers) in (2, 4) and all(map(math.isfinite, numbers)):
            return numbers
    raise OptionError(
        "A speaker is auto, largest, left, right, a number, a sum such as 1+3, a point X,Y or a box X0,Y0,X1,Y1; got "
        f"{text[:40]!r}."
    )
