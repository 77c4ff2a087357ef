"""What `sync` and `dub` write: a film, or a patch reel in place of it; a matte; timelines."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, closing
from dataclasses import replace
from fractions import Fraction
from importlib.util import find_spec
from pathlib import Path

import numpy as np

from ..data import Array, FloatArray, Frame
from ..dub import (
    Edit,
    EditMark,
    EditMedia,
    EditPiece,
    check_patch,
    check_timeline,
    cut_pieces,
    write_patch,
    write_timeline,
)
from ..errors import InputError, OptionError
from ..media import (
    AudioInput,
    FileClip,
    Timecode,
    Writer,
    check_output,
    open_writer,
    read_timecode,
    timecode_rate,
)
from ..plan import DubPlan
from ..plan.causes import NO_LINE
from .outputs import check_apart

_STEADY = "Bring the film to a steady rate first, such as by `ffmpeg -i FILM -r 25 -fps_mode cfr ...`."

Pair = tuple[Frame, Array | None]
"""A frame of the result, and the alpha of what is new in it, (H, W), where it was asked for."""


def check_result(args: argparse.Namespace, *inputs: Path) -> None:
    """Raise now what would keep the result from being written later: OptionError, OutputError."""
    if args.patch:
        check_patch(args.output)
        if args.format:
            raise OptionError("--patch is ProRes 4444 (.mov) or FFV1 (.mkv); leave out --format.")
    check_output(args.output, crf=args.crf, preset=args.encoder_preset, format=args.format)
    others = [path for path in (args.matte, *timelines_of(args)) if path is not None]
    if args.matte:
        check_output(args.matte)
    for timeline in timelines_of(args):
        check_timeline(timeline)
        if not args.output.suffix:
            raise OptionError("--timeline takes a video file as OUT, not a folder of images.")
    for path in (args.output, *others):
        check_apart(path, *inputs, *(other for other in (args.output, *others) if other is not path))


def check_rate(args: argparse.Namespace, clip: FileClip) -> None:
    """Raise OptionError now if the patch or the timelines of a result could not count the clip's frames by timecode."""
    if args.patch:
        _check_steady("--patch", clip.times, clip.fps)
    elif timelines_of(args) and args.fps is None:
        _check_steady("--timeline", clip.times, clip.fps)


def timelines_of(args: argparse.Namespace) -> list[Path]:
    """Return the timelines that are written: of a patch reel, unless they are named, all that can be."""
    if args.timeline or not args.patch:
        return list(args.timeline)
    suffixes = [".edl", ".fcpxml", *((".otio", ".xml") if find_spec("opentimelineio") else ())]
    return [args.output.with_suffix(suffix) for suffix in suffixes]


def write_result(
    args: argparse.Namespace,
    clip: FileClip,
    dub: DubPlan,
    make: Callable[..., Generator[Frame, None, None]],
    show: Callable[[Iterator[Frame], DubPlan], Iterator[Frame]],
    audio: AudioInput | None,
) -> None:
    """Write what `make` yields, see `pipeline.render`, all in one pass; show: yields frames and takes note of them."""
    alphas: list[Array] = []
    masks = alphas.append if args.matte or args.patch else None
    first, timelines = _find_first(args, clip, dub), timelines_of(args)
    if timelines and not args.patch:
        _check_steady("--timeline", dub.times, dub.fps)
    pieces = _cut(clip, dub) if args.patch else ()
    reel = None
    with closing(make(masks=masks)) as made, ExitStack() as files:
        matte = None
        if args.matte:
            matte = files.enter_context(
                open_writer(args.matte, clip.height, clip.width, dub.fps, timecode=first)
            )
        pairs = _pair(show(made, dub), dub, alphas, matte)
        if args.patch:
            reel = _write_reel(args, clip, _describe_film(clip, dub, first), pieces, pairs)
        else:
            _write_film(args, clip, dub, first, pairs, audio)
    if timelines:
        film = _describe_film(clip, dub, first)
        shown = film if args.patch else replace(film, path=args.output, has_audio=audio is not None)
        edit = Edit(f"{args.output.stem}", shown, tuple(_marks_of(dub)), reel, pieces)
        for timeline in timelines:
            write_timeline(timeline, edit)


