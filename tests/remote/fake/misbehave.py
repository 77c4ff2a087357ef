"""The faults that any route can have: broken connections, silence, gateway pages, refusals."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from email.utils import formatdate
from typing import TYPE_CHECKING

from aiohttp import web

from .faults import Fault

if TYPE_CHECKING:
    from .server import FakeWaveSpeed

Misbehaviour = Callable[
    ["FakeWaveSpeed", web.Request, Fault, web.StreamResponse | None], Awaitable[web.StreamResponse]
]
IMPATIENT = "X-Fake-Impatient"
"""Header of requests whose client gets a silence as a timeout at once, see impatient.py."""
HTML = """<!DOCTYPE html><html><body><h1>Bad gateway</h1><script>{"data": {"id": "req-7f3a9c21"}}</script></body></html>"""
"""Gateways show the id of the request; it is no task's."""


async def vanish(request: web.Request) -> web.StreamResponse:
    """Break the connection; the handler ends when aiohttp notices."""
    if request.transport:
        request.transport.abort()
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def _close(
    fake: "FakeWaveSpeed", request: web.Request, fault: Fault, reply: object
) -> web.StreamResponse:
    return await vanish(request)


async def _hang(
    fake: "FakeWaveSpeed", request: web.Request, fault: Fault, reply: object
) -> web.StreamResponse:
    if request.headers.get(IMPATIENT):
        return web.Response(headers={IMPATIENT: "hang"})
    await asyncio.Event().wait()
    raise AssertionError("unreachable")


async def _cut(
    fake: "FakeWaveSpeed", request: web.Request, fault: Fault, reply: web.StreamResponse | None
) -> web.StreamResponse:
    """The first `value` bytes of a reply whose headers promise all of it."""
    assert isinstance(reply, web.Response) and isinstance(reply.body, bytes)
    cut = web.StreamResponse(status=reply.status, headers={"Content-Type": "application/json"})
    cut.content_length = len(reply.body)
    await cut.prepare(request)
    await cut.write(reply.body[: int(fault.value)])
    if request.transport:
        request.transport.close()
    await asyncio.Event().wait()
    return cut


async def _html(
    fake: "FakeWaveSpeed", request: web.Request, fault: Fault, reply: object
) -> web.StreamResponse:
    return web.Response(text=HTML, content_type="text/html")


async def _empty(
    fake: "FakeWaveSpeed", request: web.Request, fault: Fault, reply: object
) -> web.StreamResponse:
    return web.Response(body=b"", content_type="application/json")


async def _null(
    fake: "FakeWaveSpeed", request: web.Request, fault: Fault, reply: object
) -> web.StreamResponse:
    return web.json_response({"code": 200, "message": "success", "data": None})


async def _code(
    fake: "FakeWaveSpeed", request: web.Request, fault: Fault, reply: object
) -> web.StreamResponse:
    """A refusal inside HTTP 200."""
    return web.json_response(
        {"code": int(fault.value), "message": "refused by the fault script", "data": None}
    )


async def _http(
    fake: "FakeWaveSpeed", request: web.Request, fault: Fault, reply: object
) -> web.StreamResponse:
    status = int(fault.value)
    headers = {}
    if fault.retry_after:
        in_five_seconds = formatdate(fake.clock.utc() + 5, usegmt=True)
        headers["Retry-After"] = in_five_seconds if fault.retry_after == "date" else fault.retry_after
    if status >= 500:
        return web.Response(text=HTML, content_type="text/html", status=status, headers=headers)
    body = {"code": status, "message": f"{status} by the fault script"}
    return web.Response(
        text=json.dumps(body), content_type="application/json", status=status, headers=headers
    )


async def _down(
    fake: "FakeWaveSpeed", request: web.Request, fault: Fault, reply: web.StreamResponse | None
) -> web.StreamResponse:
    """This reply still comes; the server already refuses other connections, for `value` seconds."""
    assert isinstance(reply, web.StreamResponse)
    reply.force_close()
    return reply


ANYWHERE: dict[str, Misbehaviour] = {
    "close": _close,
    "hang": _hang,
    "cut": _cut,
    "html": _html,
    "empty": _empty,
    "null": _null,
    "code": _code,
    "http": _http,
    "down": _down,
}
NEEDS_REPLY = {"cut", "down"}
