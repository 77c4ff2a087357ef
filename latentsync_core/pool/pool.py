"""Tasks done by workers: in this process, in processes beside it, or on the machines of a cluster."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from types import TracebackType
from typing import Any, Generic, TypeVar

from ..data import pluralize
from ..errors import LatentSyncError, PoolError
from .lane import Lane
from .queue import TaskQueue
from .stuck import StuckLimit
from .task import MadeWindow, PoolTask, WindowTask, Worker, WorkerIdentity

Asked = TypeVar("Asked", bound=PoolTask)
Done = TypeVar("Done")

START_SECONDS = 300.0
"""How long a pool waits while it has no worker: large networks load for minutes, and a machine may be on its way."""

_LOOK_SECONDS = 1.0
"""Between two looks for workers that are stuck."""


class Pool(Generic[Asked, Done]):
    """Does tasks on workers, two of them in flight on each; those of a dead worker go to another one.

    Each worker has a thread in this process. Use the pool as a context manager, or `close` it.
    """

    def __init__(
        self,
        begin: Sequence[Callable[[], Worker]],
        *,
        mixed: bool = False,
        patience: float = START_SECONDS,
        limit: StuckLimit | None = None,
    ) -> None:
        """begin: a function for each worker, which begins to start it and does not wait.

        mixed: take workers whose devices or versions differ, so that the bits of a result depend on who made it.
        patience: seconds without any worker after which the pool fails. limit: how long a task may take before its
        worker is ended, which counts as a death; None is `StuckLimit()`.
        """
        self._queue = TaskQueue(len(begin), mixed, patience)
        limit = limit or StuckLimit()
        self._lanes = [Lane(self._queue, number, start, limit) for number, start in enumerate(begin)]
        for lane in self._lanes:
            lane.start()
        self._closed = threading.Event()
        threading.Thread(target=self._watch, name="watch of a pool", daemon=True).start()

    def submit(self, task: Asked) -> Future[Done]:
        """Hand in a task; waits while another one waits for a worker. Raises what the pool failed with.

        The result raises PoolError where three workers died of the task, and LatentSyncError where it cannot be done.
        """
        return self._queue.put(task)

    def wait_for_worker(self) -> WorkerIdentity:
        """Wait for the first worker, which all others are like; raises what the pool failed with."""
        return self._queue.wait_for_worker()

    @property
    def error(self) -> LatentSyncError | None:
        """What the pool failed with; None while it works."""
        return self._queue.error

    def close(self) -> None:
        """Stop all workers, whatever they are doing; tasks that are not finished raise PoolError."""
        self._queue.fail(PoolError("The pool was closed before the work was done."))
        for lane in self._lanes:
            lane.stop()
        for lane in self._lanes:
            lane.join()
        self._closed.set()

    def _watch(self) -> None:
        while not self._closed.wait(_LOOK_SECONDS):
            for lane in self._lanes:
                lane.end_if_stuck()

    def to_json(self) -> dict[str, Any]:
        """Return who the workers are and how others ended, ready for JSON."""
        return {
            "workers": [asdict(worker) for _, worker in sorted(self._queue.workers.items())],
            "deaths": list(self._queue.deaths),
        }

    def __len__(self) -> int:
        """How many workers there are when all are well."""
        return len(self._lanes)

    def __str__(self) -> str:
        """For people: `2 workers`, or `1 of 2 workers`."""
        there, all_of_them = len(self._queue.workers), pluralize(len(self), "worker")
        return all_of_them if there == len(self) else f"{there} of {all_of_them}"

    def __enter__(self) -> Pool[Asked, Done]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


WindowPool = Pool[WindowTask, MadeWindow]
"""A pool that makes windows."""
