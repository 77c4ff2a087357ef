"""httpx transports for tests: where the fake host would be silent for ever, the read timeout comes at once.

A test with real timeouts either waits or, on a busy machine, takes a slow reply for a silent one.
"""

from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx

from .misbehave import IMPATIENT

_CONTEXT = httpx.create_ssl_context(verify=False)  # nothing here speaks TLS, and loading certificates is slow


def _check(request: httpx.Request, response: httpx.Response) -> None:
    if response.headers.get(IMPATIENT) == "hang":
        raise httpx.ReadTimeout("the fake host is silent", request=request)


class _Stalling(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A body whose break is a read timeout."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def __iter__(self) -> Iterator[bytes]:
        try:
            yield from self._stream
        except httpx.RemoteProtocolError as exc:
            raise httpx.ReadTimeout("the fake host is silent") from exc

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            async for chunk in self._stream:
                yield chunk
        except httpx.RemoteProtocolError as exc:
            raise httpx.ReadTimeout("the fake host is silent") from exc

    def close(self) -> None:
        self._stream.close()

    async def aclose(self) -> None:
        await self._stream.aclose()


class ImpatientTransport(httpx.HTTPTransport):
    """For httpx.Client."""

    def __init__(self) -> None:
        super().__init__(verify=_CONTEXT, limits=httpx.Limits(max_keepalive_connections=0))

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.headers[IMPATIENT] = "1"
        response = super().handle_request(request)
        try:
            _check(request, response)
        except httpx.ReadTimeout:
            response.close()
            raise
        if response.headers.get(IMPATIENT) == "stall":
            response.stream = _Stalling(response.stream)
        return response


class AsyncImpatientTransport(httpx.AsyncHTTPTransport):
    """For httpx.AsyncClient."""

    def __init__(self) -> None:
        super().__init__(verify=_CONTEXT, limits=httpx.Limits(max_keepalive_connections=0))

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        request.headers[IMPATIENT] = "1"
        response = await super().handle_async_request(request)
        try:
            _check(request, response)
        except httpx.ReadTimeout:
            await response.aclose()
            raise
        if response.headers.get(IMPATIENT) == "stall":
            response.stream = _Stalling(response.stream)
        return response
