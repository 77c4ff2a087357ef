"""`faces VIDEO OUT`."""

from __future__ import annotations

import argparse
from pathlib import Path

from ..data import pluralize
from ..faces import FaceFinder, Survey, draw_faces, draw_sheet, survey
from ..media import FileClip, check_output, open_writer
from .outputs import IMAGE_SUFFIXES, check_apart, check_report, write_image
from .progress import Bars, progress_bars


def mark_faces(args: argparse.Namespace) -> None:
    """Draw every person's box, number, points and crop into a copy of the video or one image; list the persons."""
    as_image = args.output.suffix.lower() in IMAGE_SUFFIXES
    if as_image:
        check_report(args.output, args.video)
    else:
        check_output(args.output)
        check_apart(args.output, args.video)
    clip = FileClip(args.video, deinterlace=args.deinterlace)
    with progress_bars() as progress:
        found = survey(clip, FaceFinder(), lambda done, total: progress("survey", done, total))
        if as_image:
            write_image(args.output, draw_sheet(clip, found))
        else:
            _write_video(args.output, clip, found, progress)
    persons, frames, cuts = (len(some) for some in (found.tracks, clip, found.cuts))
    print(f"{pluralize(persons, 'person')} in {pluralize(frames, 'frame')}, {pluralize(cuts, 'cut')}")
    for number, track in enumerate(found.tracks, 1):
        print(f"  {number}: {track}")


def _write_video(output: Path, clip: FileClip, found: Survey, progress: Bars) -> None:
    with open_writer(
        output, clip.height, clip.width, clip.fps, duration=clip.duration, pixel_aspect=clip.pixel_aspect
    ) as writer:
        for index, frame in enumerate(clip.read(range(len(clip)))):
            drawn = draw_faces(frame, found, index, pixel_aspect=float(clip.pixel_aspect))
            writer.write(drawn, float(clip.times[index]))
            progress("draw", index + 1, len(clip))
