"""A function in a process of its own: what it reads cannot take the server down, and it can be stopped at any time."""

from __future__ import annotations

import asyncio
import logging
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from multiprocessing.connection import Connection
from multiprocessing.context import SpawnProcess
from typing import Any

from ..data import Progress
from ..errors import LatentSyncError
from .failure import INTERNAL, TaskFailure

log = logging.getLogger(__name__)

Function = Callable[..., Any]

_SPAWN = multiprocessing.get_context("spawn")  # torch and CUDA do not survive a fork


class ProcessDiedError(Exception):
    """The process ended during a call: killed for its memory, or by a fault in a library."""


class OwnProcess:
    """Calls a function in another process, one call at a time.

    The process is kept for the next call, killed when a call is cancelled, and started anew when it is needed again.
    """

    def __init__(self, prepare: Callable[[], Function]) -> None:
        """prepare: called first in the new process, returns the function; both can be pickled."""
        self._prepare = prepare
        self._turn = asyncio.Lock()
        self._process: SpawnProcess | None = None
        self._pipe: Connection | None = None
        # Of its own, because `recv` holds its thread for as long as a call takes.
        self._thread = ThreadPoolExecutor(1)

    async def start(self) -> None:
        """Start the process, if there is none, and wait until it is prepared; raises what `prepare` raises."""
        async with self._turn:
            await self._start()

    async def call(
        self, *arguments: Any, tell: Progress = lambda *_: None, seconds: float | None = None
    ) -> Any:
        """Call the function with the arguments and, last, a `data.Progress` that calls `tell` here.

        Raises TaskFailure as the function does, or with code 5000 for any other error in it; ProcessDiedError, also
        after so many `seconds`.
        """
        async with self._turn:
            await self._start()
            try:
                return await asyncio.wait_for(self._exchange(arguments, tell), seconds)
            except asyncio.TimeoutError as exc:
                raise ProcessDiedError from exc

    def kill(self) -> None:
        """End the process at once."""
        if self._process is not None:
            self._process.kill()
            self._process.join()
            self._process = None

    def close(self) -> None:
        """End the process, and the thread that listens to it."""
        self.kill()
        self._thread.shutdown()

    async def _start(self) -> None:
        if self._process is not None and self._process.is_alive():
            return
        self._pipe, theirs = _SPAWN.Pipe()
        # No daemon, which may have no processes of its own, such as workers for each device.
        self._process = _SPAWN.Process(target=_serve_calls, args=(theirs, self._prepare))
        self._process.start()
        theirs.close()  # else the end of the process would not end `recv`
        await self._receive(lambda *_: None)

    async def _exchange(self, arguments: tuple[Any, ...], tell: Progress) -> Any:
        assert self._pipe is not None
        try:
            self._pipe.send(arguments)
        except OSError as exc:
            raise ProcessDiedError from exc
        return await self._receive(tell)

    async def _receive(self, tell: Progress) -> Any:
        assert self._pipe is not None
        try:
            while True:
                kind, value = await asyncio.get_running_loop().run_in_executor(self._thread, self._pipe.recv)
                if kind == "progress":
                    tell(*value)
                elif kind == "raised":
                    raise value
                else:
                    return value
        except (EOFError, OSError) as exc:
            self.kill()
            raise ProcessDiedError from exc
        except asyncio.CancelledError:
            self.kill()
            raise


def _serve_calls(pipe: Connection, prepare: Callable[[], Function]) -> None:
    """Run in the new process: prepare, then answer calls until the other side is gone."""
    _leave_signals_to_parent()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    sending = threading.Lock()  # progress may be told of by other threads than the one that computes

    def send(kind: str, value: Any) -> None:
        with sending:
            pipe.send((kind, value))

    try:
        function = prepare()
    except LatentSyncError as exc:
        send("raised", exc)
        return
    with suppress(EOFError, OSError):  # the other side is gone
        send("returned", None)
        while True:
            send(*_call(function, pipe.recv(), lambda *step: send("progress", step)))


def _call(function: Function, arguments: tuple[Any, ...], tell: Progress) -> tuple[str, Any]:
    try:
        return "returned", function(*arguments, tell)
    except TaskFailure as failure:
        return "raised", failure
    except Exception:
        log.exception("An error that is not the client's")
        return "raised", TaskFailure(INTERNAL, "the owner finds more in the log of the server")


def _leave_signals_to_parent() -> None:
    """Ctrl-C and service managers reach all processes of a group; the server decides what becomes of the task."""
    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)


def _end_with_parent() -> None:
    """End this process when the server's is killed: the next server computes the task."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
    os._exit(1)
