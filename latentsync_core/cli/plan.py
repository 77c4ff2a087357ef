"""`plan VIDEO AUDIO`."""

from __future__ import annotations

import argparse

from ..media import FileClip
from ..pipeline import plan_sync
from ..preflight import inspect_line
from ..speakers import find_face
from .inputs import options_of
from .making import read_speech
from .masks import open_masks
from .outputs import check_plot, check_report, write_json
from .plan_plot import draw_plan
from .progress import progress_bars
from .ranges import range_of
from .report import report_plan


def plan(args: argparse.Namespace) -> None:
    """Print what would happen to each stretch of frames; save and draw what would happen to each frame."""
    options = options_of(args)
    if args.save:
        check_report(args.save, args.video, args.audio)
    if args.plot:
        check_plot(args.plot, args.video, args.audio)
    clip = FileClip(args.video, deinterlace=args.deinterlace)
    speech, _, note = read_speech(args, clip)
    masks = open_masks(args, clip)
    with progress_bars() as progress:
        track = find_face(clip, args.speaker, exact=options.exact, progress=progress)
        (line,) = plan_sync(clip, speech, options, track, only=range_of(args, clip), protect=masks).lines
        preflight = inspect_line(clip, line)
    if args.save:
        write_json(args.save, report_plan(args, line, preflight))
    if args.plot:
        draw_plan(line.plan, track, speech, args.plot)
    print(*filter(None, [note]), preflight, sep="\n")
    print(line.plan)
