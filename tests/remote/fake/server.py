"""The fake host itself: a server on 127.0.0.1 with its own thread, books, clock and script of faults."""

import asyncio
import hashlib
import secrets
import shutil
import tempfile
import threading
from collections import Counter
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from aiohttp import web

from . import api, storage
from .clip import UnreadableMedia, dub
from .clock import VirtualClock
from .contract import ROUTES
from .faults import Fault
from .ledger import Ledger, Task
from .misbehave import ANYWHERE, NEEDS_REPLY

Handler = Callable[["FakeWaveSpeed", web.Request, dict[str, Fault]], Awaitable[web.StreamResponse]]
HANDLERS: dict[str, Handler] = {
    "history": api.history,
    "delete": api.delete,
    "result": api.result,
    "prediction": api.result,
    "ticket": storage.ticket,
    "upload": storage.upload,
    "put": storage.put,
    "price": api.price,
    "balance": api.balance,
    "account_balance": api.account_balance,
    "models": api.models,
    "billings": api.billings,
    "media": storage.media,
    "submit": api.submit,  # last: its path takes any model's name
}
STRICTNESS = {400, 403, 411}
_DUBBED: dict[str, bytes] = {}


class FakeWaveSpeed:
    """WaveSpeed's documented API on a free port of 127.0.0.1; use it as a context manager.

    with FakeWaveSpeed("submit#1 hang after", "result#1-3 http 503") as fake:
        fake.base_url, fake.key             # what a client needs
        fake.clock                          # a client that uses it never waits
        fake.ledger.tasks, fake.ledger.dollars
        fake.calls, fake.fired              # what was asked, which faults struck
        fake.violations                     # requests that the contract forbids: should be empty

    A task is `created` for `queue_seconds`, `processing` for `run_seconds`, then `completed`. `speed` makes the
    clock run faster than real time.
    """

    def __init__(
        self,
        *faults: Fault | str,
        port: int = 0,
        key: str = "",
        credit: float = 10.0,
        queue_seconds: float = 3.0,
        run_seconds: float = 20.0,
        speed: float = 1.0,
    ) -> None:
        self.faults = [Fault.parse(fault) if isinstance(fault, str) else fault for fault in faults]
        self.key = key or f"wsk_demo_{secrets.token_hex(12)}"
        self.signature = f"sig{secrets.token_hex(16)}"
        self.queue_seconds, self.run_seconds = queue_seconds, run_seconds
        self.clock = VirtualClock(speed)
        self.ledger = Ledger(credit)
        self.calls: list[str] = []
        self.fired: list[Fault] = []
        self.violations: list[str] = []
        self.tickets: dict[str, tuple[int, dict[str, str], bool]] = {}
        self.forms = 0
        self.folder = Path()
        self._speed = speed
        self._counts: Counter[str] = Counter()
        self._port = port
        self._cdn_port = 0
        self._down = False

    # addresses

    @property
    def origin(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    @property
    def cdn_origin(self) -> str:
        """A second origin with the same files."""
        return f"http://127.0.0.1:{self._cdn_port}"

    @property
    def host(self) -> str:
        """Host and port."""
        return urlsplit(self.base_url).netloc

    @property
    def base_url(self) -> str:
        return f"{self.origin}/api/v3"

    def output_url(self, task: Task) -> str:
        return f"{self.origin}/media/predictions/{task.id}/1.mp4?Signature={self.signature}"

    @property
    def skew(self) -> float:
        """Seconds by which the host's clock is ahead of the virtual one."""
        return sum(float(fault.value) for fault in self.faults if fault.kind == "skew")

    # life

    def __enter__(self) -> "FakeWaveSpeed":
        self.folder = Path(tempfile.mkdtemp(prefix="fake-wavespeed-"))
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fake-wavespeed", daemon=True)
        self._thread.start()
        self._on_loop(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._on_loop(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
        shutil.rmtree(self.folder)

    def _on_loop(self, work: Any) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(30)

    async def _start(self) -> None:
        app = web.Application(client_max_size=2**20)
        app.on_response_prepare.append(self._date)
        for route, handler in HANDLERS.items():
            path = ROUTES[route]["path"].replace("{model}", "{model:.+}").replace("{path}", "{path:.+}")
            methods = ["GET", "HEAD"] if route == "media" else [ROUTES[route]["method"]]
            for method in methods:
                app.router.add_route(method, path, self._serve(route, handler))
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.1)
        await self._runner.setup()
        await self._listen()
        cdn = web.TCPSite(self._runner, "127.0.0.1", 0)
        await cdn.start()
        self._cdn_port = self._runner.addresses[-1][1]

    async def _listen(self) -> None:
        assert self._runner.server
        self._down = False
        self._listener = await self._loop.create_server(self._runner.server, "127.0.0.1", self._port)
        self._port = self._listener.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._listener.close()
        self._abort_connections()
        await self._runner.cleanup()

    def _go_down(self, request: web.Request, seconds: float) -> None:
        """Refuse connections for that long, and break all but that of `request`."""
        self._down = True
        self._listener.close()
        self._abort_connections(request.transport)
        self.clock.at(self.clock.utc() + seconds, self._come_back)
        self._loop.call_later(seconds / self._speed, self._come_back)

    def _abort_connections(self, but: asyncio.BaseTransport | None = None) -> None:
        for connection in list(self._runner.server.connections if self._runner.server else []):
            if connection.transport and connection.transport is not but:
                connection.transport.abort()

    def _come_back(self) -> None:
        if not self._down:
            return
        if threading.current_thread() is self._thread:
            self._loop.create_task(self._listen())
        else:
            self._on_loop(self._listen())

    # requests

    async def _date(self, request: web.Request, reply: web.StreamResponse) -> None:
        reply.headers["Date"] = formatdate(self.clock.utc() + self.skew, usegmt=True)

    def _serve(self, route: str, handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
        async def serve(request: web.Request) -> web.StreamResponse:
            self._counts[route] += 1
            call = self._counts[route]
            self.calls.append(f"{route}#{call}")
            faults = {fault.kind: fault for fault in self.faults if fault.strikes(route, call)}
            self.fired.extend(faults.values())
            anywhere = next((fault for kind, fault in faults.items() if kind in ANYWHERE), None)
            if anywhere and not anywhere.after and anywhere.kind not in NEEDS_REPLY:
                return await ANYWHERE[anywhere.kind](self, request, anywhere, None)
            if anywhere and anywhere.kind == "down":
                self._go_down(request, float(anywhere.value))
            reply = await self._answer(route, handler, request, faults)
            return await ANYWHERE[anywhere.kind](self, request, anywhere, reply) if anywhere else reply

        return serve

    async def _answer(
        self, route: str, handler: Handler, request: web.Request, faults: dict[str, Fault]
    ) -> web.StreamResponse:
        try:
            if ROUTES[route]["path"].startswith("/api/"):
                self._authorize(request)
            return await handler(self, request, faults)
        except api.Refusal as refusal:
            if refusal.status in STRICTNESS:
                self.violations.append(f"{route}: {refusal}")
            body = {"code": refusal.status, "message": str(refusal)}
            return web.json_response(body, status=refusal.status)

    def _authorize(self, request: web.Request) -> None:
        if request.headers.get("Authorization") != f"Bearer {self.key}":
            raise api.Refusal(401, "invalid API key")

    # files

    def stored(self, url: str) -> Path | None:
        """The uploaded file behind a URL that the host gave out."""
        prefix = f"{self.origin}/media/uploads/"
        return self.media_file(f"uploads/{url[len(prefix) :]}") if url.startswith(prefix) else None

    def media_file(self, path: str) -> Path | None:
        parts = path.split("/")
        if parts[0] == "predictions":
            task = self.ledger.find(parts[1])
            return self._result(task) if task and task.status(self.clock.utc()) == "completed" else None
        file = self.folder.joinpath(*parts)
        return file if ".." not in parts and file.is_file() else None

    def read_result(self, task: Task) -> bytes:
        """What the media host gives as the result of a task."""
        return self._result(task).read_bytes()

    def _result(self, task: Task) -> Path:
        """The result of a task: its frames with its audio, or the video as it came where that cannot be made."""
        target = self.folder / f"{task.id}.mp4"
        if not target.exists():
            video, audio = (self.stored(task.inputs[name]) for name in ("video", "audio"))
            assert video and audio
            name = "".join(map(_hash, (video, audio)))
            if name not in _DUBBED:
                try:
                    _DUBBED[name] = dub(video, audio)
                except UnreadableMedia:
                    _DUBBED[name] = video.read_bytes()
            target.write_bytes(_DUBBED[name])
        return target


def _hash(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(2**20):
            digest.update(block)
    return digest.hexdigest()
