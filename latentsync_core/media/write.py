"""Write the result: a movie or a folder of images that appears under its name only when it is complete."""

from __future__ import annotations

import errno
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from fractions import Fraction
from pathlib import Path
from typing import Protocol

import av

from ..ahead import run_behind
from ..data import Frame
from ..errors import OptionError, OutputError
from ..partial import partial_path, remove_abandoned
from ..planar import SampleFormat
from .color import ColorTags
from .encoder_input import FirstField
from .formats import FORMATS, Encoding, Format, choose_format
from .images import ImageWriter
from .movie import MovieWriter
from .opening import MediaPath
from .parts import AudioInput
from .timecode import Timecode

log = logging.getLogger(__name__)

_BEHIND = 8
"""Frames that may wait for the encoder."""


class Writer(Protocol):
    """What `open_writer` gives."""

    def write(self, frame: Frame, time_seconds: float) -> None:
        """Add a frame (H, W, 3) that is shown from `time_seconds` on."""
        ...


class _Backend(Writer, Protocol):
    def finish(self) -> None: ...

    def close(self) -> None: ...


@contextmanager
def open_writer(
    path: MediaPath,
    height: int,
    width: int,
    fps: Fraction,
    *,
    audio: AudioInput | None = None,
    duration: float | None = None,
    crf: int = 18,
    preset: str = "medium",
    color: ColorTags | None = None,
    pixel_aspect: Fraction = Fraction(1),
    format: str = "",
    timecode: Timecode | None = None,
    samples: SampleFormat | None = None,
    first_field: FirstField = "",
) -> Iterator[Writer]:
    """Give a writer whose result appears at `path` when the block ends without an error, and else not at all.

    `path` ends in .mp4, .m4v or .mov (h264), .mkv (lossless: FFV1, or h264 where pixels are not square), or has
    no suffix: a folder of PNG images, made or, if it is there and empty, filled. `format` is one of EDITOR_FORMATS for
    a .mov: prores422hq, prores4444 or dnxhr_hqx, of 10 bit. `timecode` is that of the first frame; images do not keep
    it.
    `fps` is the usual rate; frames may come at any rising times. The result ends at `duration` seconds (None:
    one frame period after the last frame) and so does its audio. `audio`, a file or a Waveform, is copied
    packet by packet where the container can hold it and encoded where not. `crf` 0..51 (less is better) and
    `preset` are x264's. `color` are the tags of the source, see `color.choose_tags`. `pixel_aspect` is the width
    of a pixel over its height; PNG images do not keep it. `samples` are those of the source (`FileClip.samples`), which
    .mkv then has too, bit for bit; without them it has RGB of 8 bit. Their opacity is kept by .mkv, prores4444 and
    images; a result that has less than its source is warned of. `first_field` is that of interlaced frames
    (`FileClip.first_field`), as which the result is marked; DNxHR and images do not say it.
    Frames are encoded in a thread: do not write into them afterwards. What fails there is raised by a later call, or at
    the end of the block.
    Raises OptionError on an unknown suffix, crf, preset or pixel_aspect, OutputError where the result cannot
    be written.
    """
    encoding = Encoding(crf, preset, color, pixel_aspect, timecode, samples, first_field)
    target, size = _check_target(path, format), (height, width)
    form = choose_format(target.suffix.lower(), format) if target.suffix else None
    _warn_of_loss(target, form, samples)
    writer: _Backend
    with partial_path(target, _folder_of(target)) as partial:
        with _writing(target):
            if form is not None:
                writer = MovieWriter(partial, form, size, fps, encoding, audio=audio, duration=duration)
            else:
                writer = ImageWriter(partial, size, audio)
        with closing(writer):
            with run_behind(_GuardedWriter(writer, target), _BEHIND) as put:
                yield _QueuedWriter(put)
            with _writing(target):
                writer.finish()
                _move_into_place(partial, target)


def _warn_of_loss(target: Path, form: Format | None, samples: SampleFormat | None) -> None:
    """Say what the result does not keep; images (None) and lossless movies keep all."""
    if samples is None or form is None or form.lossless:
        return
    if samples.bits > form.bits:
        log.warning(
            "%s has %d of the source's %d bits per colour component; .mkv keeps all.",
            target,
            form.bits,
            samples.bits,
        )
    if samples.has_alpha and not form.alpha_format:
        log.warning("%s does not keep the source's transparency; .mkv and prores4444 do.", target)


_Item = tuple[Frame, float]


class _GuardedWriter:
    """A writer whose errors name the result instead of the temporary file."""

    def __init__(self, writer: Writer, target: Path) -> None:
        self._writer, self._target = writer, target

    def __call__(self, item: _Item) -> None:
        with _writing(self._target):
            self._writer.write(*item)


class _QueuedWriter:
    """A writer that leaves the work to a thread."""

    def __init__(self, put: Callable[[_Item], None]) -> None:
        self._put = put

    def write(self, frame: Frame, time_seconds: float) -> None:
        self._put((frame, time_seconds))


_REMEDIES = {
    errno.ENOSPC: "the disk is full; free some space or choose another disk",
    errno.EACCES: "it, or its folder, may not be written to, or another program has it open; close it, change the "
    "permissions or choose another name",
    errno.EROFS: "the disk is read-only; choose another",
    errno.EINVAL: "the encoder refuses these settings; choose another size or suffix",
}


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    try:
        yield
    except (av.FFmpegError, OSError) as exc:
        remedy = _REMEDIES.get(exc.errno or 0, f"{exc.strerror}; choose another folder or suffix")
        raise OutputError(f"{target} cannot be written: {remedy}.") from exc


def check_output(path: MediaPath, *, crf: int = 18, preset: str = "medium", format: str = "") -> None:
    """Raise, before any work is done, what `open_writer` would raise: OptionError, OutputError."""
    Encoding(crf, preset)
    _check_target(path, format)


def _check_target(path: MediaPath, form: str = "") -> Path:
    """Check that a result can be written; return its absolute path, which also gives "." a name."""
    target = Path(os.path.abspath(path))
    if target.suffix and target.suffix.lower() not in FORMATS:
        raise OptionError(
            f"A result ends in {', '.join(FORMATS)}, or has no suffix for a folder of PNG images; "
            f"got {target.suffix!r} in {target}."
        )
    if form:
        choose_format(target.suffix.lower(), form)
    with _writing(target):
        _check_place(target)
    return target


def _folder_of(target: Path) -> Path:
    """Return where a result is made, on the disk it will be on: beside it, or in the empty folder that it fills."""
    return target if target.is_dir() else target.parent


def _check_place(target: Path) -> None:
    if not target.parent.is_dir():
        raise OutputError(f"{target} cannot be written: {target.parent} is not a folder; make it first.")
    remove_abandoned(target, _folder_of(target))
    if target.is_dir() and (target.suffix or any(target.iterdir())):
        raise OutputError(f"{target} is a folder that is in use; choose another name or empty it.")
    if target.exists() and not (target.suffix or target.is_dir()):
        raise OutputError(f"{target} is a file; choose another name for the folder of images.")
    # Only writing tells: permissions say little on Windows and on network disks, and a full disk shows here too.
    with partial_path(target, _folder_of(target)) as probe:
        probe.write_bytes(b"-")


def _move_into_place(partial: Path, target: Path) -> None:
    if not target.is_dir():
        os.replace(partial, target)
        return
    # An empty folder is filled, not replaced: it may be the working folder, or a link.
    for file in sorted(partial.iterdir()):
        os.replace(file, target / file.name)
