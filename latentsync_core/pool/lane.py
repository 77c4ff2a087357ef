"""The thread of one worker: start it, keep it busy, and start another one when it dies."""

from __future__ import annotations

import logging
import threading
from collections import deque
from collections.abc import Callable

from ..errors import LatentSyncError
from .queue import TRIES, PendingWindow, WindowQueue
from .task import Worker, WorkerDied, WorkerIdentity

log = logging.getLogger(__name__)

IN_FLIGHT = 2
"""Windows that a worker has: the one that it makes, and the next one, so that it does not wait for it."""
_LOOK_SECONDS = 0.5

_NEXT_SECONDS = 0.05
"""How long the next window may take to come, before the one in flight is waited for."""


class Lane(threading.Thread):
    """Keeps one worker alive and busy until the queue fails, or until its starts fail three times in a row."""

    def __init__(self, queue: WindowQueue, number: int, begin: Callable[[], Worker]) -> None:
        super().__init__(name=f"lane {number} of a pool", daemon=True)
        self._queue, self._number, self._begin = queue, number, begin
        self._worker: Worker | None = None
        self._place = f"worker {number + 1}"
        self._loaded = False

    def stop(self) -> None:
        """End the worker, at once; the thread ends after it where the queue has failed."""
        if self._worker is not None:
            self._worker.stop()

    def run(self) -> None:
        failed = 0
        while not self._queue.error and failed < TRIES:
            flight: deque[PendingWindow] = deque()
            try:
                self._employ(flight)
            except (WorkerDied, LatentSyncError) as exc:
                if isinstance(exc, LatentSyncError) and not self._loaded:
                    self._queue.fail(exc)  # the user's to mend: no checkpoint, no such device
                served = self._queue.leave(self._number, flight, f"{self._place}: {exc}")
                failed = 0 if served else failed + 1
            self.stop()
        if failed == TRIES:
            log.warning("One worker less, after %d failed starts. %s", TRIES, self._queue.describe_deaths())
            self._queue.retire()

    def _employ(self, flight: deque[PendingWindow]) -> None:
        """Start a worker and serve it; raises WorkerDied, and LatentSyncError where its networks cannot be loaded."""
        worker = self._worker = self._begin()
        identity = self._wait(worker)
        if identity is None:
            return
        self._loaded, self._place = True, identity.place
        self._queue.join(self._number, identity)
        while self._fill(worker, flight):
            entry = flight[0]
            try:
                made = worker.receive()
            except LatentSyncError as exc:
                entry.future.set_exception(exc)
            else:
                entry.future.set_result(made)
            flight.popleft()

    def _wait(self, worker: Worker) -> WorkerIdentity | None:
        while not self._queue.error:
            if identity := worker.wait_until_loaded(_LOOK_SECONDS):
                return identity
            self._queue.check_patience()
        return None

    def _fill(self, worker: Worker, flight: deque[PendingWindow]) -> bool:
        """Send windows until the worker has enough; return whether it has any."""
        while len(flight) < IN_FLIGHT and (entry := self._queue.take(_NEXT_SECONDS if flight else None)):
            flight.append(entry)
            worker.send(entry.task)
        return bool(flight)
