"""Uploads by ticket and by form, and the media host: Range, If-Range, ETag, and what can go wrong there."""

import asyncio
import hashlib
import mimetypes
import re
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from aiohttp import web

from .api import Refusal, checked_json, success
from .clock import iso
from .faults import Fault
from .misbehave import IMPATIENT, vanish

if TYPE_CHECKING:
    from .server import FakeWaveSpeed

CHUNK = 64 * 1024
TICKET_SECONDS = 3600


async def ticket(fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse:
    body = await checked_json(request, "ticket")
    number = len(fake.tickets) + 1
    name = f"{number}/{Path(body['filename']).name}"
    headers = {"If-None-Match": "*"}
    if body.get("content_type"):
        headers["Content-Type"] = body["content_type"]
    fake.tickets[name] = (body["size"], headers, "expired" in faults)
    upload = {
        "method": faults["method"].value if "method" in faults else "PUT",
        "url": f"{fake.origin}/bucket/{name}?X-Amz-Expires={TICKET_SECONDS}&X-Amz-Signature={fake.signature}",
        "headers": dict(headers),
    }
    if "url" in faults:
        upload["url"] = faults["url"].value
    if "no_url" in faults:
        del upload["url"]
    if "headers" in faults:
        upload["headers"] = {faults["headers"].value: "planted"}
    return success(
        {
            "type": body.get("content_type", "other").split("/")[0],
            "download_url": f"{fake.origin}/media/uploads/{name}",
            "filename": body["filename"],
            "size": body["size"],
            "upload": upload,
            "expires_at": iso(fake.clock.utc() + fake.skew + TICKET_SECONDS),
        }
    )


async def put(fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse:
    name = f"{request.match_info['number']}/{request.match_info['name']}"
    if name not in fake.tickets or request.query.get("X-Amz-Signature") != fake.signature:
        return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
    size, headers, expired = fake.tickets[name]
    _check_put(request, size, headers)
    target = fake.folder / "uploads" / name
    if expired:
        return web.Response(status=403, text="<Error><Code>ExpiredToken</Code></Error>")
    if "exists" in faults or target.exists():
        return web.Response(status=412, text="<Error><Code>PreconditionFailed</Code></Error>")
    await _receive(request, target, faults)
    return web.Response(status=200)


def _check_put(request: web.Request, size: int, headers: dict[str, str]) -> None:
    if "Authorization" in request.headers:
        raise Refusal(400, "Authorization on a presigned URL")
    if request.headers.get("Transfer-Encoding"):
        raise Refusal(411, "chunked: a Content-Length is needed")
    if request.content_length != size:
        raise Refusal(400, f"Content-Length is {request.content_length}, the ticket says {size}")
    for name, value in headers.items():
        if request.headers.get(name) != value:
            raise Refusal(403, f"header {name} is {request.headers.get(name)!r}, the ticket says {value!r}")


async def _receive(request: web.Request, target: Path, faults: dict[str, Fault]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    left = int(faults["partial"].value) if "partial" in faults else None
    partial = target.with_name(target.name + ".part")
    with partial.open("wb") as file:
        async for chunk in request.content.iter_chunked(CHUNK):
            file.write(chunk)
            if left is not None and file.tell() >= left:
                await vanish(request)
    partial.rename(target)


async def upload(fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse:
    if request.content_type != "multipart/form-data":
        raise Refusal(400, f"Content-Type is {request.content_type!r}, not multipart/form-data")
    fake.forms += 1
    form = await request.multipart()
    part = await form.next()
    if part is None or part.name != "file" or not part.filename:
        raise Refusal(400, "the form has no file in a field named file")
    if "/" not in part.headers.get("Content-Type", ""):
        raise Refusal(400, f"the part's type is {part.headers.get('Content-Type')!r}")
    name = f"form-{fake.forms}/{Path(part.filename).name}"
    target = fake.folder / "uploads" / name
    target.parent.mkdir(parents=True)
    with target.open("wb") as file:
        while chunk := await part.read_chunk(CHUNK):
            file.write(chunk)
    if await form.next() is not None:
        raise Refusal(400, "the form has more than one field")
    return success(
        {
            "type": part.headers["Content-Type"].split("/")[0],
            "download_url": f"{fake.origin}/media/uploads/{name}",
            "filename": part.filename,
            "size": target.stat().st_size,
        }
    )


async def media(fake: "FakeWaveSpeed", request: web.Request, faults: dict[str, Fault]) -> web.StreamResponse:
    if "Authorization" in request.headers:
        raise Refusal(400, "Authorization at the media host")
    if "redirect" in faults:
        raise web.HTTPFound(_redirect(fake, request, faults["redirect"].value))
    path = request.match_info["path"]
    if path.startswith("predictions/") and request.query.get("Signature") != fake.signature:
        return web.Response(status=403, text="<Error><Code>AccessDenied</Code></Error>")
    file = await asyncio.to_thread(fake.media_file, path)
    if file is None:
        return web.Response(status=404, text="<Error><Code>NoSuchKey</Code></Error>")
    return await _Sending(request, file, faults).send(fake)


def _redirect(fake: "FakeWaveSpeed", request: web.Request, value: str) -> str:
    here = request.path_qs
    return {"self": f"{fake.origin}{here}", "cdn": f"{fake.cdn_origin}{here}"}.get(value, value)


class _Sending:
    """One reply of the media host: what part of the file, under which headers."""

    def __init__(self, request: web.Request, file: Path, faults: dict[str, Fault]) -> None:
        self.request, self.faults = request, faults
        self.data = self._content(file)
        self.etag = f'"{hashlib.sha256(self.data).hexdigest()[:16]}"'
        if "etag" in faults:
            self.etag = '"another"'

    def _content(self, file: Path) -> bytes:
        data = file.read_bytes()
        if "truncated" in self.faults:
            return data[: len(data) // 2]
        return b"\x13\x37" * 2000 if "garbage" in self.faults else data

    def _start(self) -> int:
        """The first byte asked for, or 0 for all of the file."""
        wanted = re.fullmatch(r"bytes=(\d+)-", self.request.headers.get("Range", ""))
        if_range = self.request.headers.get("If-Range", self.etag)
        ranged = wanted and if_range == self.etag and "no_range" not in self.faults
        return int(wanted[1]) if wanted and ranged else 0

    async def send(self, fake: "FakeWaveSpeed") -> web.StreamResponse:
        start = self._start()
        if start >= len(self.data) > 0 and start:
            return web.Response(status=416, headers={"Content-Range": f"bytes */{len(self.data)}"})
        reply = web.StreamResponse(status=206 if start else 200, headers=self._headers(start))
        if "endless" in self.faults:
            reply.enable_chunked_encoding()
        else:
            reply.content_length = self._length(start)
        await reply.prepare(self.request)
        if self.request.method != "HEAD":
            with suppress(ConnectionResetError):  # a client may hang up
                await self._body(fake, reply, self.data[start:])
        return reply

    def _headers(self, start: int) -> dict[str, str]:
        guess = mimetypes.guess_type(self.request.path)[0] or "application/octet-stream"
        kind = self.faults["type"].value if "type" in self.faults else guess
        headers = {"Content-Type": kind, "ETag": self.etag}
        if "stall" in self.faults:
            headers[IMPATIENT] = "stall"
        if "no_range" not in self.faults:
            headers["Accept-Ranges"] = "bytes"
        if start:
            first = start + int(self.faults["shifted"].value) if "shifted" in self.faults else start
            headers["Content-Range"] = f"bytes {first}-{len(self.data) - 1}/{len(self.data)}"
        return headers

    def _length(self, start: int) -> int:
        lie = int(self.faults["length"].value) if "length" in self.faults else 0
        return max(0, len(self.data) - start + lie)

    async def _body(self, fake: "FakeWaveSpeed", reply: web.StreamResponse, data: bytes) -> None:
        if "drip" in self.faults:
            await self._drip(fake, reply, data, float(self.faults["drip"].value))
        stop = next((int(self.faults[kind].value) for kind in ("drop", "stall") if kind in self.faults), None)
        data = data[:stop]
        if reply.content_length is not None:
            data = data[: reply.content_length]
        for offset in range(0, len(data), CHUNK):
            await reply.write(data[offset : offset + CHUNK])
        while "endless" in self.faults:
            await reply.write(bytes(CHUNK))
        if "stall" in self.faults and not self.request.headers.get(IMPATIENT):
            await asyncio.Event().wait()
        if "drop" in self.faults or int(reply.content_length or 0) > len(data):
            await _flush_and_close(self.request)

    async def _drip(
        self, fake: "FakeWaveSpeed", reply: web.StreamResponse, data: bytes, seconds: float
    ) -> None:
        """A byte every `seconds` of the virtual clock, for a minute's worth of bytes, then the connection breaks."""
        for byte in data[:60]:
            await reply.write(bytes([byte]))
            fake.clock.advance(seconds)
            await asyncio.sleep(0)
        await _flush_and_close(self.request)


async def _flush_and_close(request: web.Request) -> None:
    if request.transport:
        request.transport.close()
    await asyncio.Event().wait()
