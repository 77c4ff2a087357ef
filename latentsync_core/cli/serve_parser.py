"""The arguments of `serve`."""

from __future__ import annotations

import argparse
from decimal import Decimal
from pathlib import Path

from .inputs import add_encoder, add_model, add_options, add_speed, add_workers
from .values import parse_count, parse_dollars


def add_serve(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of `serve`."""
    parser.set_defaults(run=("serve", "serve"))
    parser.add_argument(
        "--host", default="127.0.0.1", help="where to listen (default: %(default)s, for this machine only)"
    )
    parser.add_argument("--port", type=int, default=8787, help="default: %(default)s")
    parser.add_argument(
        "--folder", type=Path, metavar="STATE", help="keeps tasks and files (default: the user's data folder)"
    )
    parser.add_argument(
        "--keys", type=Path, metavar="FILE", help="who may use it: lines of NAME KEY, readable by you only"
    )
    parser.add_argument(
        "--public-url",
        default="",
        metavar="URL",
        help="how clients reach the proxy before it, if there is one",
    )
    parser.add_argument(
        "--price",
        type=parse_dollars,
        default=Decimal(0),
        metavar="USD",
        help="of 5 seconds of audio (default: 0)",
    )
    _add_limits(parser)
    add_model(parser)
    add_speed(parser)
    add_options(parser)
    add_encoder(parser)
    add_workers(parser)


def _add_limits(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("limits")
    for flag, metavar, usual, text in (
        ("--keep", "HOURS", 168, "results, their media and uploads are kept so long"),
        ("--largest", "MB", 300, "of one file"),
        ("--longest", "SECONDS", 600, "of a video or an audio"),
        ("--queue", "N", 1000, "tasks that have not ended; more are refused"),
    ):
        group.add_argument(
            flag, type=parse_count, default=usual, metavar=metavar, help=f"{text} (default: %(default)s)"
        )
    group.add_argument(
        "--allow-private",
        action="store_true",
        help="fetch media from, and call webhooks at, addresses that are not on the public internet, too",
    )
