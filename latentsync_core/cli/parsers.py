"""The arguments of the commands that make and measure lip-syncs."""

from __future__ import annotations

import argparse
from pathlib import Path

from .. import __version__
from .inputs import (
    add_compile,
    add_editing,
    add_encoder,
    add_inputs,
    add_model,
    add_options,
    add_protect,
    add_range,
    add_speaker,
    add_speed,
    add_video,
    add_workers,
)


def add_common(parser: argparse.ArgumentParser) -> None:
    """Add `--version` and `--verbose`."""
    parser.add_argument("--version", action="version", version=f"%(prog)s {__version__}")
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is done, and on which device")


def add_sync(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `sync`."""
    parser.set_defaults(run=("sync", "sync"))
    add_inputs(parser)
    parser.add_argument(
        "output", type=Path, metavar="OUT", help=".mp4, .mov, lossless .mkv, or a folder of PNGs"
    )
    add_options(parser)
    add_protect(parser)
    add_range(parser)
    add_model(parser)
    add_speed(parser)
    add_encoder(parser)
    add_editing(parser)
    add_workers(parser)
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done to a file")


def add_batch(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `batch`."""
    parser.set_defaults(run=("batch", "batch"), batch=1)  # its pool makes one window at a time
    parser.add_argument(
        "jobs",
        type=Path,
        nargs="?",
        metavar="JOBS",
        help="CSV or JSON lines with video, audio, output and any option of `sync`, or with cues in place of audio and "
        "any of `dub`; or a folder of videos and audio files or cue sheets of the same names",
    )
    parser.add_argument("output", type=Path, metavar="OUT", help="a folder for the results and their table")
    parser.add_argument("--jobs-from", type=Path, metavar="FILE", help="the list; - reads it as it comes in")
    add_options(parser)
    add_model(parser)
    add_compile(parser)
    add_encoder(parser)
    add_workers(parser)


def add_plan(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `plan`."""
    parser.set_defaults(run=("plan", "plan"))
    add_inputs(parser)
    add_options(parser)
    add_protect(parser)
    add_range(parser)
    parser.add_argument(
        "--save", type=Path, metavar="FILE.json", help="write the plan of every frame to a file"
    )
    parser.add_argument(
        "--plot",
        type=Path,
        metavar="FILE.png",
        help="draw the speech, and what happens to every frame and why",
    )


def add_faces(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `faces`."""
    parser.set_defaults(run=("faces", "mark_faces"))
    add_video(parser)
    parser.add_argument(
        "output",
        type=Path,
        metavar="OUT",
        help="drawn video, folder of PNGs, or a .png or .jpg of a few frames",
    )


def add_score(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `score`."""
    parser.set_defaults(run=("score", "score_what"))
    add_video(parser, "or a folder: each video in it is scored with its own audio", "VIDEO")
    parser.add_argument("audio", type=Path, metavar="AUDIO", nargs="?", help="default: the video's own audio")
    parser.add_argument(
        "--against", type=Path, metavar="ORIGINAL", help="the video as it was before a re-sync"
    )
    parser.add_argument(
        "--model",
        default="nano",
        help="whose SyncNet: nano, 1.6, a folder or the file (default: %(default)s)",
    )
    parser.add_argument(
        "--videomae", type=Path, metavar="FILE", help="with --against: TREPA's distance as well"
    )
    parser.add_argument(
        "--plot", type=Path, metavar="OUT.png", help="draw the curve, the mouth and the audio"
    )
    parser.add_argument("--json", type=Path, metavar="OUT.json", help="write all figures to a file")
    parser.add_argument("--device", help="cuda, cuda:1, mps or cpu (default: the fastest there is)")
    parser.add_argument("--models-folder", type=Path, action="append", default=[], help="search here first")
    add_speaker(parser)
    add_workers(parser, "score the videos of a folder")
    parser.set_defaults(speaker="largest")  # who is in sync shall not choose what synchrony is measured on


def add_weights(parser: argparse.ArgumentParser) -> None:
    """Add the actions of `weights` and their arguments."""
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="say which checkpoints are here, and what they lack")
    listing.set_defaults(run=("weights", "show"))
    get = actions.add_parser(
        "get", help="download a published checkpoint (about 5 GB); continues where it stopped"
    )
    get.set_defaults(run=("weights", "get"))
    get.add_argument("name", metavar="1.5|1.6")
    get.add_argument("--syncnet", action="store_true", help="also its SyncNet (1.6 GB), for `score --model`")
    convert = actions.add_parser("convert", help="write a checkpoint as half-precision safetensors")
    convert.set_defaults(run=("weights", "to_safetensors"))
    convert.add_argument("source", help="1.5, 1.6 or a folder")
    convert.add_argument("folder", type=Path, help="new folder for the result")
    for action, what in ((listing, "search here first"), (get, "where to"), (convert, "search here first")):
        action.add_argument("--models-folder", type=Path, action="append", default=[], help=what)
