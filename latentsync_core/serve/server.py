"""Run an endpoint until it is told to stop."""

from __future__ import annotations

import asyncio
import signal
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

from aiohttp import web

from ..errors import OutputError
from .app import build_app
from .endpoint import Endpoint
from .gate import Gate
from .settings import ServeSettings
from .store import Store
from .worker import TaskWorker

_GRACE_SECONDS = 3.0
"""How long requests may go on after the end was asked for."""


@asynccontextmanager
async def open_endpoint(
    settings: ServeSettings, gate: Gate, worker: TaskWorker, now: Callable[[], float] = time.time
) -> AsyncIterator[tuple[Endpoint, int, asyncio.Future[None]]]:
    """Give an endpoint that takes requests and works, its port, and its work, which ends only by an error.

    At the end of the block the task that is computed goes back to the queue. now: seconds since 1970. Raises
    OptionError and OutputError, where the folder, the keys or the port cannot be used.
    """
    with Store(settings.folder, now) as store:
        endpoint = Endpoint.assemble(settings, store, gate, worker)
        endpoint.flow.recover()
        runner = web.AppRunner(build_app(endpoint), access_log=None, shutdown_timeout=_GRACE_SECONDS)
        await runner.setup()
        try:
            work = asyncio.ensure_future(endpoint.flow.run())
            yield endpoint, await _listen(runner, settings), work
        finally:
            await runner.cleanup()
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            worker.close()
            gate.close()


async def run_endpoint(
    settings: ServeSettings, gate: Gate, worker: TaskWorker, on_ready: Callable[[str], None]
) -> None:
    """Run an endpoint until SIGTERM or Ctrl-C.

    on_ready: called with its address. Raises as `open_endpoint` and `TaskWorker.start` do.
    """
    stop = asyncio.ensure_future(_wait_for_signal())
    async with open_endpoint(settings, gate, worker) as (_, port, work):
        on_ready(settings.public_url or f"http://{settings.host}:{port}")
        await asyncio.wait({work, stop}, return_when=asyncio.FIRST_COMPLETED)
        stop.cancel()
        if work.done():
            work.result()


async def _listen(runner: web.AppRunner, settings: ServeSettings) -> int:
    """Take requests; return the port."""
    try:
        await web.TCPSite(runner, settings.host, settings.port).start()
    except OSError as exc:
        raise OutputError(f"{settings.host}:{settings.port} cannot be listened at: {exc.strerror}.") from exc
    return int(runner.addresses[0][1])


async def _wait_for_signal() -> None:
    ended, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        with suppress(NotImplementedError, RuntimeError):  # Windows, and other threads: Ctrl-C raises there
            loop.add_signal_handler(number, ended.set)
    await ended.wait()
