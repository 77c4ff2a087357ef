"""What a pool's threads share: the tasks that wait, the workers that are there, and what went wrong."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any

from ..ahead import check_stopped
from ..errors import LatentSyncError, PoolError
from .task import PoolTask, WorkerIdentity

TRIES = 3
"""Workers that may die of a task before it is given up."""
_WAKE_SECONDS = 0.2


@dataclass(eq=False)
class PendingTask:
    """A task on its way through a pool."""

    task: PoolTask
    future: Future[Any] = field(default_factory=Future)
    deaths: list[str] = field(default_factory=list)
    """How the workers ended that died while they did it."""

    def start(self) -> bool:
        """Tell whether somebody still wants it."""
        return self.future.running() or self.future.set_running_or_notify_cancel()

    def end(self, error: LatentSyncError) -> None:
        """Let whoever waits for it have an error."""
        if self.start():
            self.future.set_exception(error)


class TaskQueue:
    """Holds at most one task that no worker has, besides those that dead workers gave back."""

    def __init__(self, lanes: int, mixed: bool, patience: float) -> None:
        """lanes: how many workers there shall be. mixed, patience: as of `WindowPool`."""
        self._lanes, self._mixed, self._patience = lanes, mixed, patience
        self._changed = threading.Condition()
        self._waiting: deque[PendingTask] = deque()
        self._without_since = time.monotonic()
        self.first: WorkerIdentity | None = None
        """The first worker that there was: others must be like it."""
        self.workers: dict[int, WorkerIdentity] = {}
        """Those that are there, by the number of their lane."""
        self.deaths: list[str] = []
        self.error: LatentSyncError | None = None
        """Why no more tasks are taken."""

    def put(self, task: PoolTask) -> Future[Any]:
        """Add a task, when no other one waits; raises `error`."""
        entry = PendingTask(task)
        with self._changed:
            self._wait(lambda: not self._waiting)
            self._waiting.append(entry)
            self._changed.notify_all()
        return entry.future

    def take(self, seconds: float | None) -> PendingTask | None:
        """Return the next task that somebody still wants; None after `error`, or where none comes in time."""
        with self._changed:
            while self._changed.wait_for(lambda: self.error or self._waiting, seconds) and not self.error:
                entry = self._waiting.popleft()
                self._changed.notify_all()
                if entry.start():
                    return entry
        return None

    def wait_for_worker(self) -> WorkerIdentity:
        """Wait until there was a worker; raises `error`."""
        with self._changed:
            self._wait(lambda: self.first is not None)
            assert self.first is not None
            return self.first

    def join(self, lane: int, worker: WorkerIdentity) -> None:
        """Note that a worker is there; fails where it is unlike the first one."""
        with self._changed:
            first = self.first = self.first or worker
            self.workers[lane] = worker
            self._changed.notify_all()
        if worker.computes != first.computes and not (self._mixed and worker.networks == first.networks):
            self.fail(PoolError(_describe_difference(first, worker)))

    def leave(self, lane: int, flight: Iterable[PendingTask], death: str) -> bool:
        """Note that a worker died; tell whether it had joined. The first task that it had may be the cause."""
        entries = list(flight)
        with self._changed:
            joined = self.workers.pop(lane, None) is not None
            if joined and not self.workers:
                self._without_since = time.monotonic()
            self.deaths.append(death)
            if entries:
                entries[0].deaths.append(death)
                if len(entries[0].deaths) == TRIES:
                    _give_up(entries.pop(0))
            self._waiting.extendleft(reversed(entries))
            self._changed.notify_all()
        if self.error:
            self.fail(self.error)  # also those that were just given back
        return joined

    def retire(self) -> None:
        """Note that a lane gets no worker any more; fails after the last one."""
        with self._changed:
            self._lanes -= 1
        if self._lanes == 0:
            self.fail(PoolError(f"No worker can be kept. {self.describe_deaths()}"))

    def fail(self, error: LatentSyncError) -> None:
        """Take no more tasks, and end those that wait; the first error stays."""
        with self._changed:
            self.error = self.error or error
            while self._waiting:
                self._waiting.popleft().end(self.error)
            self._changed.notify_all()

    def check_patience(self) -> None:
        """Fail where there has been no worker for too long."""
        if not self.workers and time.monotonic() - self._without_since > self._patience:
            self.fail(PoolError(f"There was no worker for {self._patience:.0f} s. {self.describe_deaths()}"))

    def describe_deaths(self) -> str:
        """Say how the latest workers ended."""
        return f"Workers ended: {'; '.join(self.deaths[-TRIES:])}." if self.deaths else "None has started."

    def _wait(self, ready: Callable[[], bool]) -> None:
        while not self._changed.wait_for(lambda: self.error or ready(), _WAKE_SECONDS):
            check_stopped()
        if self.error:
            raise self.error


def _give_up(entry: PendingTask) -> None:
    causes = "; ".join(entry.deaths)
    entry.end(PoolError(f"{entry.task.name} ended {TRIES} workers and is not tried again: {causes}."))


def _describe_difference(first: WorkerIdentity, other: WorkerIdentity) -> str:
    if first.networks != other.networks:
        return (
            f"The workers have different networks or precisions: {first.place} has {first.networks} in "
            f"{first.precision}, {other.place} has {other.networks} in {other.precision}. Put the same checkpoint on "
            "every machine, and name the precision with --dtype."
        )
    return (
        f"The workers are unlike, so that the result would depend on who made which window: {first.place} computes on "
        f"{first.device} by torch {first.torch} and version {first.version}, {other.place} on {other.device} by torch "
        f"{other.torch} and version {other.version}. Make them alike, or allow it with --mixed."
    )
