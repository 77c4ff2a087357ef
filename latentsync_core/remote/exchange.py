"""One request, one reply: whatever happens on the wire becomes a `Reply`, never an exception of httpx.

httpx's exceptions hold the request with its headers and the URL with its query; none of them leaves this file.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import TypeVar

import httpx

from .replies import Reply
from .settings import Settings

_LARGEST_REPLY = 4 * 2**20
"""Bytes; no reply of the API is longer."""
_NOT_SENT = (
    httpx.ConnectError,
    httpx.ConnectTimeout,
    httpx.PoolTimeout,
    httpx.ProxyError,
    httpx.UnsupportedProtocol,
)
"""No connection was made, so the host cannot have read the request."""
_BROKEN = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError, UnicodeError)

_Result = TypeVar("_Result")


def open_client(settings: Settings, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    """Return the client of one run, which repeats, redirects and keeps alive nothing by itself.

    A connection that is kept alive may be stale, and a submit sent over it might or might not have arrived; it also
    belongs to an address, not to a name, so that another host's certificate would go unchecked.
    """
    times = settings.timeouts
    return httpx.AsyncClient(
        headers={"Accept-Encoding": "identity"},
        transport=transport,
        timeout=httpx.Timeout(times.read, connect=times.connect),
        limits=httpx.Limits(max_keepalive_connections=0),
        follow_redirects=False,
        trust_env=not settings.loopback,
    )


@dataclass
class _Partial:
    """The part of a reply that has arrived so far."""

    status: int = 0
    headers: httpx.Headers | None = None
    body: bytearray | None = None


async def exchange(
    client: httpx.AsyncClient, request: httpx.Request, seconds: float, sent: asyncio.Event | None = None
) -> Reply:
    """Send a request once and read the reply within `seconds`; a broken reply keeps what had arrived.

    sent: set by an upload when its body is sent; the seconds are counted from then.
    """
    partial = _Partial(body=bytearray())
    problem, reached = "", True
    try:
        await _wait_within(seconds, _receive(client, request, partial), sent)
    except _NOT_SENT as exc:
        problem, reached = _describe(exc), False
    except _BROKEN as exc:
        problem = _describe(exc)
    except asyncio.TimeoutError:
        problem = f"no complete reply within {seconds:g} seconds"
    headers = {name.lower(): value for name, value in (partial.headers or {}).items()}
    return Reply(partial.status, headers, bytes(partial.body or b""), problem, reached)


async def _wait_within(
    seconds: float, work: Coroutine[None, None, _Result], sent: asyncio.Event | None = None
) -> _Result:
    """Wait for `work`; unlike `asyncio.wait_for` before Python 3.12, lose no cancel that comes with the reply."""
    task = asyncio.ensure_future(work)
    began = asyncio.ensure_future(sent.wait() if sent else asyncio.sleep(0))
    try:
        await asyncio.wait({task, began}, return_when=asyncio.FIRST_COMPLETED)
        if not (await asyncio.wait({task}, timeout=seconds))[0]:
            raise asyncio.TimeoutError
        return task.result()
    finally:
        # The cancelled request is awaited, so that no open connection outlives the run.
        began.cancel()
        task.cancel()
        await asyncio.gather(task, began, return_exceptions=True)


async def _receive(client: httpx.AsyncClient, request: httpx.Request, partial: _Partial) -> None:
    response = await client.send(request, stream=True)
    try:
        partial.status, partial.headers = response.status_code, response.headers
        if is_compressed(response):
            raise httpx.StreamError("the reply is compressed")
        async for chunk in response.aiter_raw():
            assert partial.body is not None
            partial.body += chunk
            if len(partial.body) > _LARGEST_REPLY:
                raise httpx.StreamError("the reply is too long")
    finally:
        await response.aclose()


def is_compressed(response: httpx.Response) -> bool:
    """Return whether a body is compressed, which is never asked for: a few bytes may unpack to gigabytes."""
    return response.headers.get("content-encoding", "").strip().lower() not in ("", "identity")


@asynccontextmanager
async def open_response(
    client: httpx.AsyncClient, request: httpx.Request, seconds: float
) -> AsyncIterator[httpx.Response | str]:
    """Give the response to a request, its body still unread, or in words why there is none.

    seconds: the time within which all headers have to arrive.
    """
    try:
        response = await _wait_within(seconds, client.send(request, stream=True))
    except asyncio.TimeoutError:
        problem = f"no headers within {seconds:g} seconds"
    except _BROKEN as exc:
        problem = _describe(exc)
    else:
        try:
            yield response
        finally:
            await response.aclose()
        return
    # Outside the handlers, so that what the caller's block raises is not taken for a fault of the connection.
    yield problem


async def read_body(response: httpx.Response) -> AsyncIterator[bytes | str]:
    """Yield the body as it arrives; if it breaks off, a last item (str) says why."""
    try:
        async for chunk in response.aiter_raw():
            yield chunk
    except _BROKEN as exc:
        problem = _describe(exc)
    else:
        return
    yield problem


def _describe(exc: Exception) -> str:
    """Return what went wrong, without the exception's text, which may hold a URL with its signature."""
    return f"the connection failed: {type(exc).__name__}"
