"""`dub FILM CUES OUT`."""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__
from ..data import Line, pluralize
from ..dub import CueSheet, FilmClock, read_cues
from ..errors import OptionError
from ..kept import prune
from ..media import AudioInput, FileClip, place_lines
from ..options import Options
from ..pipeline import plan_dub, render
from ..plan import DubPlan
from .inputs import options_of
from .networks import open_networks
from .outputs import check_report, write_json
from .progress import progress_bars
from .report import report_model
from .result import check_result, write_result
from .work import keep_windows

GIGABYTE = 10**9


def dub(args: argparse.Namespace) -> None:
    """Lay the lines of a cue sheet on a film; all are planned, and what is wrong is said, before any is made."""
    _check_arguments(args)
    clip = FileClip(args.video, deinterlace=args.deinterlace)
    sheet = read_cues(args.cues, FilmClock.of(clip, args.timecode), args.audio_folder)
    lines = _choose_lines(sheet, args)
    networks = nullcontext((None, None)) if args.plan else open_networks(args)
    with networks as (models, pool), progress_bars(note=pool) as progress, _open_work(args) as work:
        planned = plan_dub(clip, lines, _options_of_film(args), models=models, progress=progress, work=work)
        print(*planned.lines, *planned.notes, *_list_unplaced(args, lines), sep="\n")
        _check_problems(sheet, planned)
        if models is None:
            return
        kept = _count_windows(work)
        make = partial(render, planned, models, progress=progress, work=work, pool=pool)
        write_result(args, clip, planned, make, progress.frames, _mix_audio(args, clip, planned))
        made = _count_windows(work) - kept
        report = _report(args, planned, report_model(models, None, pool), made)
    print(f"{made} of {pluralize(planned.windows, 'window')} denoised; the others were kept from before.")
    if args.report:
        write_json(args.report, report)


def _check_arguments(args: argparse.Namespace) -> None:
    if args.retake and args.seed is None:
        raise OptionError("--retake takes a --seed as well, or the line would come out as it was.")
    if args.plan:
        return
    if args.output is None:
        raise OptionError("dub takes FILM CUES OUT; OUT may be left out with --plan.")
    check_result(args, args.video, args.cues)
    if args.report:
        check_report(args.report, args.video, args.cues, args.output)


def _options_of_film(args: argparse.Namespace) -> Options:
    """Return the options of all lines; the seed of a retake is not among them."""
    options = options_of(args)
    return replace(options, seed=Options.preset(args.preset).seed) if args.retake else options


def _choose_lines(sheet: CueSheet, args: argparse.Namespace) -> list[Line]:
    """Return the lines with what the command line says where they do not: who speaks, what is fitted; and retakes."""
    if unknown := sorted(set(args.retake) - {line.name for line in sheet.lines}):
        raise OptionError(f"--retake names the lines of {args.cues}; it has no {', '.join(unknown)}.")
    return [
        replace(
            line,
            speaker=args.speaker if line.speaker == "auto" else line.speaker,
            fit=args.fit and line.end is not None if line.fit is None else line.fit,
            options={**line.options, "seed": args.seed} if line.name in args.retake else line.options,
        )
        for line in sheet.lines
    ]


def _list_unplaced(args: argparse.Namespace, lines: list[Line]) -> list[str]:
    return [
        f"line {line.name}: it has no end in {args.cues.name}, so that its speech is not fitted."
        for line in lines
        if args.fit and line.end is None
    ]


@contextmanager
def _open_work(args: argparse.Namespace) -> Iterator[Path | None]:
    """Give the folder of kept results: the store, which is pruned at the end, or one that goes with success."""
    if args.store:
        yield args.store
        prune(args.store, round(args.store_gigabytes * GIGABYTE))
    elif args.plan:
        yield None
    else:
        with keep_windows(args.output) as work:
            yield work


def _check_problems(sheet: CueSheet, planned: DubPlan) -> None:
    """Raise CueError where any line has a problem, with all of them."""
    replace(sheet, problems=(*sheet.problems, *planned.problems)).check()


def _count_windows(work: Path | None) -> int:
    return len(list(work.glob("window-*"))) if work else 0


def _mix_audio(args: argparse.Namespace, clip: FileClip, planned: DubPlan) -> AudioInput | None:
    own = clip.path if clip.has_audio else None
    return None if args.sound == "none" else place_lines(own, planned.heard, args.sound)


def _report(args: argparse.Namespace, planned: DubPlan, model: dict[str, Any], made: int) -> dict[str, Any]:
    """Return what was done, ready for JSON."""
    return {
        "version": __version__,
        "film": str(args.video),
        "cues": str(args.cues),
        "output": str(args.output),
        "preset": args.preset,
        "model": model,
        "notes": list(planned.notes),
        "windows": {"all": planned.windows, "denoised": made},
        "lines": [
            {
                "name": line.name,
                "first_frame": line.first,
                "says": str(line),
                "seed": line.options.seed,
                "plan": line.plan.to_json(),
            }
            for line in planned.lines
        ],
    }
