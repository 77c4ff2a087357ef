"""Upload media: by ticket to the store behind the host; by form where the host has no tickets.

An upload costs nothing, so it may be repeated freely.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path

from ..errors import BadResultError, ServerTroubleError
from ..media.opening import reading
from ..urls import is_url
from .api import Api
from .exchange import exchange
from .job import Tell
from .parse import Ticket, parse_ticket
from .prepare import MediaFile, prepare_upload
from .redact import log, strip_query
from .replies import Reply, ReplyKind, build_refusal, classify, compute_backoff
from .safety import find_url_problem, resolve_target
from .sources import AudioSource, VideoSource, build_change_error
from .threads import Work, run_in_thread

_BLOCK = 256 * 1024
_ATTEMPTS, _TICKETS = 3, 3
_NO_SUCH_ROUTE = (404, 405, 501)
_DOING = "while the media are uploaded"

OnBytes = Callable[[int, int], None]
"""Called with the bytes sent so far and their total."""


@dataclass(frozen=True)
class Upload:
    """An uploaded medium of a job."""

    url: str
    """With its signature, if it has one."""
    at: float
    """When it was uploaded, in seconds since 1970."""

    @property
    def plain_url(self) -> str:
        """The URL without its signature, as it may be written down."""
        return strip_query(self.url)

    @property
    def reusable_since(self) -> float:
        """`at`, or 0 for a signed URL, which is useless without the signature that is not written down."""
        return self.at if self.url == self.plain_url else 0.0


async def upload(api: Api, source: VideoSource | AudioSource, workspace: Path, tell: Tell) -> Upload:
    """Upload a medium; one that has to be encoded first is written into `workspace`.

    Raises MediaError, OutputError, BadInputError where it is too large or changes meanwhile, and as `send_file`.
    """

    def look(work: Work) -> None:
        tell("prepare", work.done, work.total)

    look(Work())
    at = api.clock.utc()
    if source.file:
        source.file.check_unchanged()
    workspace.mkdir(mode=0o700, exist_ok=True)
    media = await run_in_thread(lambda work: prepare_upload(source, workspace, work), look)
    url = await send_file(api, media, lambda done, total: tell("upload", done, total))
    # Again at the end: what was sent has to be what was hashed, or the job has a wrong identity.
    if source.file:
        source.file.check_unchanged()
    return Upload(url, at)


async def send_file(api: Api, media: MediaFile, on_bytes: OnBytes) -> str:
    """Upload a file and return the URL under which the host reads it.

    Raises ServerTroubleError, and KeyRejectedError and its like where the host refuses.
    """
    for attempt in range(1, _TICKETS + 1):
        ticket = await _request_ticket(api, media)
        if ticket is None:
            return await _send_form(api, media, on_bytes)
        if await _put(api, ticket, media, on_bytes):
            return ticket.download_url
        await api.clock.sleep(compute_backoff(attempt))
    log.warning("The store behind WaveSpeed takes no upload; trying the form.")
    return await _send_form(api, media, on_bytes)


async def _request_ticket(api: Api, media: MediaFile) -> Ticket | None:
    """Return a usable ticket, or None where the host gives none."""
    body = {"filename": media.name, "size": media.size, "content_type": media.mime}
    reply = await api.ask("POST", "media/uploads", body)
    if reply.status in _NO_SUCH_ROUTE:
        return None
    envelope = reply.envelope
    if classify(reply) is not ReplyKind.OK or envelope is None:
        raise build_refusal(reply, _DOING)
    ticket = parse_ticket(envelope.data)
    if (
        ticket is None
        or find_url_problem(ticket.url, api.settings)
        or not _is_readable(ticket.download_url, api)
    ):
        log.warning("WaveSpeed gave an upload ticket that cannot be used; trying the form.")
        return None
    return ticket


def _is_readable(url: str, api: Api) -> bool:
    return url.startswith(("https://", api.settings.origin + "/")) and is_url(url)


async def _put(api: Api, ticket: Ticket, media: MediaFile, on_bytes: OnBytes) -> bool:
    """Send the file to the ticket's URL, without the key; return whether it is there now."""
    for attempt in range(1, _ATTEMPTS + 1):
        reply = await _put_once(api, ticket, media, on_bytes)
        if 200 <= reply.status < 300:
            return True
        # `If-None-Match: *` failed: something is there, perhaps from an attempt that broke off.
        if reply.status == 412:
            return await _is_there(api, ticket.download_url, media.size)
        if 300 <= reply.status < 500 and reply.status not in (408, 425, 429):
            return False
        await api.clock.sleep(compute_backoff(attempt))
    return False


