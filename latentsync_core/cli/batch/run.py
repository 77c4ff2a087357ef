"""Make the rows of a batch: a few at a time, whose windows share one pool."""

from __future__ import annotations

import argparse
import logging
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from pathlib import Path
from typing import Any

from tqdm import tqdm

from ...data import Frame
from ...errors import InputError, LatentSyncError, OutputError
from ...method import check_independent
from ...models.bundle import LipSyncModels
from ...plan import DubPlan
from ...pool import WindowPool
from ...process import count_cores
from ...timeleft import POOL_STAGE
from ..dubbing import DubSources, make_dub, plan_lines
from ..inputs import options_of
from ..making import Sources, make_result
from ..stages import StageTimes
from ..work import keep_windows
from .jobs import arguments_of, hash_job, is_dub, is_finished
from .rows import Row
from .table import Outcome, ResultTable

log = logging.getLogger(__name__)

_WAKE_SECONDS = 0.2


def rows_at_once(workers: int, cores: int) -> int:
    """Return how many rows are in the making: while windows of one are made, others are surveyed, pasted and written.

    A row goes step by step and keeps about a worker busy, and about a core of this machine.
    """
    return min(workers, cores) + 2


class Batch:
    """The rows of one command, from reading them to their outcomes."""

    def __init__(self, args: argparse.Namespace, folder: Path, bar: tqdm[Any]) -> None:
        """folder: that files of rows are relative to."""
        self._args, self._folder, self._bar = args, folder, bar
        self.table = ResultTable(args.output)
        self._outputs: dict[Path, int] = {}
        self._lock, self._stopped = threading.Lock(), False
        self._windows = 0

    def settle(self, row: Row) -> argparse.Namespace | None:
        """Return the arguments of what is to be made; None where nothing is, which is noted."""
        values = row.values
        outcome = partial(
            Outcome,
            row=row.number,
            video=values.get("video", ""),
            audio=values.get("audio", ""),
            cues=values.get("cues", ""),
        )
        try:
            job = arguments_of(row, self._folder, self._args)
            check_independent(options_of(job))
            maker = self._outputs.setdefault(job.output.resolve(), row.number)
            if maker != row.number:
                raise InputError(f"Row {maker} makes {job.output} as well; name another output.")
            job.job = hash_job(job)
        except LatentSyncError as exc:
            self._note(outcome(status="failed", error=str(exc)))
            return None
        job.outcome = partial(outcome, output=str(job.output), job=job.job)
        if is_finished(job):
            self._note(job.outcome(status="kept"))
            return None
        return job

    def make(self, jobs: Iterator[argparse.Namespace], models: LipSyncModels, pool: WindowPool) -> None:
        """Make all jobs as they come; raises what the pool failed with."""
        rows = rows_at_once(len(pool), count_cores())
        free = threading.Semaphore(rows)
        with ThreadPoolExecutor(rows) as executor:
            try:
                for job in jobs:
                    _acquire(free)
                    if pool.error:
                        break
                    display = _RowDisplay(self)
                    future = executor.submit(_make, job, models, pool, display)
                    future.add_done_callback(partial(self._end, job, display))
                    future.add_done_callback(lambda _: free.release())
                for _ in range(rows):
                    _acquire(free)
            except BaseException:
                self._stopped = True
                pool.close()  # rows that wait for a window end at once
                raise
        if pool.error:
            raise pool.error

    def count(self, windows: int) -> None:
        """Count windows that were made; raises _Cancelled once the batch is stopped."""
        if self._stopped:
            raise _Cancelled
        if windows:
            with self._lock:
                self._windows += windows

    def _end(self, job: argparse.Namespace, display: _RowDisplay, done: Future[float]) -> None:
        error = done.exception()
        if error is None:
            self._note(job.outcome(status="made", windows=display.windows, seconds=done.result()))
        elif not self._stopped:
            if not isinstance(error, LatentSyncError):
                log.error("%s failed by an error that was not foreseen.", job.output, exc_info=error)
            self._note(job.outcome(status="failed", error=str(error) or type(error).__name__))

    def _note(self, outcome: Outcome) -> None:
        with self._lock:
            self.table.add(outcome)
            self._bar.update()
            if outcome.status == "failed":
                tqdm.write(f"row {outcome.row}: {outcome.error}", file=sys.stderr)


class _Cancelled(Exception):
    """Ends a row whose batch is stopped."""


class _RowDisplay:
    """Counts the windows of a row; a `Display`."""

    def __init__(self, batch: Batch) -> None:
        self._batch, self.windows = batch, 0

    def __call__(self, stage: str, done: int, total: int) -> None:
        new = done - self.windows if stage == POOL_STAGE else 0
        self.windows += new
        self._batch.count(new)

    def frames(self, frames: Iterator[Frame], dub: DubPlan) -> Iterator[Frame]:
        return frames


def _make(job: argparse.Namespace, models: LipSyncModels, pool: WindowPool, display: _RowDisplay) -> float:
    """Make one row; return the seconds that it took."""
    started = time.monotonic()
    try:
        job.output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as exc:
        raise OutputError(f"{job.output.parent} cannot be made: {exc.strerror}.") from exc
    if is_dub(job):
        _make_dub(job, models, pool, display)
    else:
        make_result(job, Sources.open(job), models, pool, display, StageTimes(), lambda preflight, line: None)
    return round(time.monotonic() - started, 3)


def _make_dub(job: argparse.Namespace, models: LipSyncModels, pool: WindowPool, display: _RowDisplay) -> None:
    sources = DubSources.open(job)
    with keep_windows(job.output) as work:
        planned = plan_lines(job, sources, models, display, work)
        make_dub(job, sources, planned, models, pool, display, work)


def _acquire(free: threading.Semaphore) -> None:
    while not free.acquire(timeout=_WAKE_SECONDS):  # on Windows Ctrl-C is noticed only between two waits
        pass
