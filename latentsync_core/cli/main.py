"""Arguments, errors and exit codes; a command's code is imported when the command is run."""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import fields
from fractions import Fraction
from importlib import import_module
from pathlib import Path
from typing import get_type_hints

from ..errors import LatentSyncError
from ..options import PRESETS, LengthMode, Options, SilencePolicy, choices_of

FAILED, INTERRUPTED = 1, 130

ADVANCED = {
    "sampler": "dpm++ needs about half the steps of ddim",
    "reuse": "run the whole network every so many steps only, 1..10; 1 is off",
    "overlap": "frames that neighbouring windows share and cross-fade, 0..8",
    "missing_face": "a frame without the face passes through (keep) or stops the run (error)",
    "max_turn": "heads turned further keep their mouth, 0..10; about 0.5 is 45 degrees",
    "feather": "soft edge around the new mouth, 0..0.5 of the side of the crop",
    "color_match": "shift the new mouth to the colours around it",
}
"""Options that few people need, and what `--help` says of them."""


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; returns 0, 1 after an error, 2 after wrong arguments, 130 after Ctrl-C."""
    args = _parser().parse_args(argv)
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING, format="%(levelname)s: %(message)s"
    )
    try:
        module, function = args.run
        getattr(import_module(f".{module}", __package__), function)(args)
    except LatentSyncError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return FAILED
    except KeyboardInterrupt:
        print("Stopped.", file=sys.stderr)
        return INTERRUPTED
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="latentsync", description="Re-sync the mouth in a video to new speech."
    )
    parser.add_argument("-v", "--verbose", action="store_true", help="log what is done, and on which device")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    _add_sync(commands.add_parser("sync", help="lip-sync a video to speech"))
    _add_plan(commands.add_parser("plan", help="say what `sync` would do to each frame, without doing it"))
    _add_faces(commands.add_parser("faces", help="draw the faces that are found, with their numbers"))
    _add_weights(commands.add_parser("weights", help="list, fetch and convert checkpoints"))
    _add_train(commands.add_parser("train", help="train a small model from nothing, on synthetic people"))
    return parser


def _add_sync(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=("sync", "sync"))
    _add_inputs(parser)
    parser.add_argument(
        "output", type=Path, metavar="OUT", help=".mp4, .mov, lossless .mkv, or a folder of PNGs"
    )
    _add_options(parser)
    parser.add_argument("--model", default="nano", help="nano, 1.5, 1.6 or a folder (default: %(default)s)")
    parser.add_argument("--resolution", type=int, help="side of the crop: 256 for 1.5, 512 for 1.6")
    parser.add_argument("--device", help="cuda, cuda:1, mps or cpu (default: the fastest there is)")
    parser.add_argument(
        "--dtype",
        help="fp32, fp16, bf16, or fp8: as by default, with the weights in half the memory of fp16 (default: fp16 on cuda, else fp32)",
    )
    parser.add_argument("--models-folder", type=Path, action="append", default=[], help="search here first")
    parser.add_argument(
        "--crf", type=int, default=18, help="quality of h264, 0..51, less is better (default: 18)"
    )
    parser.add_argument("--encoder-preset", default="medium", help="x264's speed, ultrafast..veryslow")
    parser.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done to a file")


def _add_plan(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=("plan", "plan"))
    _add_inputs(parser)
    _add_options(parser)
    parser.add_argument(
        "--save", type=Path, metavar="FILE.json", help="write the plan of every frame to a file"
    )


def _add_faces(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=("faces", "faces"))
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument("output", type=Path, metavar="OUT", help="drawn video, or a folder of PNGs")


def _add_weights(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    listing = actions.add_parser("list", help="say which checkpoints are here, and what they lack")
    listing.set_defaults(run=("weights", "show"))
    get = actions.add_parser(
        "get", help="download a published checkpoint (about 5 GB); continues where it stopped"
    )
    get.set_defaults(run=("weights", "get"))
    get.add_argument("name", metavar="1.5|1.6")
    convert = actions.add_parser("convert", help="write a checkpoint as half-precision safetensors")
    convert.set_defaults(run=("weights", "to_safetensors"))
    convert.add_argument("source", help="1.5, 1.6 or a folder")
    convert.add_argument("folder", type=Path, help="new folder for the result")
    for action in (listing, get, convert):
        action.add_argument(
            "--models-folder", type=Path, action="append", default=[], help="search here first"
        )


def _add_train(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=("train", "run"))
    parser.add_argument("recipe", choices=["nano"], metavar="RECIPE", help="nano")
    parser.add_argument(
        "--out", type=Path, required=True, metavar="FOLDER", help="a run that is here goes on"
    )
    parser.add_argument(
        "--stage",
        help="data, encoder, vae, unet, reader, syncnet, pixels or export (default: all, one after another)",
    )
    parser.add_argument(
        "--minutes", type=float, help="shorten the recipe to about so many minutes on two cores"
    )


def _add_inputs(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("video", type=Path, metavar="VIDEO")
    parser.add_argument(
        "audio", type=Path, metavar="AUDIO", help="the new speech: a sound file, or a video's sound"
    )


def _add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--preset", default="balanced", choices=list(PRESETS), help="default: %(default)s")
    parser.add_argument("--steps", type=int, help="denoising steps")
    parser.add_argument(
        "--guidance", type=float, help="weight of the speech, 1..10; 1.5 is usual, 1 is twice as fast"
    )
    parser.add_argument("--seed", type=int, help="the same seed gives the same result")
    parser.add_argument(
        "--length", choices=choices_of(LengthMode), help="where video and speech differ in length"
    )
    parser.add_argument("--silence", choices=choices_of(SilencePolicy), help="what the mouth does in silence")
    parser.add_argument("--fps", type=_fps, help="frame rate of the result (default: the video's own times)")
    parser.add_argument(
        "--speaker",
        type=_speaker,
        default="auto",
        help="auto, left, right, a number (see `faces`), a point X,Y or a box X0,Y0,X1,Y1",
    )
    _add_advanced(parser)


def _add_advanced(parser: argparse.ArgumentParser) -> None:
    """An argument for each of the options in ADVANCED, of the type that the field has."""
    group = parser.add_argument_group("advanced", "The preset decides what is not given.")
    for name, kind in get_type_hints(Options).items():
        if name not in ADVANCED:
            continue
        flag, text = f"--{name.replace('_', '-')}", ADVANCED[name]
        if kind is bool:
            group.add_argument(flag, action=argparse.BooleanOptionalAction, help=text)
        elif choices := choices_of(kind):
            group.add_argument(flag, choices=choices, help=text)
        else:
            group.add_argument(flag, type=kind, help=text)


def options_of(args: argparse.Namespace) -> Options:
    """The preset, with what was given on the command line in its place."""
    names = [field.name for field in fields(Options)]
    return Options.preset(args.preset, **{n: v for n in names if (v := getattr(args, n, None)) is not None})


def _fps(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError as exc:
        raise argparse.ArgumentTypeError(f"takes a rate such as 25 or 30000/1001, got {text}") from exc


def _speaker(text: str) -> str | int | tuple[float, ...]:
    if text in ("auto", "left", "right"):
        return text
    numbers: tuple[float, ...] = ()
    with suppress(ValueError):
        if "," not in text:
            return int(text)
        numbers = tuple(float(part) for part in text.split(","))
    if len(numbers) not in (2, 4) or not all(map(math.isfinite, numbers)):
        raise argparse.ArgumentTypeError(
            f"takes auto, left, right, a number, a point X,Y or a box X0,Y0,X1,Y1, got {text}"
        )
    return numbers
