"""`plan VIDEO AUDIO`."""

from __future__ import annotations

import argparse

from ..data import pluralize
from ..media import FileClip, read_audio
from ..pipeline import find_face, make_plan
from .inputs import options_of
from .outputs import check_report, write_json
from .progress import progress_bars


def plan(args: argparse.Namespace) -> None:
    """Print what would happen to each stretch of frames; save what would happen to each frame."""
    options = options_of(args)
    if args.save:
        check_report(args.save, args.video, args.audio)
    clip, speech = FileClip(args.video, deinterlace=args.deinterlace), read_audio(args.audio)
    with progress_bars() as progress:
        track = find_face(clip, args.speaker, progress=progress)
        planned = make_plan(clip, speech, options, track)
    if args.save:
        write_json(args.save, planned.to_json())
    print(track.choice)
    print(planned)
    print(f"{pluralize(len(planned.windows), 'window')} of {pluralize(options.steps, 'step')} to denoise")
