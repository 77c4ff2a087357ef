"""A worker in this process: a task is done in the thread that waits for it."""

from __future__ import annotations

from collections import deque
from typing import Any

from .task import Maker, PoolTask, WorkerDied, WorkerIdentity


class WorkerHere:
    """Does tasks in this process, with networks that it has loaded; a `Worker`."""

    def __init__(self, maker: Maker) -> None:
        self._maker, self._stopped = maker, False
        self._sent: deque[PoolTask] = deque()

    def wait_until_loaded(self, seconds: float) -> WorkerIdentity | None:
        return self._maker.identity

    def send(self, task: PoolTask) -> None:
        self._sent.append(task)

    def receive(self) -> Any:
        return self._maker.make(self._sent.popleft(), self._check)

    def stop(self) -> None:
        self._stopped = True

    def _check(self) -> None:
        if self._stopped:
            raise WorkerDied("stopped")
