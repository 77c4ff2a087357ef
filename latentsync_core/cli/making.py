"""Make one file: what `sync` does once, and `batch` for each of its rows."""

from __future__ import annotations

import argparse
import logging
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

from ..data import Clip, Frame, Waveform
from ..diffusion import warn_of_strange_faces
from ..dub import fit_speech
from ..media import AudioInput, FileClip, read_audio
from ..models.bundle import LipSyncModels
from ..pipeline import plan_sync, render
from ..plan import DubPlan, LinePlan
from ..pool import WindowPool
from ..preflight import Preflight, inspect_line
from ..speakers import find_face
from .inputs import options_of
from .masks import open_masks
from .outputs import write_json
from .ranges import range_of
from .report import report_model, report_plan
from .result import check_rate, check_result, write_result
from .stages import StageTimes, measure_peak_memory
from .work import keep_windows

log = logging.getLogger(__name__)


class Display(Protocol):
    """What shows how far a result is."""

    def __call__(self, stage: str, done: int, total: int) -> None: ...

    def frames(self, frames: Iterator[Frame], dub: DubPlan) -> Iterator[Frame]:
        """Yield the frames of a dub, and take note of them."""


@dataclass(frozen=True)
class Sources:
    """What a result is made of, as the arguments name it."""

    clip: FileClip
    speech: Waveform
    audio: AudioInput
    """Of the result: the file of the speech, or the speech where it was fitted."""
    note: str
    """On how it was fitted; may be empty."""
    masks: Clip | None

    @classmethod
    def open(cls, args: argparse.Namespace) -> Sources:
        """Open the files, after what is cheaper to check; raises InputError and OutputError."""
        check_result(args, args.video, args.audio)
        clip = FileClip(args.video, deinterlace=args.deinterlace)
        check_rate(args, clip)
        return cls(clip, *read_speech(args, clip), open_masks(args, clip))


def read_speech(args: argparse.Namespace, clip: Clip) -> tuple[Waveform, AudioInput, str]:
    """Return the speech, with --fit as long as the clip if it can be; the result's audio; what was done for it."""
    given = read_audio(args.audio)
    if not args.fit:
        return given, args.audio, ""
    speech, note = fit_speech(given, clip.duration)
    return speech, args.audio if speech is given else speech, note


def make_result(
    args: argparse.Namespace,
    sources: Sources,
    models: LipSyncModels,
    pool: WindowPool | None,
    display: Display,
    times: StageTimes,
    announce: Callable[[Preflight, LinePlan], None],
) -> dict[str, Any]:
    """Lip-sync a file to a file and write its report, if one is asked for; return it, ready for JSON.

    announce: called before anything is denoised. `args.job`, where there is one, goes into the report.
    """
    clip, options = sources.clip, options_of(args)
    with keep_windows(args.output) as work:
        device = str(models.device)
        track = find_face(clip, args.speaker, exact=options.exact, device=device, progress=display, work=work)
        dub = plan_sync(
            clip, sources.speech, options, track,
            models=models, only=range_of(args, clip), protect=sources.masks,
        )  # fmt: skip
        (line,) = dub.lines
        preflight = inspect_line(clip, line, models if pool is None else None)
        announce(preflight, line)
        times.end("plan")
        warning = warn_of_strange_faces(clip, track, models, line.plan)
        if warning:
            log.warning(
                "%s `python -m latentsync_core weights get 1.6` fetches it; then --model 1.6.", warning
            )
        make = partial(render, dub, models, progress=display, work=work, pool=pool)
        write_result(args, clip, dub, make, display.frames, sources.audio)
        report = _report(args, models, pool, times, warning) | report_plan(args, line, preflight)
        report["fit"] = sources.note
        if args.report:
            write_json(args.report, report)
    return report


def _report(
    args: argparse.Namespace,
    models: LipSyncModels,
    pool: WindowPool | None,
    times: StageTimes,
    warning: str | None,
) -> dict[str, Any]:
    return {
        "output": str(args.output),
        "job": getattr(args, "job", None),
        "model": report_model(models, warning, pool),
        "seconds": round(sum(times.seconds.values()), 3),
        "seconds_per_stage": {stage: round(seconds, 3) for stage, seconds in times.seconds.items()},
        "peak_memory_bytes": measure_peak_memory(models.device),
    }
