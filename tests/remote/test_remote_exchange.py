"""One request and one reply, by hosts that are slow, or send more than they seem to."""

import asyncio
import gzip
import time
from contextlib import asynccontextmanager
from decimal import Decimal

import httpx
import pytest
from remote.fake.clock import VirtualClock

from latentsync_core.errors import KeyRejectedError
from latentsync_core.remote import ApiKey, Settings
from latentsync_core.remote.api import Api
from latentsync_core.remote.exchange import exchange, open_client, open_response
from latentsync_core.remote.replies import ReplyKind, build_refusal, classify

KEY = "wsk_can/ary"
BOMB = gzip.compress(bytes(50 * 2**20))


@asynccontextmanager
async def host(serve):
    """The address of a server whose every connection is handled by `serve(reader, writer)`."""
    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"


async def drip(reader, writer):
    """Headers without an end, a byte at a time."""
    try:
        for letter in "HTTP/1.1 200 OK\r\nX-Slow: " + "a" * 10_000:
            writer.write(letter.encode())
            await writer.drain()
            await asyncio.sleep(0.02)
    except ConnectionError:
        pass
    finally:
        writer.close()


async def timed(tmp_path, call):
    async with host(drip) as origin:
        async with open_client(Settings(tmp_path, base_url=origin), None) as client:
            begun = time.monotonic()
            said = await call(client, origin)
            return said, time.monotonic() - begun


def test_slow_headers_are_not_waited_for(tmp_path):
    async def look(client, origin):
        return (await exchange(client, client.build_request("GET", origin), 0.3)).problem

    async def download(client, origin):
        async with open_response(client, client.build_request("GET", origin), 0.3) as response:
            return response

    for call in (look, download):
        said, seconds = asyncio.run(timed(tmp_path, call))
        assert "within 0.3 seconds" in said and seconds < 3


def test_an_upload_may_take_its_time_and_its_reply_may_not(tmp_path):
    """Longer than the reply may take, and the wait ends though the host has not said all."""

    async def upload(client, origin):
        async def body():
            for _ in range(5):
                await asyncio.sleep(0.1)
                yield b"x"
            sent.set()

        sent = asyncio.Event()
        headers = {"Content-Length": "5"}
        request = client.build_request("PUT", origin, content=body(), headers=headers)
        reply = await exchange(client, request, 0.3, sent)
        return f"{reply.problem} {sent.is_set()}"

    said, seconds = asyncio.run(timed(tmp_path, upload))
    assert said == "no complete reply within 0.3 seconds True" and 0.7 < seconds < 3


def asked(tmp_path, reply, call):
    """What a call says of a reply, and the request."""
    requests = []

    def handle(request):
        requests.append(request)
        return reply

    async def ask():
        settings = Settings(tmp_path, ApiKey(KEY))
        async with open_client(settings, httpx.MockTransport(handle)) as client:
            return await call(Api(client, settings, settings.require_key(), VirtualClock()))

    return asyncio.run(ask()), requests[0]


class Raw(httpx.AsyncByteStream):
    def __init__(self, content):
        self._content = content

    async def __aiter__(self):
        yield self._content


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate, gzip", "GZIP"])
def test_a_compressed_reply_is_not_unpacked(tmp_path, encoding):
    bomb = httpx.Response(200, headers={"Content-Encoding": encoding}, stream=Raw(BOMB))
    reply, request = asked(tmp_path, bomb, lambda api: api.submit("a/b", {}))
    assert request.headers["accept-encoding"] == "identity"
    assert classify(reply) is ReplyKind.TROUBLE and reply.body == b"" and reply.problem


@pytest.mark.parametrize(
    "echo",
    [KEY, KEY.replace("/", "\\/"), "\\u0077" + KEY[1:], "".join(f"\\u{ord(letter):04X}" for letter in KEY)],
)
@pytest.mark.parametrize("place", ['"message": "%s"', '"message": "no", "data": {"%s": ["%s"]}'])
def test_the_key_does_not_come_back_in_any_spelling(tmp_path, echo, place):
    body = b'{"code": 401, ' + place.replace("%s", f"see {echo}.").encode() + b"}"
    reply, _ = asked(tmp_path, httpx.Response(401, stream=Raw(body)), lambda api: api.submit("a/b", {}))
    error = build_refusal(reply, "now")
    assert isinstance(error, KeyRejectedError)
    assert KEY not in f"{error}{reply.envelope}{reply!r}" and "see ***." in str(reply.envelope)


def test_a_plain_reply_is_read(tmp_path):
    reply = httpx.Response(200, headers={"Content-Encoding": "identity"},
                           stream=Raw(b'{"code": 200, "data": {"balance": 2.5}}'))  # fmt: skip
    assert asked(tmp_path, reply, lambda api: api.ask_balance())[0] == Decimal("2.5")
