"""`sync VIDEO AUDIO OUT`."""

from __future__ import annotations

import argparse
import logging

from ..method import check_independent
from ..plan import LinePlan
from ..preflight import Preflight
from .inputs import options_of, workers_of
from .making import Sources, make_result
from .networks import open_networks
from .outputs import check_report
from .progress import progress_bars
from .stages import StageTimes

log = logging.getLogger(__name__)


def sync(args: argparse.Namespace) -> None:
    """Lip-sync a file to a file; what can fail early fails before the long work."""
    times, options = StageTimes(), options_of(args)
    if args.report:
        check_report(args.report, args.video, args.audio, args.output)
    if workers_of(args):
        check_independent(options)
    sources = Sources.open(args)
    if sources.note:
        print(sources.note)
    with open_networks(args) as (models, pool):
        log.info("%s at %d px on %s in %s", models.name, models.resolution, models.device, models.precision)
        if models.note:
            print(f"{models.name}: {models.note}")
        times.end("load")
        with progress_bars(times=times, note=pool) as progress:
            make_result(args, sources, models, pool, progress, times, _print_plan)


def _print_plan(preflight: Preflight, line: LinePlan) -> None:
    print(preflight)
    print(line.plan)
    if line.track.hard_to_recognise:
        log.warning(
            "The face is hard to recognise (score %.2f): drawn, 3D or very small faces often come out badly. "
            "See what was found with `faces VIDEO OUT`.", line.track.score,
        )  # fmt: skip
