"""`sync VIDEO AUDIO OUT`."""

from __future__ import annotations

import argparse
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import Any

from .. import __version__
from ..data import FaceTrack, Plan, pluralize
from ..diffusion import warn_of_strange_faces
from ..errors import FaceError
from ..kept import forget
from ..media import FileClip, check_output, open_writer, read_audio
from ..models.bundle import LipSyncModels
from ..options import Options
from ..pipeline import find_face, lip_sync, make_plan
from ..weights import best_checkpoint, load_models
from .inputs import options_of
from .outputs import check_apart, check_report, write_json
from .progress import progress_bars

log = logging.getLogger(__name__)


def sync(args: argparse.Namespace) -> None:
    """Lip-sync a file to a file; what can fail early fails before the long work."""
    options = options_of(args)
    check_output(args.output, crf=args.crf, preset=args.encoder_preset)
    check_apart(args.output, args.video, args.audio)
    if args.report:
        check_report(args.report, args.video, args.audio, args.output)
    clip, speech = FileClip(args.video, deinterlace=args.deinterlace), read_audio(args.audio)
    model = args.model or best_checkpoint(args.models_folder)
    models = load_models(model, args.resolution, args.device, args.dtype, args.models_folder)
    log.info("%s at %d px on %s in %s", models.name, models.resolution, models.device, models.precision)
    if models.note:
        print(f"{models.name}: {models.note}")
    started = time.monotonic()
    with progress_bars() as progress, _keep_windows(args.output) as work:
        track = find_face(clip, args.speaker, device=str(models.device), progress=progress, work=work)
        plan = make_plan(clip, speech, options, track, window_frames=models.window_frames)
        _print_plan(plan, track)
        warning = warn_of_strange_faces(clip, track, models, plan)
        if warning:
            log.warning(
                "%s `python -m latentsync_core weights get 1.6` fetches it; then --model 1.6.", warning
            )
        frames = lip_sync(clip, speech, models, options, track, plan=plan, progress=progress, work=work)
        with open_writer(
            args.output, clip.height, clip.width, plan.fps, audio=args.audio, duration=plan.duration,
            crf=args.crf, preset=args.encoder_preset, color=clip.color, pixel_aspect=clip.pixel_aspect,
        ) as writer:  # fmt: skip
            for seconds, frame in zip(plan.times, progress.frames(frames, plan), strict=True):
                writer.write(frame, float(seconds))
    if args.report:
        write_json(
            args.report, _make_report(args, options, models, track, plan, warning, time.monotonic() - started)
        )


@contextmanager
def _keep_windows(output: Path) -> Iterator[Path]:
    """Give a folder beside the output for finished windows; it is removed when the block succeeds and kept when not.

    Its name is without the output's suffix: another kind of file is made of the same windows.
    """
    output = output.absolute()
    work = output.with_name(f".{output.stem}.resume")
    try:
        yield work
    except BaseException as exc:
        # Also after Ctrl-C and signals, which are what windows are mostly kept for.
        windows = len(list(work.glob("window-*")))
        if isinstance(exc, FaceError) and not windows:
            forget(work)  # the same command would fail alike
        elif work.is_dir():
            log.warning(
                "Kept the survey of faces and %s in %s; run the same command again to go on.",
                pluralize(windows, "finished window"), work,
            )  # fmt: skip
        raise
    forget(work)


def _print_plan(plan: Plan, track: FaceTrack) -> None:
    print(track.choice)
    print(plan)
    if track.hard_to_recognise:
        log.warning(
            "The face is hard to recognise (score %.2f): drawn, 3D or very small faces often come out badly. "
            "See what was found with `faces VIDEO OUT`.", track.score,
        )  # fmt: skip


def _make_report(
    args: argparse.Namespace,
    options: Options,
    models: LipSyncModels,
    track: FaceTrack,
    plan: Plan,
    warning: str | None,
    seconds: float,
) -> dict[str, Any]:
    return {
        "version": __version__,
        "video": str(args.video),
        "audio": str(args.audio),
        "output": str(args.output),
        "model": {
            "name": models.name,
            "resolution": models.resolution,
            "device": str(models.device),
            "dtype": models.precision,
            "warning": warning,
        },
        "options": asdict(options) | {"fps": None if options.fps is None else float(options.fps)},
        "face": {
            "found_in": int(track.found.sum()),
            "of_frames": len(track),
            "mean_score": round(track.score, 3),
            "greatest_turn": round(track.greatest_turn, 1),
            "choice": track.choice and track.choice.to_json(),
        },
        "plan": plan.summarize(),
        "seconds": round(seconds, 3),
    }
