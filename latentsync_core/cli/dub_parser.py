"""The arguments of `dub`."""

from __future__ import annotations

import argparse
from pathlib import Path

from .inputs import add_editing, add_encoder, add_model, add_options, add_speed, add_video, add_workers


def add_cues(parser: argparse.ArgumentParser) -> None:
    """Add what a dub is made of: film, cue sheet, and how its audio is taken and heard."""
    add_video(parser, "the film")
    parser.add_argument(
        "cues",
        type=Path,
        metavar="CUES",
        help=".csv, .json, .srt, .vtt or an editor's timeline, see docs/dubbing.md",
    )
    parser.add_argument(
        "--audio-folder", type=Path, metavar="FOLDER", help="where audio lies besides the folder of CUES"
    )
    parser.add_argument(
        "--sound",
        choices=("replace", "mix", "duck", "none"),
        default="duck",
        help="the film's own audio under a line: gone, as it is, or 12 dB lower; none leaves all audio out "
        "(default: %(default)s)",
    )
    parser.add_argument(
        "--fit",
        action=argparse.BooleanOptionalAction,
        default=False,
        help="bring the speech of lines that have an end in CUES to the length of their place, by its pauses, and "
        "then by up to 10 %% of its tempo",
    )
    parser.set_defaults(plan=False, retake=[])


def add_dub(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `dub`."""
    parser.set_defaults(run=("dub", "dub"))
    add_cues(parser)
    parser.add_argument(
        "output", type=Path, metavar="OUT", nargs="?", help="as of `sync`; not needed with --plan"
    )
    parser.add_argument("--plan", action="store_true", help="say what would happen to each line, and stop")
    parser.add_argument(
        "--retake",
        action="append",
        default=[],
        metavar="NAME",
        help="do this line again with --seed; repeatable",
    )
    parser.add_argument(
        "--store",
        type=Path,
        metavar="FOLDER",
        help="keep finished windows here, so that a retake makes its own alone",
    )
    parser.add_argument(
        "--store-gigabytes",
        type=float,
        default=4.0,
        help="the oldest windows go beyond this (default: %(default)s)",
    )
    add_options(parser, length=False)
    add_model(parser)
    add_speed(parser)
    add_encoder(parser)
    add_editing(parser)
    add_workers(parser)
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done to a file")
