"""Take files: by a ticket and a plain PUT, or by a form."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from aiohttp import BodyPartReader, web

from ...partial import partial_path
from ...remote.download import check_space
from ..answers import Fields, Refusal, format_utc, read_fields, succeed
from ..endpoint import Endpoint
from ..uploads import TICKET_SECONDS, StoredUpload

_TICKET: Fields = {"filename": (str, True), "size": (int, True), "content_type": (str, False)}
_MIME = re.compile(r"[\w.+-]{1,60}/[\w.+-]{1,60}", re.ASCII)
_BLOCK = 256 * 1024

_PATIENCE = 60.0
"""Seconds that a client may send nothing."""


async def give_ticket(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Return where a file may be put, and where it can be read afterwards."""
    body = await read_fields(request, _TICKET)
    size, mime = body["size"], body.get("content_type", "")
    if size <= 0:
        raise Refusal(400, "invalid parameter 'size': it is not above 0")
    _check_size(endpoint, size)
    upload = endpoint.uploads.add(endpoint.account_of(request).name, mime, size)
    origin = endpoint.origin_of(request)
    headers = {"If-None-Match": "*"} | ({"Content-Type": mime} if _MIME.fullmatch(mime) else {})
    put = {"method": "PUT", "url": f"{origin}/bucket/{upload.put_token}/{upload.name}", "headers": headers}
    expires = format_utc(upload.created_at + TICKET_SECONDS)
    return succeed(_describe(upload, origin, body["filename"]) | {"upload": put, "expires_at": expires})


async def put_file(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Take the file of a ticket, as a presigned store would."""
    upload = endpoint.uploads.find_ticket(request.match_info["put_token"])
    if upload is None:
        raise Refusal(403, "no such ticket, or it has expired")
    if "Authorization" in request.headers:
        raise Refusal(400, "the ticket is all that is needed: send no Authorization")
    if request.content_length is None:
        raise Refusal(411, "a Content-Length is needed")
    if request.content_length != upload.size:
        raise Refusal(
            400, f"{request.content_length} bytes are announced, and the ticket is for {upload.size}"
        )
    if request.headers.get("If-None-Match") != "*":
        raise Refusal(403, "the headers of the ticket were not sent")
    if upload.complete:
        raise Refusal(412, "the file is there already")
    with partial_path(endpoint.uploads.path_of(upload)) as part:
        await _receive(endpoint, request.content.readany, part)
        _place(endpoint, upload, part)
    return web.Response()


async def take_form(endpoint: Endpoint, request: web.Request) -> web.Response:
    """Take the file of a form."""
    if request.content_type != "multipart/form-data":
        raise Refusal(400, f"Content-Type is {request.content_type}, not multipart/form-data")
    form = await request.multipart()
    field = await form.next()
    if not isinstance(field, BodyPartReader) or field.name != "file" or not field.filename:
        raise Refusal(400, "the form has no file in a field named 'file'")
    with partial_path(endpoint.uploads.folder / "form") as part:
        size = await _receive(endpoint, partial(field.read_chunk, _BLOCK), part)
        if await form.next() is not None:
            raise Refusal(400, "the form has more than one field")
        mime = field.headers.get("Content-Type", "")
        upload = endpoint.uploads.add(endpoint.account_of(request).name, mime, size)
        _place(endpoint, upload, part)
    return succeed(_describe(upload, endpoint.origin_of(request), field.filename))


async def _receive(endpoint: Endpoint, read: Callable[[], Awaitable[bytes]], part: Path) -> int:
    """Write what comes into a file and return its size; raises Refusal where it is too large, or nothing comes."""
    size = 0
    with part.open("wb") as file:
        while block := await _wait_for(read):
            size += len(block)
            _check_size(endpoint, size)
            check_space(part.parent, len(block))
            await asyncio.to_thread(file.write, block)
    return size


async def _wait_for(read: Callable[[], Awaitable[bytes]]) -> bytes:
    try:
        return await asyncio.wait_for(read(), _PATIENCE)
    except asyncio.TimeoutError as exc:
        raise Refusal(408, f"nothing came for {_PATIENCE:g} seconds") from exc


def _place(endpoint: Endpoint, upload: StoredUpload, part: Path) -> None:
    try:
        endpoint.uploads.place(upload, part)
    except FileExistsError as exc:
        raise Refusal(412, "the file is there already") from exc


def _check_size(endpoint: Endpoint, size: int) -> None:
    largest = endpoint.settings.limits.largest_bytes
    if size > largest:
        raise Refusal(413, f"at most {largest / 1e6:g} MB are taken")


def _describe(upload: StoredUpload, origin: str, filename: str) -> dict[str, str | int]:
    url = f"{origin}/media/uploads/{upload.token}/{upload.name}"
    return {"type": upload.kind, "download_url": url, "filename": filename, "size": upload.size}
