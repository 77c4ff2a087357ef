"""The range of `--from` and `--to`."""

from __future__ import annotations

import argparse

from ..data import Clip
from ..dub import parse_range


def range_of(args: argparse.Namespace, clip: Clip) -> tuple[float, float] | None:
    """Return the seconds between which mouths may change, None for all; raises InputError on what is no time."""
    return parse_range(clip, args.begin, args.end)
