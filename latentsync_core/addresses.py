"""Addresses of hosts: which belong to the public internet, and how to reach exactly the one that was checked."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx

# A private IPv4 address in this range would pass as a public IPv6 one.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Target:
    """A checked URL, and how to reach exactly the address that was checked."""

    url: httpx.URL
    """With the address in place of the host's name, so that a second look-up cannot give another."""
    headers: Mapping[str, str] = field(default_factory=dict)
    extensions: Mapping[str, str] = field(default_factory=dict)
    """The host's name, against which the certificate is checked."""


def is_loopback(host: str) -> bool:
    """Return whether a URL's host is localhost or a loopback address; other names may resolve to anything."""
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_public(address: Address) -> bool:
    """Return whether an address, and one that it embeds, belongs to the public internet."""
    if isinstance(address, ipaddress.IPv6Address):
        if address.teredo:
            return False
        wrapped = address.ipv4_mapped or address.sixtofour
        if wrapped is None and address in _NAT64:
            wrapped = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if wrapped is not None:
            return is_public(wrapped)
    return address.is_global and not address.is_multicast and not address.is_reserved


async def look_up(host: str) -> list[Address]:
    """Return the addresses of a host; none where it is not found."""
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
        return [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    except (OSError, UnicodeError, ValueError):
        return []


def pin(url: str, address: Address) -> Target:
    """Return how to request an https URL, without a port, from one of its host's addresses."""
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
