"""A worker in a process of its own, on a device of this machine."""

from __future__ import annotations

import multiprocessing
import os
import queue
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, cast

from ..errors import LatentSyncError
from ..process import tune_process
from .task import Maker, PoolTask, WorkerDied, WorkerIdentity

_END_SECONDS = 10.0


class WorkerProcess:
    """Does tasks in a process that ends with this one; a `Worker`. `load` and what it returns must pickle."""

    def __init__(self, load: Callable[[], Maker]) -> None:
        context = multiprocessing.get_context("spawn")  # CUDA does not survive a fork, nor do threads
        self._pipe, there = context.Pipe()
        self._process = context.Process(target=_work, args=(there, load), daemon=True)
        self._process.start()
        there.close()

    def wait_until_loaded(self, seconds: float) -> WorkerIdentity | None:
        try:
            return cast(WorkerIdentity, self._read()) if self._pipe.poll(seconds) else None
        except OSError as exc:
            raise self._describe_death() from exc

    def send(self, task: PoolTask) -> None:
        try:
            self._pipe.send(task)
        except OSError as exc:
            raise self._describe_death() from exc

    def receive(self) -> Any:
        return self._read()

    def stop(self) -> None:
        self._process.kill()

    def _read(self) -> Any:
        try:
            content = self._pipe.recv()
        except (EOFError, OSError) as exc:
            raise self._describe_death() from exc
        if isinstance(content, LatentSyncError | WorkerDied):
            raise content
        return content

    def _describe_death(self) -> WorkerDied:
        self._process.join(_END_SECONDS)
        code = self._process.exitcode
        how = f"signal {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"
        return WorkerDied(f"its process ended by {how}")


def _work(pipe: Connection, load: Callable[[], Maker]) -> None:
    """Answer with an identity, then with a result for each task; an unforeseen error is told and ends the process."""
    # Ctrl-C goes to all processes; the first one decides what it means.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    tune_process()
    tasks: queue.SimpleQueue[PoolTask] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(pipe, tasks), daemon=True).start()
    try:
        _serve(pipe, load, tasks)
    except Exception as exc:
        pipe.send(WorkerDied(f"{type(exc).__name__}: {exc}"))
        raise


def _serve(pipe: Connection, load: Callable[[], Maker], tasks: queue.SimpleQueue[PoolTask]) -> None:
    try:
        maker = load()
    except LatentSyncError as exc:
        pipe.send(exc)
        return
    pipe.send(maker.identity)
    while True:
        task = tasks.get()
        try:
            made = maker.make(task)
        except LatentSyncError as exc:
            made = exc
        pipe.send(made)


def _listen(pipe: Connection, tasks: queue.SimpleQueue[PoolTask]) -> None:
    """Take tasks while another one is done, so that nobody waits in `send`; end this process with the one above it."""
    while True:
        try:
            tasks.put(pipe.recv())
        except (EOFError, OSError):
            os._exit(0)  # also in the middle of a task: nobody waits for it any more
