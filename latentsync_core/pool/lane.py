"""The thread of one worker: start it, keep it busy, and start another one when it dies."""

from __future__ import annotations

import logging
import threading
import time
from collections import deque
from collections.abc import Callable

from ..errors import LatentSyncError
from .queue import TRIES, PendingTask, TaskQueue
from .stuck import StuckLimit
from .task import PoolTask, Worker, WorkerDied, WorkerIdentity

log = logging.getLogger(__name__)

IN_FLIGHT = 2
"""Tasks that a worker has: the one that it does, and the next one, so that it does not wait for it."""
_LOOK_SECONDS = 0.5

_NEXT_SECONDS = 0.05
"""How long the next task may take to come, before the one in flight is waited for."""


class Lane(threading.Thread):
    """Keeps one worker alive and busy until the queue fails, or until its starts fail three times in a row."""

    def __init__(self, queue: TaskQueue, number: int, begin: Callable[[], Worker], limit: StuckLimit) -> None:
        super().__init__(name=f"lane {number} of a pool", daemon=True)
        self._queue, self._number, self._begin, self._limit = queue, number, begin, limit
        self._worker: Worker | None = None
        self._place, self._device = f"worker {number + 1}", ""
        self._loaded = False
        self._doing: tuple[PoolTask, float] | None = None
        self._stuck = ""

    def stop(self) -> None:
        """End the worker, at once; the thread ends after it where the queue has failed."""
        if self._worker is not None:
            self._worker.stop()

    def end_if_stuck(self) -> None:
        """End a worker that takes far too long for its task, from another thread."""
        doing = self._doing
        if doing is None:
            return
        task, since = doing
        took, most = time.monotonic() - since, self._limit.seconds((self._device, task.kind))
        if took > most:
            self._stuck = f"stuck, and ended after {took:.0f} s, more than {most:.0f} s"
            self.stop()

    def run(self) -> None:
        failed = 0
        while not self._queue.error and failed < TRIES:
            flight: deque[PendingTask] = deque()
            try:
                self._employ(flight)
            except (WorkerDied, LatentSyncError) as exc:
                if isinstance(exc, LatentSyncError) and not self._loaded:
                    self._queue.fail(exc)  # the user's to mend: no checkpoint, no such device
                served = self._queue.leave(self._number, flight, f"{self._place}: {self._stuck or exc}")
                failed = 0 if served else failed + 1
            self.stop()
            self._doing, self._stuck = None, ""
        if failed == TRIES:
            log.warning("One worker less, after %d failed starts. %s", TRIES, self._queue.describe_deaths())
            self._queue.retire()

    def _employ(self, flight: deque[PendingTask]) -> None:
        """Start a worker and serve it; raises WorkerDied, and LatentSyncError where its networks cannot be loaded."""
        worker = self._worker = self._begin()
        identity = self._wait(worker)
        if identity is None:
            return
        self._loaded, self._place, self._device = True, identity.place, identity.device
        self._queue.join(self._number, identity)
        while self._fill(worker, flight):
            entry = flight[0]
            try:
                made = worker.receive()
            except LatentSyncError as exc:
                entry.future.set_exception(exc)
            else:
                entry.future.set_result(made)
                self._note_time()
            flight.popleft()
            self._do_first(flight)

    def _wait(self, worker: Worker) -> WorkerIdentity | None:
        while not self._queue.error:
            if identity := worker.wait_until_loaded(_LOOK_SECONDS):
                return identity
            self._queue.check_patience()
        return None

    def _fill(self, worker: Worker, flight: deque[PendingTask]) -> bool:
        """Send tasks until the worker has enough; return whether it has any."""
        while len(flight) < IN_FLIGHT and (entry := self._queue.take(_NEXT_SECONDS if flight else None)):
            flight.append(entry)
            if len(flight) == 1:
                self._do_first(flight)
            worker.send(entry.task)
        return bool(flight)

    def _do_first(self, flight: deque[PendingTask]) -> None:
        """Note that the worker does the first task that it has from now on."""
        self._doing = (flight[0].task, time.monotonic()) if flight else None

    def _note_time(self) -> None:
        assert self._doing is not None
        task, since = self._doing
        self._limit.note((self._device, task.kind), time.monotonic() - since)
