"""Bring the media of a task into its folder: an upload of this endpoint by a link, everything else over https."""

from __future__ import annotations

import asyncio
import os
import re
import shutil
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from ..partial import replacing
from ..remote.download import check_space
from ..remote.exchange import is_compressed
from ..urls import follow_redirect, is_url
from .failure import INVALID, UNREACHABLE, TaskFailure
from .outside import CONNECTION_ERRORS, Outside
from .uploads import StoredUpload, Uploads

_UPLOAD_PATH = re.compile(r"/media/uploads/([A-Za-z0-9_-]{32})/[a-z0-9.]+")
_ATTEMPTS, _REDIRECTS = 3, 3

_SECONDS = 3600.0
"""How long one file may take in all."""


class Fetcher:
    """Brings media into the folders of tasks."""

    def __init__(self, uploads: Uploads, outside: Outside, largest_bytes: int) -> None:
        self._uploads, self._outside, self._largest = uploads, outside, largest_bytes

    def find_flaw(self, url: str) -> str:
        """Return why a URL cannot be that of a medium, judged by its text alone; "" if it can."""
        return "" if self._find_token(url) else self._outside.find_flaw(url)

    def find_upload(self, url: str) -> StoredUpload | None:
        """Return the upload of this endpoint that a URL names, under whatever name of the host."""
        token = self._find_token(url)
        return self._uploads.find(token) if token else None

    async def bring(self, url: str, target: Path) -> None:
        """Put the medium of a URL into a file, unless it is there already; raises TaskFailure, OSError, OutputError."""
        if target.exists():
            return
        target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if upload := self.find_upload(url):
            _link(self._uploads.path_of(upload), target)
        elif self._find_token(url):
            raise TaskFailure(UNREACHABLE, f"no such upload, or it was deleted, for the {target.name}")
        else:
            await self._download(url, target)

    def _find_token(self, url: str) -> str | None:
        match = _UPLOAD_PATH.fullmatch(urlsplit(url).path) if is_url(url) else None
        return match[1] if match else None

    async def _download(self, url: str, target: Path) -> None:
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return await asyncio.wait_for(self._download_once(url, target), _SECONDS)
            except (*CONNECTION_ERRORS, asyncio.TimeoutError) as exc:
                if attempt == _ATTEMPTS:
                    what = f"the connection for the {target.name} failed: {type(exc).__name__}"
                    raise TaskFailure(UNREACHABLE, what) from None
                await asyncio.sleep(attempt)

    async def _download_once(self, url: str, target: Path) -> None:
        for _ in range(_REDIRECTS + 1):
            reached = await self._outside.reach(url)
            async with (
                self._outside.open_client() as client,
                client.stream(
                    "GET", reached.url, headers=dict(reached.headers), extensions=dict(reached.extensions)
                ) as response,
            ):
                if not response.has_redirect_location:
                    return await self._write(response, target)
                url = follow_redirect(url, response.headers["location"])
        raise TaskFailure(UNREACHABLE, f"the {target.name} redirects for ever")

    async def _write(self, response: httpx.Response, target: Path) -> None:
        if response.status_code != 200 or is_compressed(response):
            raise TaskFailure(
                UNREACHABLE, f"the host of the {target.name} answers with HTTP {response.status_code}"
            )
        size = 0
        with replacing(target) as partial, partial.open("wb") as file:
            async for chunk in response.aiter_raw():
                size += len(chunk)
                if size > self._largest:
                    raise TaskFailure(INVALID, f"the {target.name} is larger than {self._largest / 1e6:g} MB")
                check_space(target.parent, len(chunk))
                await asyncio.to_thread(file.write, chunk)


def _link(source: Path, target: Path) -> None:
    """Give a file a second name, so that each may be deleted without the other; copy it where that cannot be."""
    try:
        os.link(source, target)
    except OSError:
        with replacing(target) as partial:
            shutil.copyfile(source, partial)
