"""`faces VIDEO OUT`."""

from __future__ import annotations

import argparse

from ..data import pluralize
from ..faces import FaceFinder, draw_faces, survey
from ..media import FileClip, check_output, open_writer
from .outputs import check_apart
from .progress import progress_bars


def mark_faces(args: argparse.Namespace) -> None:
    """Draw every person's box, number, points and crop into a copy of the video, and list the persons."""
    check_output(args.output)
    check_apart(args.output, args.video)
    clip = FileClip(args.video, deinterlace=args.deinterlace)
    with progress_bars() as progress:
        found = survey(clip, FaceFinder(), lambda done, total: progress("survey", done, total))
        with open_writer(
            args.output,
            clip.height,
            clip.width,
            clip.fps,
            duration=clip.duration,
            pixel_aspect=clip.pixel_aspect,
        ) as writer:
            for index, frame in enumerate(clip.read(range(len(clip)))):
                writer.write(draw_faces(frame, found, index), float(clip.times[index]))
                progress("draw", index + 1, len(clip))
    persons, frames, cuts = (len(some) for some in (found.tracks, clip, found.cuts))
    print(f"{pluralize(persons, 'person')} in {pluralize(frames, 'frame')}, {pluralize(cuts, 'cut')}")
    for number, track in enumerate(found.tracks, 1):
        print(f"  {number}: {track}")
