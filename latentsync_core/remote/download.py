"""The result: fetched in pieces, resumed where it broke, checked, and put in place under its name at once."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

import httpx

from ..errors import BadResultError, OutputError, ServerTroubleError
from ..urls import follow_redirect
from .api import Api
from .clock import Clock
from .exchange import is_compressed, open_response, read_body
from .job import Tell
from .poll import read_task
from .redact import clean_text, log, strip_query
from .replies import compute_backoff
from .safety import resolve_target
from .sources import hash_file
from .threads import run_in_thread
from .verify import check_movie

_BLOCK = 128 * 1024
_REDIRECTS = 3

_SECONDS = 30 * 60.0
"""How long the download of a result is retried."""
_WRONG_REPLIES = 5
"""Replies without a video after which no further one is tried."""
_WATCHED_SECONDS, _SLOWEST = 30.0, 30 * 1024
"""A download that brings fewer bytes than this in so many seconds is restarted."""
_SPARE = 2**30
_GONE, _TEMPORARY = (403, 404, 410), (408, 416, 425, 429)


@dataclass(frozen=True)
class Delivery:
    """What is to be fetched, and where to."""

    prediction_id: str
    url: str
    output: Path
    part: Path
    """The file for what was downloaded so far."""
    expected_seconds: float
    """Length of the result; 0 if it is not known."""


@dataclass(frozen=True)
class Downloaded:
    """A result that is in place and plays."""

    path: Path
    sha256: str
    note: str
    """What is odd about it, or ""."""


@dataclass
class _Part:
    """The part file: how much of which version of the result is in it."""

    path: Path
    size: int = 0
    etag: str = ""

    def restart(self) -> None:
        self.size, self.etag = 0, ""


async def download_result(api: Api, delivery: Delivery, tell: Tell) -> Downloaded:
    """Fetch the result of a completed task, check it, and put it in place.

    Raises BadResultError where it is not a video that plays, or its URL must not be requested; ServerTroubleError
    where it cannot be fetched within half an hour; OutputError where it cannot be written.
    """
    try:
        note = await _Fetch(api, delivery, tell).complete()
        await asyncio.to_thread(_move_into_place, delivery.part, delivery.output)
        sha256 = await run_in_thread(lambda work: hash_file(delivery.output, work))
    except OSError as exc:
        raise OutputError(f"{delivery.output} cannot be written: {exc.strerror}.") from exc
    return Downloaded(delivery.output, sha256, note)


def check_space(folder: Path, needed: int = 0) -> None:
    """Raise OutputError if `needed` more bytes would fill the disk of a folder to its last gigabyte."""
    if shutil.disk_usage(folder).free - needed < _SPARE:
        raise OutputError(f"The disk of {folder} would have less than 1 GB left. Free some space.")


class _Fetch:
    """Attempts at one result, until it is whole and plays."""

    def __init__(self, api: Api, delivery: Delivery, tell: Tell) -> None:
        self._api, self._delivery, self._tell = api, delivery, tell
        self._url, self._part = delivery.url, _Part(delivery.part)
        self._deadline = api.clock.monotonic() + _SECONDS
        self._note = ""
        self._wrong = self._failures = 0
        self._renewed = False

    async def complete(self) -> str:
        """Fill the part file; return what is odd about it, or ""."""
        while True:
            problem = await self._attempt()
            if not problem and not (problem := await self._check_plays()):
                return self._note
            log.info("The download goes on: %s", problem)
            self._failures += 1
            if self._api.clock.monotonic() > self._deadline:
                raise self._build_error(ServerTroubleError, f"The result cannot be fetched ({problem}).")
            await self._api.clock.sleep(compute_backoff(self._failures))

    async def _attempt(self) -> str:
        """Fetch what is missing; return what went wrong, or "" if all bytes are here."""
        # httpx follows no redirects by itself: every target is checked before it is requested.
        url = self._url
        for _ in range(_REDIRECTS + 1):
            try:
                target = await resolve_target(url, self._api.settings)
            except ServerTroubleError as exc:
                return exc.cause
            except BadResultError as exc:
                raise self._build_error(BadResultError, exc.cause) from None
            request = self._api.client.build_request(
                "GET",
                target.url,
                headers={**target.headers, **self._build_range()},
                extensions={**target.extensions},
                timeout=self._api.settings.timeouts.transfer,
            )
            seconds = self._api.settings.timeouts.transfer
            async with open_response(self._api.client, request, seconds) as response:
                if isinstance(response, str):
                    return response
                if not response.has_redirect_location:
                    return await self._receive(response)
                url = follow_redirect(url, response.headers["location"])
        return self._reject("it redirects for ever")

    def _build_range(self) -> dict[str, str]:
        # Without a strong tag the host could send the rest of another file, so it starts anew.
        if self._part.size and self._part.etag:
            return {"Range": f"bytes={self._part.size}-", "If-Range": self._part.etag}
        self._part.restart()
        return {}

    async def _receive(self, response: httpx.Response) -> str:
        if response.status_code in _GONE:
            return await self._renew_url(response.status_code)
        if response.status_code == 416:
            self._part.restart()
        if response.status_code not in (200, 206):
            what = f"HTTP {response.status_code}"
            lasting = 400 <= response.status_code < 500 and response.status_code not in _TEMPORARY
            return self._reject(what) if lasting else what
        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
        if not (kind.startswith("video/") or kind in ("application/octet-stream", "binary/octet-stream")):
            return self._reject(f"it is {clean_text(kind) or 'of no type'}")
        if is_compressed(response):
            return self._reject("it is compressed, which was not asked for")
        # 200 is the whole file (no range was asked for, or the file has changed); 206 must start where we stopped.
        if response.status_code == 200 or not _is_continuation(response.headers, self._part):
            if response.status_code == 206:
                self._part.restart()
                return "the host sent another piece than was asked for"
            self._part.restart()
            self._part.etag = _strong_tag_of(response.headers.get("etag", ""))
        return await self._write(response)

    async def _write(self, response: httpx.Response) -> str:
        part = self._part
        length = _length_of(response.headers)
        total = part.size + length if length is not None else 0
        if total > self._api.settings.largest_result:
            return self._reject(f"it is said to be {total} bytes")
        check_space(part.path.parent, total - part.size)
        slow = _Stopwatch(self._api.clock, part.size)
        with part.path.open("r+b" if part.size else "wb") as file:
            file.seek(part.size)
            async for chunk in read_body(response):
                if isinstance(chunk, str):
                    return chunk
                file.write(chunk)
                part.size += len(chunk)
                self._check_size()
                self._tell("download", part.size, total)
                if slow.is_too_slow(part.size):
                    return "it comes too slowly"
            file.truncate()
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        if total and part.size != total:
            return f"{part.size} of {total} bytes came"
        return ""

    def _check_size(self) -> None:
        """Stop a reply without a declared length that does not end."""
        if self._part.size > self._api.settings.largest_result:
            raise self._build_error(BadResultError, "The host of the result sends without end.")
        check_space(self._part.path.parent, _BLOCK)

    async def _check_plays(self) -> str:
        """Decode a complete file; return what is wrong, or "" if it plays.

        A bad file is fetched anew, unless an earlier reply was wrong too: then it is kept, and the download ends.
        """
        part, seconds = self._part.path, self._delivery.expected_seconds
        problem, self._note = await asyncio.to_thread(check_movie, part, seconds)
        if not problem:
            return ""
        self._wrong += 1
        if self._wrong < 2:
            self._part.restart()
            return problem
        bad = self._delivery.output.with_suffix(".bad")
        os.replace(self._part.path, bad)
        raise self._build_error(BadResultError, f"The result does not play: {problem}; it is kept as {bad}.")

    def _reject(self, what: str) -> str:
        """Count a reply that is not a video, and return why; raises BadResultError at the fifth."""
        self._wrong += 1
        if self._wrong >= _WRONG_REPLIES:
            raise self._build_error(BadResultError, f"The host of the result gives no video: {what}.")
        return what

    async def _renew_url(self, status: int) -> str:
        """Ask once for a new URL, because signatures expire; return what went wrong with the old one."""
        if self._renewed:
            return self._reject(f"HTTP {status}")
        self._renewed = True
        reply = await self._api.get_task(self._delivery.prediction_id)
        prediction = read_task(reply, self._delivery.prediction_id)
        if prediction and prediction.outputs:
            self._url = prediction.outputs[0]
        return f"HTTP {status}"

    def _build_error(self, kind: type[BadResultError] | type[ServerTroubleError], cause: str) -> Exception:
        url = strip_query(self._url)
        return kind(
            cause if url in cause else f"{cause} It is at {clean_text(url)}.",
            "Run again to fetch it again at no cost, or see https://wavespeed.ai/predictions.",
            prediction_id=self._delivery.prediction_id,
            charge="billed",
        )


class _Stopwatch:
    """Measures whether a download has become too slow."""

    def __init__(self, clock: Clock, size: int) -> None:
        self._clock, self._since, self._size = clock, clock.monotonic(), size

    def is_too_slow(self, size: int) -> bool:
        now = self._clock.monotonic()
        if now - self._since < _WATCHED_SECONDS:
            return False
        slow = size - self._size < _SLOWEST
        self._since, self._size = now, size
        return slow


def _is_continuation(headers: Mapping[str, str], part: _Part) -> bool:
    """Return whether a 206 begins with the next missing byte."""
    found = re.fullmatch(r"bytes (\d{1,18})-(\d+)/(\d+|\*)", headers.get("content-range", "").strip())
    return bool(found) and int(found[1]) == part.size if found else False


def _strong_tag_of(etag: str) -> str:
    """Return a tag if it is strong and can be sent back, else ""."""
    return etag if re.fullmatch(r'"[\x21\x23-\x7e]*"', etag) else ""


def _length_of(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _move_into_place(part: Path, target: Path) -> None:
    os.replace(part, target)
    if os.name != "nt":  # the rename survives a power cut only when the folder is synced, too
        folder = os.open(target.parent, os.O_RDONLY)
        with suppress(OSError):  # not every file system can do this
            os.fsync(folder)
        os.close(folder)
