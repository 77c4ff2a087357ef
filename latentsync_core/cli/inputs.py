"""Arguments that several commands take."""

from __future__ import annotations

import argparse
from dataclasses import fields
from pathlib import Path
from typing import get_type_hints

from ..options import PRESETS, LengthMode, Options, SilencePolicy, choices_of
from .values import fps, speaker

ADVANCED = {
    "sampler": "dpm++ needs about half the steps of ddim",
    "reuse": "run the whole network every so many steps only (DeepCache), 1..10; 1 is off, 3 upstream's",
    "overlap": "frames that neighbouring windows share and cross-fade, 0..8",
    "missing_face": "a frame without the face passes through (keep) or stops the run (error)",
    "max_turn": "heads turned further keep their mouth, 0..10; about 0.5 is 45 degrees",
    "feather": "soft edge around the new mouth, 0..0.5 of the side of the crop",
    "color_match": "shift the new mouth to the colours around it",
}
"""Options that few people need, and what `--help` says of them."""


def add_inputs(parser: argparse.ArgumentParser) -> None:
    """The video and the sound."""
    parser.add_argument("video", type=Path, metavar="VIDEO", help="a video, or a picture that shall talk")
    parser.add_argument(
        "audio", type=Path, metavar="AUDIO", help="the new speech: a sound file, or a video's sound"
    )


def add_options(parser: argparse.ArgumentParser) -> None:
    """The preset, and what may stand in for parts of it."""
    parser.add_argument(
        "--preset",
        default="balanced",
        choices=list(PRESETS),
        help="default: %(default)s; `exact` is upstream without DeepCache, with --reuse 3 as its script and page run",
    )
    parser.add_argument("--steps", type=int, help="denoising steps")
    parser.add_argument(
        "--guidance", type=float, help="weight of the speech, 1..10; 1.5 is usual, 1 is twice as fast"
    )
    parser.add_argument("--seed", type=int, help="the same seed gives the same result")
    parser.add_argument(
        "--length",
        choices=choices_of(LengthMode),
        help="where video and speech differ in length (usual: longest)",
    )
    parser.add_argument("--silence", choices=choices_of(SilencePolicy), help="what the mouth does in silence")
    parser.add_argument("--fps", type=fps, help="frame rate of the result (default: the video's own times)")
    add_speaker(parser)
    _add_advanced(parser)


def add_speaker(parser: argparse.ArgumentParser) -> None:
    """Whose mouth it is."""
    parser.add_argument(
        "--speaker",
        type=speaker,
        default="auto",
        help="auto, left, right, a number (see `faces`), a point X,Y or a box X0,Y0,X1,Y1",
    )


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
