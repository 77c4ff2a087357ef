"""The commands of `latentsync-lab`."""

from __future__ import annotations

import argparse
from collections.abc import Sequence

from latentsync_core.cli.main import run
from latentsync_core.cli.parsers import add_common

from .train_parser import add_train


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of `latentsync-lab`; returns as `latentsync_core.cli.main.run`."""
    return run(_make_parser(), __package__, argv)


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="latentsync-lab", description="Train LatentSync.")
    add_common(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_train(commands.add_parser("train", help="train a small model from nothing, or others on own footage"))
    return parser
