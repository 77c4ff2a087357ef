"""Who computes: one interface, and the implementation that does it on this machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from ..data import Progress
from ..errors import DeviceError
from .place import TaskFolder
from .process import OwnProcess, ProcessDiedError

Compute = Callable[[TaskFolder, Progress], None]
"""Makes the result of a task out of its media; raises TaskFailure, and anything from `progress`."""


class TaskWorker(Protocol):
    """Computes one task at a time."""

    async def start(self) -> None:
        """Get ready; raises LatentSyncError where it never will be."""
        ...

    async def compute(self, folder: TaskFolder, tell: Progress) -> int:
        """Make the result of a task and note its outcome; return the milliseconds that took.

        A call that is cancelled stops at once, and another one goes on from the finished windows. Raises TaskFailure,
        and ProcessDiedError where the task may be what killed the process.
        """
        ...

    def close(self) -> None:
        """Stop for good."""
        ...


class ProcessWorker:
    """Computes in a process of its own, in which the models stay loaded."""

    def __init__(self, load: Callable[[], Compute]) -> None:
        """load: called in that process, can be pickled."""
        self._process = OwnProcess(_Prepare(load))

    async def start(self) -> None:
        """Load the models."""
        try:
            await self._process.start()
        except ProcessDiedError as exc:
            raise DeviceError(
                "The process that computes ended while it loaded the models, perhaps for lack of memory."
            ) from exc

    async def compute(self, folder: TaskFolder, tell: Progress) -> int:
        """Compute; see `TaskWorker.compute`."""
        return int(await self._process.call(folder, tell=tell))

    def close(self) -> None:
        """End the process."""
        self._process.close()


@dataclass(frozen=True)
class _Prepare:
    load: Callable[[], Compute]

    def __call__(self) -> _Computation:
        return _Computation(self.load())


@dataclass(frozen=True)
class _Computation:
    """Computes a task, and notes on disk that it is done."""

    compute: Compute

    def __call__(self, folder: TaskFolder, tell: Progress) -> int:
        start = time.monotonic()
        self.compute(folder, tell)
        inference_ms = round((time.monotonic() - start) * 1000)
        folder.keep_outcome(inference_ms)
        return inference_ms