async def _put_once(api: Api, ticket: Ticket, media: MediaFile, on_bytes: OnBytes) -> Reply:
    try:
        target = await resolve_target(ticket.url, api.settings)
    except (BadResultError, ServerTroubleError) as exc:
        return Reply(problem=str(exc))
    # Without a Content-Length httpx would send chunks, which presigned stores refuse.
    headers = {**ticket.headers, **target.headers, "Content-Length": str(media.size)}
    request = api.client.build_request(
        "PUT",
        target.url,
        headers=headers,
        content=_stream_body(media, on_bytes, sent := asyncio.Event()),
        extensions={**target.extensions},
        timeout=api.settings.timeouts.transfer,
    )
    return await exchange(api.client, request, api.settings.timeouts.transfer, sent)


async def _is_there(api: Api, url: str, size: int) -> bool:
    try:
        target = await resolve_target(url, api.settings)
    except (BadResultError, ServerTroubleError):
        return False
    request = api.client.build_request(
        "HEAD", target.url, headers=target.headers, extensions={**target.extensions}
    )
    # The size counts, because an attempt that broke off may have left a shorter file.
    reply = await exchange(api.client, request, api.settings.timeouts.read)
    return reply.status == 200 and reply.headers.get("content-length") == str(size)


async def _send_form(api: Api, media: MediaFile, on_bytes: OnBytes) -> str:
    """Send the file as the field `file` of a form, as the documentation describes it."""
    boundary = secrets.token_hex(16)
    head = (
        f'--{boundary}\r\nContent-Disposition: form-data; name="file"; filename="{media.name}"\r\n'
        f"Content-Type: {media.mime}\r\n\r\n"
    ).encode()
    tail = f"\r\n--{boundary}--\r\n".encode()
    headers = {
        "Content-Type": f"multipart/form-data; boundary={boundary}",
        "Content-Length": str(len(head) + media.size + len(tail)),
    }
    for attempt in range(1, _ATTEMPTS + 1):
        body = _stream_body(media, on_bytes, sent := asyncio.Event(), head, tail)
        reply = await api.send(
            "POST", "media/upload/binary", headers, body, api.settings.timeouts.transfer, sent
        )
        kind = classify(reply)
        envelope = reply.envelope
        data = envelope.data if envelope else None
        url = data.get("download_url") if isinstance(data, dict) else None
        if kind is ReplyKind.OK and isinstance(url, str) and _is_readable(url, api):
            return url
        if kind is ReplyKind.REFUSED:
            break
        if attempt < _ATTEMPTS:
            await api.clock.sleep(api.pause_after(reply, attempt))
    raise build_refusal(reply, _DOING)


async def _stream_body(
    media: MediaFile, on_bytes: OnBytes, sent: asyncio.Event, head: bytes = b"", tail: bytes = b""
) -> AsyncIterator[bytes]:
    """Yield the file in blocks, read outside the event loop, between `head` and `tail`; set `sent` at the end."""
    if head:
        yield head
    with (
        reading(media.path, "cannot be read while it is uploaded; leave it in place."),
        media.path.open("rb") as file,
    ):
        done = 0
        while block := await asyncio.to_thread(file.read, _BLOCK):
            done += len(block)
            if done > media.size:
                raise build_change_error(media.path)
            yield block
            on_bytes(done, media.size)
        if done < media.size:
            raise build_change_error(media.path)
    if tail:
        yield tail
    sent.set()
