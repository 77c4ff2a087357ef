"""Arguments, errors and exit codes; a command's code is imported when the command is run."""

from __future__ import annotations

import argparse
import logging
import signal
import sys
from collections.abc import Sequence
from importlib import import_module

from ..errors import LatentSyncError, ran_out_of_memory
from ..process import tune_process
from .dub_parser import add_dub
from .ending import FULL, Ended, ended_by_signals, hush, report_full_disk
from .parsers import add_batch, add_common, add_faces, add_plan, add_score, add_sync, add_weights
from .remote_parser import add_remote
from .serve_parser import add_serve

FAILED, BY_SIGNAL, UNREAD = 1, 128, 141


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command of `latentsync`; return the exit code, see `run`."""
    return run(_make_parser(), __package__, argv)


def run(parser: argparse.ArgumentParser, package: str, argv: Sequence[str] | None) -> int:
    """Run one command; return what it returns, 1 after an error, 128 + number after a signal (Ctrl-C: 130).

    None is 0. Wrong arguments exit with 2. 141 is returned where the reader of the output, such as `head`, went away.
    parser: sets `verbose`, and in `run` the command's module in `package` and its function.
    """
    try:
        try:
            with ended_by_signals():
                return _run(parser, package, argv)
        except KeyboardInterrupt as exc:
            print("Stopped.", file=sys.stderr)
            return BY_SIGNAL + (exc.number if isinstance(exc, Ended) else signal.SIGINT)
        finally:
            print(end="", flush=True)  # a closed pipe is found here, and not when Python ends
    except BrokenPipeError:
        hush()
        return UNREAD
    except OSError as exc:
        if exc.errno not in FULL:
            raise
        report_full_disk(exc)
        return FAILED


def _run(parser: argparse.ArgumentParser, package: str, argv: Sequence[str] | None) -> int:
    args = parser.parse_args(argv)
    tune_process()
    logging.basicConfig(
        level=logging.INFO if args.verbose else logging.WARNING, format="%(levelname)s: %(message)s"
    )
    try:
        module, function = args.run
        code: int | None = getattr(import_module(f".{module}", package), function)(args)
    except LatentSyncError as exc:
        print(f"error: {exc}", file=sys.stderr)
        return FAILED
    except (MemoryError, RuntimeError) as exc:
        if not ran_out_of_memory(exc):
            raise
        print(f"error: The memory is not enough; take a shorter or smaller video. [{exc}]", file=sys.stderr)
        return FAILED
    return code or 0


def _make_parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="latentsync", description="Re-sync the mouth in a video to new speech."
    )
    add_common(parser)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    add_sync(commands.add_parser("sync", help="lip-sync a video to speech"))
    add_dub(commands.add_parser("dub", help="lay many lines on a film: a cue sheet says who says what when"))
    add_batch(commands.add_parser("batch", help="lip-sync many videos, on one or many machines"))
    add_plan(commands.add_parser("plan", help="say what `sync` would do to each frame, without doing it"))
    add_faces(commands.add_parser("faces", help="draw the faces that are found, with their numbers"))
    add_score(
        commands.add_parser("score", help="measure how well mouth and audio fit, and what a re-sync changed")
    )
    add_weights(commands.add_parser("weights", help="list, fetch and convert checkpoints"))
    add_remote(commands.add_parser("remote", help="lip-sync on WaveSpeed, which costs money"))
    add_serve(commands.add_parser("serve", help="answer on the network with the contract of WaveSpeed"))
    return parser
