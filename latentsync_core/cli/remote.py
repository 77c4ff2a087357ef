"""`remote sync`, `price`, `jobs`, `resume`, `balance`, `forget`, `key set`."""

from __future__ import annotations

import argparse
import asyncio
import getpass
import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

from ..remote import (
    ApiKey,
    JobProgress,
    Journal,
    RemoteJob,
    Settings,
    fetch_balance,
    forget_task,
    remote_lip_sync,
    resume_task,
    save_key,
)
from ..remote.job import OnJobProgress
from ..remote.listing import format_jobs
from ..remote.settings import find_state_dir
from .outputs import check_apart, check_report, write_json
from .progress import progress_bars


def buy(args: argparse.Namespace) -> None:
    """Lip-sync a file to a file on WaveSpeed; what was begun by an earlier run of the same job is continued."""
    check_apart(args.output, args.video, args.audio)
    if args.report:
        check_report(args.report, args.video, args.audio, args.output)
    job = RemoteJob(
        args.video,
        args.audio,
        args.output,
        args.model,
        dict(args.param),
        args.take,
        args.max_cost,
        args.dry_run,
    )
    with _show_progress() as show:
        result = asyncio.run(remote_lip_sync(job, settings=Settings.from_environment(), on_progress=show))
    if args.report:
        write_json(args.report, result.report())
    print(result)


def price(args: argparse.Namespace) -> None:
    """Print what a job would cost; the media are uploaded for that, because the host prices what it can measure."""
    with tempfile.TemporaryDirectory() as folder:
        unused = Path(folder) / "result.mp4"
        job = RemoteJob(
            args.video,
            args.audio,
            unused,
            args.model,
            dict(args.param),
            max_cost_usd=Decimal(10**6),  # so that no limit refuses the price that is asked for
            dry_run=True,
        )
        with _show_progress() as show:
            print(asyncio.run(remote_lip_sync(job, settings=Settings.from_environment(), on_progress=show)))


def resume(args: argparse.Namespace) -> None:
    """Wait for a prediction and fetch its result."""
    with _show_progress() as show:
        print(
            asyncio.run(
                resume_task(args.id, args.output, settings=Settings.from_environment(), on_progress=show)
            )
        )


def list_jobs(args: argparse.Namespace) -> None:
    """Print the jobs in the journal, newest first."""
    settings = Settings(find_state_dir(os.environ))
    with Journal(settings.make_state_dir()) as journal:
        entries = journal.list_recent(args.limit)
    print("\n".join(format_jobs(entries)))


def print_balance(args: argparse.Namespace) -> None:
    """Print the balance of the account."""
    print(f"${asyncio.run(fetch_balance(settings=Settings.from_environment()))}")


def delete(args: argparse.Namespace) -> None:
    """Delete a task that has ended."""
    settings = Settings.from_environment()
    asyncio.run(forget_task(args.id, settings=settings))
    print(f"{settings.host_name} has deleted {args.id}. Files on this machine are kept.")


def set_key(args: argparse.Namespace) -> None:
    """Read a key from the terminal, without showing it, or from a pipe, and keep it for this user only."""
    try:
        secret = getpass.getpass("WaveSpeed key: ") if sys.stdin.isatty() else sys.stdin.readline()
    except EOFError:  # Ctrl-D
        secret = ""
    settings = Settings(find_state_dir(os.environ), ApiKey(secret))
    print(f"Kept in {save_key(settings.require_key(), settings.make_state_dir())}")


@contextmanager
def _show_progress() -> Iterator[OnJobProgress]:
    """Give a callback: bars for stages with a length, a line to stderr for every other change of stage."""
    last = ""
    with progress_bars() as bars:

        def show(progress: JobProgress) -> None:
            nonlocal last
            if progress.total:
                bars(progress.stage, progress.done, progress.total)
            elif progress.stage != last:
                cost = f", ${progress.price_usd}" if progress.price_usd is not None else ""
                print(f"{progress.elapsed:6.1f} s  {progress.stage}{cost}", file=sys.stderr)
            last = progress.stage

        yield show
