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
from .exchange import encoded, opened, pieces
from .judge import Reply, backoff
from .poll import read
from .redact import log, plain, quoted
from .run import Run
from .safety import checked, follow
from .verify import check_movie

_BLOCK = 128 * 1024
_REDIRECTS = 3
_SECONDS = 30 * 60.0
"""How long a result is tried for."""
_WRONG_REPLIES = 5
"""Replies that are not a video, in a row, until that is believed."""
_WATCHED_SECONDS, _SLOWEST = 30.0, 30 * 1024
"""Fewer bytes than this in so many seconds are no download."""
_SPARE = 2**30
_GONE, _PASSING = (403, 404, 410), (408, 416, 425, 429)


@dataclass
class _Part:
    """The part file: how much of which version of the result is in it."""

    path: Path
    size: int = 0
    etag: str = ""

    def restart(self) -> None:
        self.size, self.etag = 0, ""


async def download(run: Run, url: str) -> Path:
    """Fetch the result of a completed task to the run's output; returns the path.

    Raises BadResultError where it is not a video that plays, or its URL must not be requested; ServerTroubleError
    where it cannot be fetched within half an hour; OutputError where it cannot be written.
    """
    part = _Part(run.part)
    try:
        await _Fetch(run, url, part).to_the_end()
        await asyncio.to_thread(_put_in_place, part.path, run.output)
    except OSError as exc:
        raise OutputError(f"{run.output} cannot be written: {exc.strerror}.") from exc
    return run.output


def check_space(folder: Path, wanted: int = 0) -> None:
    """Raise OutputError if `wanted` more bytes would fill the disk of a folder to its last gigabyte."""
    if shutil.disk_usage(folder).free - wanted < _SPARE:
        raise OutputError(f"The disk of {folder} would have less than 1 GB left. Free some space.")