def _describe_film(clip: FileClip, dub: DubPlan, first: Timecode | None) -> EditMedia:
    size = clip.height, clip.width
    return EditMedia(clip.path, first or Timecode(0, dub.fps), len(dub), size, clip.has_audio)


def _check_steady(option: str, times: FloatArray, fps: Fraction) -> None:
    """Raise OptionError unless frames can be named by timecode, as timelines name them."""
    try:
        timecode_rate(fps)
    except InputError as exc:
        raise OptionError(
            f"{option} counts frames by timecode, at whole rates and 1000/1001 of them; got {float(fps):.6g} a second. "
            f"{_STEADY}"
        ) from exc
    off = float(np.abs(times - np.arange(len(times)) / float(fps)).max())
    if off > 0.5 / fps:
        raise OptionError(
            f"{option} takes frames at a steady rate; some are {off:.3f} s off {float(fps):.6g} a second. {_STEADY}"
        )


def _find_first(args: argparse.Namespace, clip: FileClip, dub: DubPlan) -> Timecode | None:
    """Return the timecode of the result's first frame: the one that is given, or the clip's at the clip's rate."""
    if args.timecode:
        return Timecode.parse(args.timecode, dub.fps)
    return read_timecode(clip.path, clip.fps) if dub.fps == clip.fps else None


def _cut(clip: FileClip, dub: DubPlan) -> tuple[EditPiece, ...]:
    """Return the pieces of a patch; raises OptionError where the result is not the film frame by frame."""
    if not np.array_equal(dub.source, np.arange(len(clip))):
        raise OptionError(
            "--patch takes a result of the film's own frames, each once: leave out --fps, and take --length silence."
        )
    pieces = cut_pieces(dub.changed)
    if not pieces:
        raise OptionError("No frame would be changed, so that there is nothing for a patch; see the plan.")
    return pieces


def _pair(frames: Iterator[Frame], dub: DubPlan, alphas: list[Array], matte: Writer | None) -> Iterator[Pair]:
    """Yield the frames with their alpha, and write the matte as they come."""
    for seconds, frame in zip(dub.times, frames, strict=True):
        alpha = alphas.pop() if alphas else None
        if matte is not None and alpha is not None:
            grey = np.rint(255 * alpha).astype(np.uint8)
            matte.write(grey[..., None].repeat(3, 2), float(seconds))
        yield frame, alpha


def _write_reel(
    args: argparse.Namespace,
    clip: FileClip,
    film: EditMedia,
    pieces: tuple[EditPiece, ...],
    pairs: Iterator[Pair],
) -> EditMedia:
    inside = np.zeros(film.frames, bool)
    for piece in pieces:
        inside[piece.at : piece.end] = True
    kept = (
        (frame, alpha)
        for held, (frame, alpha) in zip(inside, pairs, strict=True)
        if held and alpha is not None
    )
    return write_patch(
        args.output, film, pieces, kept,
        color=clip.color, pixel_aspect=clip.pixel_aspect, samples=clip.samples, first_field=clip.first_field,
    )  # fmt: skip


def _write_film(
    args: argparse.Namespace,
    clip: FileClip,
    dub: DubPlan,
    first: Timecode | None,
    pairs: Iterator[Pair],
    audio: AudioInput | None,
) -> None:
    with open_writer(
        args.output, clip.height, clip.width, dub.fps, audio=audio, duration=dub.duration,
        crf=args.crf, preset=args.encoder_preset, color=clip.color, pixel_aspect=clip.pixel_aspect,
        format=args.format, timecode=first, samples=clip.samples, first_field=clip.first_field,
    ) as writer:  # fmt: skip
        for seconds, (frame, _) in zip(dub.times, pairs, strict=True):
            writer.write(frame, float(seconds))


def _marks_of(dub: DubPlan) -> Iterator[EditMark]:
    """Yield a mark for each line, and for each stretch of its frames that keeps its mouth, with why."""
    for line in dub.lines:
        asked = [k for k, reason in enumerate(line.plan.reasons) if reason != NO_LINE]
        yield EditMark(str(line), line.first + asked[0], len(asked), "BLUE")
        for run in line.plan.summarize()["passed_through"]:
            first, last = run["frames"]
            if run["reason"] != NO_LINE:
                yield EditMark(
                    f"line {line.name}: {run['reason']}", line.first + first, last + 1 - first, "YELLOW"
                )
