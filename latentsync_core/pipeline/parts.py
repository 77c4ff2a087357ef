"""What the lines of a dub take: audio, a person, masks, options, and frames of the film."""

from __future__ import annotations

from dataclasses import dataclass, replace
from os import PathLike

import numpy as np
import numpy.typing as npt

from ..compositing import check_protect
from ..data import Clip, Line
from ..errors import InputError, OptionError
from ..media import open_clip, read_line
from ..media.span import TIME_TOLERANCE
from ..media.timeline import Timeline
from ..method import method_of
from ..options import Options
from .cast import Cast, Member


@dataclass(frozen=True, eq=False)
class Part:
    """A line of a film with all that it takes; its frames are first..last - 1 of the result."""

    line: Line
    samples: npt.NDArray[np.float32]
    """The speech as the encoder takes it, a small part of the audio, so that many lines take little memory."""
    seconds: float
    """Of the speech."""
    options: Options
    protect: Clip | None
    member: Member
    first: int
    last: int


def open_part(clip: Clip, film: Timeline, line: Line, options: Options, cast: Cast) -> Part:
    """Open what a line takes; options: of the film, which the line may change. Raises the errors of what is wrong."""
    speech = read_line(line)
    first, last = _find_frames(film, line.start, line.start + speech.duration)
    protect, changed = _open_masks(line, clip), dict(line.options)
    if protect is not None:
        changed["covered"] = "ignore"  # the masks tell what lies before the mouth
    options = replace(options, **changed)
    refuse_exact(options)
    samples = method_of(options).prepare_speech(speech)
    member = cast.find(line, film.source[first:last], options)
    return Part(line, samples, speech.duration, options, protect, member, first, last)


def refuse_exact(options: Options) -> None:
    """Raise OptionError where lines shall be made by upstream's steps."""
    if options.exact:
        raise OptionError("The preset exact does one speech over a whole clip; take another one for lines.")


def _find_frames(film: Timeline, start: float, end: float) -> tuple[int, int]:
    first, last = np.searchsorted(film.times, np.array([start, end]) - TIME_TOLERANCE).tolist()
    if first >= last:
        raise InputError(
            f"The film, of {film.duration:.3f} seconds, shows no frame from second {start:.3f} to {end:.3f}."
        )
    return first, last


def _open_masks(line: Line, clip: Clip) -> Clip | None:
    if line.protect is None:
        return None
    masks = open_clip(line.protect) if isinstance(line.protect, (str, PathLike)) else line.protect
    check_protect(masks, clip)
    return masks