class _Fetch:
    """Attempts at one result, until it is whole and plays."""

    def __init__(self, run: Run, url: str, part: _Part) -> None:
        self._run, self._url, self._part = run, url, part
        self._deadline = run.clock.monotonic() + _SECONDS
        self._wrong = self._failures = 0
        self._renewed = False

    async def to_the_end(self) -> None:
        while True:
            problem = await self._attempt()
            if not problem and not (problem := await self._verdict()):
                return
            log.info("The download goes on: %s", problem)
            self._failures += 1
            if self._run.clock.monotonic() > self._deadline:
                raise self._error(ServerTroubleError, f"The result cannot be fetched ({problem}).")
            await self._run.clock.sleep(backoff(self._failures))

    async def _attempt(self) -> str:
        """Fetch what is missing; in words what went wrong, or "" if all is here."""
        url = self._url
        for _ in range(_REDIRECTS + 1):
            try:
                target = await checked(url, self._run.settings)
            except ServerTroubleError as exc:
                return exc.cause
            except BadResultError as exc:
                raise self._error(BadResultError, exc.cause) from None
            request = self._run.api.client.build_request(
                "GET",
                target.url,
                headers={**target.headers, **self._range()},
                extensions={**target.extensions},
                timeout=self._run.settings.timeouts.transfer,
            )
            seconds = self._run.settings.timeouts.transfer
            async with opened(self._run.api.client, request, seconds) as response:
                if isinstance(response, str):
                    return response
                if not response.has_redirect_location:
                    return await self._take(response)
                url = follow(url, response.headers["location"])
        return self._not_a_video("it redirects for ever")

    def _range(self) -> dict[str, str]:
        if self._part.size and self._part.etag:
            return {"Range": f"bytes={self._part.size}-", "If-Range": self._part.etag}
        self._part.restart()
        return {}

    async def _take(self, response: httpx.Response) -> str:
        if response.status_code in _GONE:
            return await self._renew(response.status_code)
        if response.status_code == 416:
            self._part.restart()
        if response.status_code not in (200, 206):
            what = f"HTTP {response.status_code}"
            lasting = 400 <= response.status_code < 500 and response.status_code not in _PASSING
            return self._not_a_video(what) if lasting else what
        kind = response.headers.get("content-type", "").split(";")[0].strip().lower()
        if not (kind.startswith("video/") or kind in ("application/octet-stream", "binary/octet-stream")):
            return self._not_a_video(f"it is {quoted(kind) or 'of no type'}")
        if encoded(response):
            return self._not_a_video("it is compressed, which was not asked for")
        if response.status_code == 200 or not _continues(response.headers, self._part):
            if response.status_code == 206:
                self._part.restart()
                return "the host sent another piece than was asked for"
            self._part.restart()
            self._part.etag = _strong(response.headers.get("etag", ""))
        return await self._write(response)

    async def _write(self, response: httpx.Response) -> str:
        part, run = self._part, self._run
        length = _length(response.headers)
        total = part.size + length if length is not None else 0
        if total > run.settings.largest_result:
            return self._not_a_video(f"it is said to be {total} bytes")
        check_space(part.path.parent, total - part.size)
        slow = _Stopwatch(run, part.size)
        with part.path.open("r+b" if part.size else "wb") as file:
            file.seek(part.size)
            async for chunk in pieces(response):
                if isinstance(chunk, str):
                    return chunk
                file.write(chunk)
                part.size += len(chunk)
                self._check_size()
                run.say("download", done=part.size, total=total)
                if slow.too_slow(part.size):
                    return "it comes too slowly"
            file.truncate()
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        if total and part.size != total:
            return f"{part.size} of {total} bytes came"
        return ""

    def _check_size(self) -> None:
        """An endless reply has no length to judge it by."""
        if self._part.size > self._run.settings.largest_result:
            raise self._error(BadResultError, "The host of the result sends without end.")
        check_space(self._part.path.parent, _BLOCK)

    async def _verdict(self) -> str:
        """Look at a complete file; "" if it plays. One that does not is fetched anew, and kept as evidence at last."""
        problem, warning = await asyncio.to_thread(check_movie, self._part.path, self._run.entry.seconds)
        if not problem:
            self._run.add_note(warning)
            return ""
        self._wrong += 1
        if self._wrong < 2:
            self._part.restart()
            return problem
        bad = self._run.output.with_suffix(".bad")
        os.replace(self._part.path, bad)
        raise self._error(BadResultError, f"The result does not play: {problem}; it is kept as {bad}.")

    def _not_a_video(self, what: str) -> str:
        self._wrong += 1
        if self._wrong >= _WRONG_REPLIES:
            raise self._error(BadResultError, f"The host of the result gives no video: {what}.")
        return what

    async def _renew(self, status: int) -> str:
        """Ask once for a new URL: signatures expire."""
        if self._renewed:
            return self._not_a_video(f"HTTP {status}")
        self._renewed = True
        reply: Reply = await self._run.api.result(self._run.entry.prediction_id)
        prediction = read(reply, self._run.entry.prediction_id)
        if prediction and prediction.outputs:
            self._url = prediction.outputs[0]
        return f"HTTP {status}"

    def _error(self, kind: type[BadResultError] | type[ServerTroubleError], cause: str) -> Exception:
        url = plain(self._url)
        return kind(
            cause if url in cause else f"{cause} It is at {quoted(url)}.",
            "Run again to fetch it again at no cost, or see https://wavespeed.ai/predictions.",
            prediction_id=self._run.entry.prediction_id,
            charge="billed",
        )


class _Stopwatch:
    """Says when a download has become too slow to be one."""

    def __init__(self, run: Run, size: int) -> None:
        self._clock, self._since, self._size = run.clock, run.clock.monotonic(), size

    def too_slow(self, size: int) -> bool:
        now = self._clock.monotonic()
        if now - self._since < _WATCHED_SECONDS:
            return False
        slow = size - self._size < _SLOWEST
        self._since, self._size = now, size
        return slow


def _continues(headers: Mapping[str, str], part: _Part) -> bool:
    """Whether a 206 holds just what comes next."""
    found = re.fullmatch(r"bytes (\d{1,18})-(\d+)/(\d+|\*)", headers.get("content-range", "").strip())
    return bool(found) and int(found[1]) == part.size if found else False


def _strong(etag: str) -> str:
    """A strong tag that can be sent back, or ""."""
    return etag if re.fullmatch(r'"[\x21\x23-\x7e]*"', etag) else ""


def _length(headers: Mapping[str, str]) -> int | None:
    text = headers.get("content-length", "")
    return int(text) if re.fullmatch(r"[0-9]{1,18}", text) else None


def _put_in_place(part: Path, target: Path) -> None:
    os.replace(part, target)
    if os.name != "nt":
        folder = os.open(target.parent, os.O_RDONLY)
        with suppress(OSError):  # not every file system can do this
            os.fsync(folder)
        os.close(folder)
