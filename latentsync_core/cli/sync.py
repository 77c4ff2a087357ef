"""`sync VIDEO AUDIO OUT`."""

from __future__ import annotations

import argparse
import logging
from contextlib import closing

from ..diffusion import warn_of_strange_faces
from ..media import FileClip, check_output, open_writer, read_audio
from ..method import check_independent
from ..pipeline import plan_sync, render
from ..plan import LinePlan
from ..preflight import Preflight, inspect_line
from ..speakers import find_face
from .inputs import options_of, workers_of
from .masks import open_masks
from .networks import open_networks
from .outputs import check_apart, check_report, write_json
from .progress import progress_bars
from .ranges import range_of
from .report import report_model, report_plan
from .stages import StageTimes, measure_peak_memory
from .work import keep_windows

log = logging.getLogger(__name__)


def sync(args: argparse.Namespace) -> None:
    """Lip-sync a file to a file; what can fail early fails before the long work."""
    times, options = StageTimes(), options_of(args)
    check_output(args.output, crf=args.crf, preset=args.encoder_preset)
    check_apart(args.output, args.video, args.audio)
    if args.report:
        check_report(args.report, args.video, args.audio, args.output)
    if workers_of(args):
        check_independent(options)
    clip, speech = FileClip(args.video, deinterlace=args.deinterlace), read_audio(args.audio)
    masks = open_masks(args, clip)
    with open_networks(args) as (models, pool):
        log.info("%s at %d px on %s in %s", models.name, models.resolution, models.device, models.precision)
        if models.note:
            print(f"{models.name}: {models.note}")
        times.end("load")
        with progress_bars(times=times, note=pool) as progress, keep_windows(args.output) as work:
            device = str(models.device)
            track = find_face(
                clip, args.speaker, exact=options.exact, device=device, progress=progress, work=work
            )
            dub = plan_sync(
                clip, speech, options, track, models=models, only=range_of(args, clip), protect=masks
            )
            (line,) = dub.lines
            preflight = inspect_line(clip, line, models if pool is None else None)
            _print_plan(preflight, line)
            times.end("plan")
            warning = warn_of_strange_faces(clip, track, models, line.plan)
            if warning:
                log.warning(
                    "%s `python -m latentsync_core weights get 1.6` fetches it; then --model 1.6.", warning
                )
            frames = render(dub, models, progress=progress, work=work, pool=pool)
            with closing(frames), open_writer(
                args.output, clip.height, clip.width, dub.fps, audio=args.audio, duration=dub.duration,
                crf=args.crf, preset=args.encoder_preset, color=clip.color, pixel_aspect=clip.pixel_aspect,
            ) as writer:  # fmt: skip
                for seconds, frame in zip(dub.times, progress.frames(frames, dub), strict=True):
                    writer.write(frame, float(seconds))
        if args.report:
            content = report_plan(args, line, preflight)
            ran = {
                "output": str(args.output),
                "model": report_model(models, warning, pool),
                "seconds": round(sum(times.seconds.values()), 3),
                "seconds_per_stage": {stage: round(seconds, 3) for stage, seconds in times.seconds.items()},
                "peak_memory_bytes": measure_peak_memory(models.device),
            }
            write_json(args.report, ran | content)


def _print_plan(preflight: Preflight, line: LinePlan) -> None:
    print(preflight)
    print(line.plan)
    if line.track.hard_to_recognise:
        log.warning(
            "The face is hard to recognise (score %.2f): drawn, 3D or very small faces often come out badly. "
            "See what was found with `faces VIDEO OUT`.", line.track.score,
        )  # fmt: skip
