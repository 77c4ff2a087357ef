"""URLs that others name: checked by their text, and requested at exactly the address that was checked."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx


@dataclass(frozen=True)
class Target:
    """A checked URL, and how to reach exactly the address that was checked."""

    url: httpx.URL
    """With the address in place of the host's name, so that a second look-up cannot give another."""
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, str] = field(default_factory=dict)
    """The host's name, against which the certificate is checked."""


def pin(url: str, address: object) -> Target:
    """Return how to request an https URL, without a port, from one of its host's addresses, see `addresses`."""
    parsed = httpx.URL(url)
    name = parsed.raw_host.decode("ascii")
    return Target(parsed.copy_with(host=str(address)), {"Host": name}, {"sni_hostname": name})


def is_url(url: str) -> bool:
    """Return whether a text is an absolute URL, which `urlsplit` and httpx read without an error."""
    try:
        return urlsplit(url).port != 0 and httpx.URL(url).is_absolute_url
    except (ValueError, httpx.InvalidURL):
        return False


def find_flaw(url: str) -> str:
    """Return why a URL is not one of a host on the public internet, judged by its text alone; "" if it may be."""
    if not is_url(url):
        return "it is not a URL"
    parts = urlsplit(url)
    if parts.scheme != "https":
        return "it is not https"
    if not parts.hostname or "@" in parts.netloc or any(c.isspace() or ord(c) < 32 or c == "\\" for c in url):
        return "it has no plain host"
    return f"its port is {parts.port}" if parts.port not in (None, 443) else ""


def follow_redirect(url: str, location: str) -> str:
    """Return the URL to which a redirect leads; `location` itself where that is no URL."""
    try:
        return urljoin(url, location)
    except ValueError:
        return location
