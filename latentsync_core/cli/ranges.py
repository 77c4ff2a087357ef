"""The range of `--from` and `--to`."""

from __future__ import annotations

import argparse
import math

from ..data import Clip
from ..dub import FilmClock


def range_of(args: argparse.Namespace, clip: Clip) -> tuple[float, float] | None:
    """Return the seconds between which mouths may change, None for all; raises InputError on what is no time."""
    if args.begin is None and args.end is None:
        return None
    clock = FilmClock.of(clip)
    return (
        0.0 if args.begin is None else clock.seconds_of(args.begin),
        math.inf if args.end is None else clock.seconds_of(args.end),
    )
