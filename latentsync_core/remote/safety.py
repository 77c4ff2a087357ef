"""Check URLs out of replies before they are requested: public https, or the test server's own origin."""

from __future__ import annotations

import asyncio
import ipaddress
import socket
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urljoin, urlsplit

import httpx

from ..errors import BadResultError, ServerTroubleError
from .redact import clean_text, log, strip_query
from .settings import Settings

KNOWN_HOSTS = ("wavespeed.ai", "d1q70pf5vjeyhc.cloudfront.net")
"""Hosts, with their subdomains, that have been seen to serve results."""
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


def find_url_problem(url: str, settings: Settings) -> str:
    """Return why a URL may not be requested, judged by its text alone; "" if it may."""
    if not is_url(url):
        return "it is not a URL"
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if _is_own_origin(url, settings):
        return ""
    if parts.scheme != "https":
        return "it is not https"
    if not host or "@" in parts.netloc or any(c.isspace() or ord(c) < 32 or c == "\\" for c in url):
        return "it has no plain host"
    if port not in (None, 443):
        return f"its port is {port}"
    if settings.strict_hosts and not is_known_host(host):
        return "its host is not one of WaveSpeed's, and strict hosts are asked for"
    return ""


def is_url(url: str) -> bool:
    """Return whether a text is an absolute URL, which `urlsplit` and httpx read without an error."""
    try:
        return urlsplit(url).port != 0 and httpx.URL(url).is_absolute_url
    except (ValueError, httpx.InvalidURL):
        return False


def follow_redirect(url: str, location: str) -> str:
    """Return the URL to which a redirect leads; `location` itself where that is no URL."""
    try:
        return urljoin(url, location)
    except ValueError:
        return location


def is_known_host(host: str) -> bool:
    """Return whether WaveSpeed has been seen to use this host."""
    return any(host == known or host.endswith("." + known) for known in KNOWN_HOSTS)


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


async def resolve_target(url: str, settings: Settings) -> Target:
    """Check a URL and return how to request it.

    Raises BadResultError if it may not be requested, ServerTroubleError if its host is not found.
    """
    if problem := find_url_problem(url, settings):
        raise _build_refused(url, problem)
    if _is_own_origin(url, settings):
        return Target(httpx.URL(url))
    host = urlsplit(url).hostname or ""
    if not is_known_host(host):
        log.warning("WaveSpeed names a file on %s, where none has been seen before.", clean_text(host))
    if _is_proxied(host):
        log.info("A proxy looks up %s: its address cannot be checked here.", host)
        return Target(httpx.URL(url))
    addresses = await _look_up(host)
    if not addresses:
        raise ServerTroubleError(
            f"{clean_text(host)} has no address.", "Check the connection, then run again."
        )
    if private := [str(address) for address in addresses if not is_public(address)]:
        raise _build_refused(
            url, f"{clean_text(host)} leads to {private[0]}, which is not on the open internet"
        )
    name = httpx.URL(url).raw_host.decode("ascii")
    return Target(httpx.URL(url).copy_with(host=str(addresses[0])), {"Host": name}, {"sni_hostname": name})


async def _look_up(host: str) -> list[Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, 443, type=socket.SOCK_STREAM)
        return [ipaddress.ip_address(str(item[4][0]).partition("%")[0]) for item in found]
    except (OSError, UnicodeError, ValueError):
        return []


def _is_own_origin(url: str, settings: Settings) -> bool:
    """Return whether a URL is on the test server; the whole origin counts, so that `http://127.0.0.1:1@evil` is not."""
    parts = urlsplit(url)
    return settings.loopback and f"{parts.scheme}://{parts.netloc}" == settings.origin


def _is_proxied(host: str) -> bool:
    proxies = urllib.request.getproxies()
    return bool({"https", "all"} & proxies.keys()) and not urllib.request.proxy_bypass(host)


def _build_refused(url: str, problem: str) -> BadResultError:
    return BadResultError(
        f"A URL that WaveSpeed gave is not requested: {problem} ({clean_text(strip_query(url))}).",
        "If it is right, fetch the result at https://wavespeed.ai/predictions.",
    )
