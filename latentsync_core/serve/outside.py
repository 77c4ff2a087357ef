"""Requests to hosts that clients name: only such as may be, and to exactly the addresses that were checked."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import httpx

from ..addresses import is_public, look_up
from ..urls import Target, find_flaw, is_url, pin
from .failure import UNREACHABLE, TaskFailure

CONNECTION_ERRORS = (httpx.HTTPError, httpx.InvalidURL, httpx.StreamError, ssl.SSLError, UnicodeError)
"""What httpx raises where the other side, or the way to it, is at fault. Its texts hold URLs with their signatures."""
_PATIENCE = httpx.Timeout(60.0, connect=10.0)


class Outside:
    """What may be requested, and how."""

    def __init__(self, allow_private: bool) -> None:
        self._allow_private = allow_private

    def find_flaw(self, url: str) -> str:
        """Return why a URL is not requested, judged by its text alone; "" if it may be."""
        if not self._allow_private:
            return find_flaw(url)
        return "" if is_url(url) and url.startswith(("https://", "http://")) else "it is not an http URL"

    async def reach(self, url: str) -> Target:
        """Check a URL and return how to request it; raises TaskFailure with code 1402."""
        if flaw := self.find_flaw(url):
            raise TaskFailure(UNREACHABLE, flaw)
        if self._allow_private:
            return Target(httpx.URL(url))
        addresses = await look_up(urlsplit(url).hostname or "")
        if not addresses or not all(map(is_public, addresses)):
            raise TaskFailure(UNREACHABLE, "its host is not found on the public internet")
        return pin(url, addresses[0])

    def open_client(self) -> httpx.AsyncClient:
        """Return a client for one exchange: connections belong to addresses and are not shared between names."""
        return httpx.AsyncClient(
            timeout=_PATIENCE,
            follow_redirects=False,
            trust_env=False,
            headers={"Accept-Encoding": "identity"},
        )
