"""Windows made by workers: in this process, in processes beside it, or on the machines of a cluster."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import asdict
from types import TracebackType
from typing import Any

from ..data import pluralize
from ..errors import LatentSyncError, PoolError
from .lane import Lane
from .queue import WindowQueue
from .task import MadeWindow, WindowTask, Worker, WorkerIdentity

START_SECONDS = 300.0
"""How long a pool waits while it has no worker: large networks load for minutes, and a machine may be on its way."""


class WindowPool:
    """Makes windows on workers, two of them in flight on each; those of a dead worker go to another one.

    Each worker has a thread in this process. Use the pool as a context manager, or `close` it.
    """

    def __init__(
        self, begin: Sequence[Callable[[], Worker]], *, mixed: bool = False, patience: float = START_SECONDS
    ) -> None:
        """begin: a function for each worker, which begins to start it and does not wait.

        mixed: take workers whose devices or versions differ, so that the bits of a window depend on who made it.
        patience: seconds without any worker after which the pool fails.
        """
        self._queue = WindowQueue(len(begin), mixed, patience)
        self._lanes = [Lane(self._queue, number, start) for number, start in enumerate(begin)]
        for lane in self._lanes:
            lane.start()

    def submit(self, task: WindowTask) -> Future[MadeWindow]:
        """Hand in a window; waits while another one waits for a worker. Raises what the pool failed with.

        The result raises PoolError where three workers died of the window, and LatentSyncError where it cannot be made.
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
        """Stop all workers, whatever they are doing; windows that are not finished raise PoolError."""
        self._queue.fail(PoolError("The pool was closed before the window was made."))
        for lane in self._lanes:
            lane.stop()
        for lane in self._lanes:
            lane.join()

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

    def __enter__(self) -> WindowPool:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, exc: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
