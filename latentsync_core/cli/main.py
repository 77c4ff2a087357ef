"""Arguments, errors and exit codes; a command's code is imported when the command is run."""

from __future__ import annotations

import argparse
import logging
import math
import sys
from collections.abc import Sequence
from decimal import Decimal, InvalidOperation
from fractions import Fraction
from importlib import import_module
from pathlib import Path

from ..errors import LatentSyncError
from ..options import PRESETS, LengthMode, Options, SilencePolicy, choices_of

FAILED, INTERRUPTED = 1, 130


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
    _add_remote(commands.add_parser("remote", help="lip-sync on WaveSpeed, which costs money"))
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
    parser.add_argument("--dtype", help="fp32, fp16 or bf16 (default: fp16 on cuda, else fp32)")
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


def _add_remote(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(required=True, metavar="ACTION")
    sync = actions.add_parser(
        "sync", help="buy a lip-sync; the same command again goes on, and never buys twice"
    )
    price = actions.add_parser("price", help="say what `sync` would cost (uploads the files, buys nothing)")
    for action, function in ((sync, "sync"), (price, "price")):
        action.set_defaults(run=("remote", function))
        _add_inputs(action)
        action.add_argument(
            "--model", default="bytedance/latentsync", help="its id at WaveSpeed (default: %(default)s)"
        )
        action.add_argument(
            "--param", type=_pair, action="append", default=[], metavar="NAME=VALUE", help="of the model"
        )
    sync.add_argument("output", type=Path, metavar="OUT", help=".mp4")
    sync.add_argument(
        "--max-cost", type=_dollars, default=Decimal(1), metavar="USD", help="at most so much (default: 1)"
    )
    sync.add_argument("--take", type=int, default=1, help="another number buys another result (default: 1)")
    sync.add_argument("--dry-run", action="store_true", help="stop after the quote")
    sync.add_argument("--report", type=Path, metavar="FILE.json", help="write what was done to a file")
    jobs = actions.add_parser("jobs", help="list what was bought, and how far it came")
    jobs.set_defaults(run=("remote", "jobs"))
    jobs.add_argument("--limit", type=int, default=20, help="so many (default: %(default)s)")
    resume = actions.add_parser("resume", help="wait for a prediction and fetch its result; buys nothing")
    resume.set_defaults(run=("remote", "resume"))
    resume.add_argument("id", metavar="ID", help="the prediction's id, see `jobs`")
    resume.add_argument(
        "output", type=Path, nargs="?", metavar="OUT", help=".mp4 (default: what its job named)"
    )
    key = actions.add_parser("key", help="keep the WaveSpeed key").add_subparsers(
        required=True, metavar="ACTION"
    )
    key.add_parser("set", help="ask for the key and keep it").set_defaults(run=("remote", "set_key"))


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
        help="auto, left, right, a number (see `faces`), or a point X,Y",
    )


def options_of(args: argparse.Namespace) -> Options:
    """The preset, with what was given on the command line in its place."""
    names = ("steps", "guidance", "seed", "length", "silence", "fps")
    return Options.preset(args.preset, **{n: v for n in names if (v := getattr(args, n)) is not None})


def _fps(text: str) -> Fraction:
    try:
        return Fraction(text)
    except ZeroDivisionError as exc:
        raise argparse.ArgumentTypeError(f"takes a rate such as 25 or 30000/1001, got {text}") from exc


def _speaker(text: str) -> str | int | tuple[float, float]:
    if text in ("auto", "left", "right"):
        return text
    try:
        if "," not in text:
            return int(text)
        x, y = (float(part) for part in text.split(","))
    except ValueError:
        x = y = math.nan
    if not math.isfinite(x + y):
        raise argparse.ArgumentTypeError(f"takes auto, left, right, a number or a point X,Y, got {text}")
    return x, y


def _dollars(text: str) -> Decimal:
    try:
        value = Decimal(text)
    except InvalidOperation:
        value = Decimal("nan")
    if not (value.is_finite() and value >= 0):
        raise argparse.ArgumentTypeError(f"takes US dollars such as 1 or 0.50, got {text}")
    return value


def _pair(text: str) -> tuple[str, str]:
    name, sign, value = text.partition("=")
    if not (name and sign):
        raise argparse.ArgumentTypeError(f"takes NAME=VALUE, got {text}")
    return name, value
