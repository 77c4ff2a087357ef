"""`batch JOBS OUT`."""

from __future__ import annotations

import argparse
import itertools
import sys
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from tqdm import tqdm

from ...errors import OptionError, OutputError
from ...pool import NetworkMaker, WindowPool, WorkerHere
from ...weights import best_checkpoint
from ..networks import open_networks
from .rows import Row, parse_rows, read_rows
from .run import Batch

SOME_FAILED = 3
"""The exit code where rows failed."""
_LOOK = "{n_fmt}/{total_fmt} rows [{elapsed}<{remaining}{postfix}]"


def batch(args: argparse.Namespace) -> int:
    """Lip-sync every row of a list; return 0, or 3 where rows failed."""
    rows, folder = _open_rows(args)
    args.model = args.model or best_checkpoint(args.models_folder)
    try:
        args.output.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputError(f"{args.output} cannot be made: {exc.strerror}.") from exc
    with tqdm(unit="row", disable=None, dynamic_ncols=True, bar_format=_LOOK) as bar:
        made = Batch(args, folder, bar)
        try:
            _make(args, made, (job for row in rows if (job := made.settle(row)) is not None))
        finally:
            made.table.write()
    counts = {status: made.table.count(status) for status in ("made", "kept", "failed")}
    print(
        f"{counts['made']} made, {counts['kept']} kept, {counts['failed']} failed: {args.output / 'results.csv'}"
    )
    return SOME_FAILED if counts["failed"] else 0


def _make(args: argparse.Namespace, made: Batch, jobs: Iterator[argparse.Namespace]) -> None:
    """Load the networks for the first job that is not finished, and make it and the others."""
    first = next(jobs, None)
    if first is None:
        return
    with ExitStack() as stack:
        models, pool = stack.enter_context(open_networks(args))
        if pool is None:
            pool = stack.enter_context(WindowPool([lambda: WorkerHere(NetworkMaker(models))]))
        made.make(itertools.chain([first], jobs), models, pool)


def _open_rows(args: argparse.Namespace) -> tuple[Iterator[Row], Path]:
    """Return the rows, and the folder that their files are relative to."""
    if (args.jobs is None) == (args.jobs_from is None):
        raise OptionError("batch takes a list of jobs: JOBS, or --jobs-from FILE (- is standard input).")
    source = args.jobs or args.jobs_from
    if str(source) == "-":
        return parse_rows(sys.stdin), Path()
    return read_rows(source), source if source.is_dir() else source.parent
