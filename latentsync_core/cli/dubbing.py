"""Make one dub: what `dub` does once, and `batch` for each of its rows that names a cue sheet."""

from __future__ import annotations

import argparse
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from .. import __version__
from ..data import Line
from ..dub import CueSheet, FilmClock, read_cues
from ..errors import OptionError
from ..media import AudioInput, FileClip, place_lines
from ..models.bundle import LipSyncModels
from ..options import Options
from ..pipeline import plan_dub, render
from ..plan import DubPlan
from ..pool import WindowPool
from .inputs import options_of
from .making import Display
from .outputs import write_json
from .report import report_model
from .result import check_rate, check_result, write_result


@dataclass(frozen=True)
class DubSources:
    """What a dub is made of, as the arguments name it."""

    clip: FileClip
    sheet: CueSheet
    lines: tuple[Line, ...]
    """Of the sheet, with what the arguments say where they do not."""

    @classmethod
    def open(cls, args: argparse.Namespace) -> DubSources:
        """Open film and sheet, after what is cheaper to check.

        Raises InputError, OptionError, OutputError, and CueError where no line of the sheet can be read.
        """
        if not args.plan:
            check_result(args, args.video, args.cues)
        clip = FileClip(args.video, deinterlace=args.deinterlace)
        check_rate(args, clip)
        sheet = read_cues(args.cues, FilmClock.of(clip, args.timecode), args.audio_folder)
        if not sheet.lines:  # nothing to look for in the film
            sheet.check()
        return cls(clip, sheet, _complete_lines(sheet, args))

    def check(self, planned: DubPlan | None = None) -> None:
        """Raise CueError where any line has a problem, with all of them."""
        problems = planned.problems if planned else ()
        replace(self.sheet, problems=(*self.sheet.problems, *problems)).check()


def _complete_lines(sheet: CueSheet, args: argparse.Namespace) -> tuple[Line, ...]:
    """Return the lines with who speaks where a line names nobody, what is fitted, and retakes."""
    if unknown := sorted(set(args.retake) - {line.name for line in sheet.lines}):
        raise OptionError(f"--retake names the lines of {args.cues}; it has no {', '.join(unknown)}.")
    return tuple(
        replace(
            line,
            speaker=args.speaker if line.speaker == "auto" else line.speaker,
            fit=args.fit and line.end is not None if line.fit is None else line.fit,
            options={**line.options, "seed": args.seed} if line.name in args.retake else line.options,
        )
        for line in sheet.lines
    )


def plan_lines(
    args: argparse.Namespace,
    sources: DubSources,
    models: LipSyncModels | None,
    display: Display,
    work: Path | None,
) -> DubPlan:
    """Plan all lines; what is wrong with any of them is for `DubSources.check`."""
    options = options_of(args)
    if args.retake:  # its seed is for those lines alone
        options = replace(options, seed=Options.preset(args.preset).seed)
    return plan_dub(sources.clip, sources.lines, options, models=models, progress=display, work=work)


def make_dub(
    args: argparse.Namespace,
    sources: DubSources,
    planned: DubPlan,
    models: LipSyncModels,
    pool: WindowPool | None,
    display: Display,
    work: Path | None,
) -> int:
    """Write a planned dub and its report, if one is asked for; return how many windows were denoised.

    `args.job`, where there is one, goes into the report. Raises CueError where any line has a problem.
    """
    sources.check(planned)
    kept = _count_windows(work)
    make = partial(render, planned, models, progress=display, work=work, pool=pool)
    write_result(args, sources.clip, planned, make, display.frames, _mix_audio(args, sources.clip, planned))
    made = _count_windows(work) - kept
    if args.report:
        write_json(args.report, _report(args, planned, report_model(models, None, pool), made))
    return made


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
        "job": getattr(args, "job", None),
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
