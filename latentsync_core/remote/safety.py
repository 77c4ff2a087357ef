"""Check URLs out of replies before they are requested: public https, or the test server's own origin."""

from __future__ import annotations

import urllib.request
from urllib.parse import urlsplit

import httpx

from ..addresses import is_public, look_up
from ..errors import BadResultError, ServerTroubleError
from ..urls import Target, find_flaw, is_url, pin
from .redact import clean_text, log, strip_query
from .settings import Settings

KNOWN_HOSTS = ("wavespeed.ai", "d1q70pf5vjeyhc.cloudfront.net")
"""Hosts, with their subdomains, that have been seen to serve results."""


def find_url_problem(url: str, settings: Settings) -> str:
    """Return why a URL may not be requested, judged by its text alone; "" if it may."""
    if is_url(url) and _is_own_origin(url, settings):
        return ""
    if flaw := find_flaw(url):
        return flaw
    if settings.strict_hosts and not is_known_host(urlsplit(url).hostname or ""):
        return "its host is not one of WaveSpeed's, and strict hosts are asked for"
    return ""


def is_known_host(host: str) -> bool:
    """Return whether WaveSpeed has been seen to use this host."""
    return any(host == known or host.endswith("." + known) for known in KNOWN_HOSTS)


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
    addresses = await look_up(host)
    if not addresses:
        raise ServerTroubleError(
            f"{clean_text(host)} has no address.", "Check the connection, then run again."
        )
    if private := [str(address) for address in addresses if not is_public(address)]:
        raise _build_refused(
            url, f"{clean_text(host)} leads to {private[0]}, which is not on the open internet"
        )
    return pin(url, addresses[0])


def _is_own_origin(url: str, settings: Settings) -> bool:
    """Return whether a URL is on the host that the user named; the whole origin counts, as in `http://127.0.0.1:1@evil`."""
    parts = urlsplit(url)
    named = settings.loopback or settings.own_host
    return named and f"{parts.scheme}://{parts.netloc}" == settings.origin


def _is_proxied(host: str) -> bool:
    proxies = urllib.request.getproxies()
    return bool({"https", "all"} & proxies.keys()) and not urllib.request.proxy_bypass(host)


def _build_refused(url: str, problem: str) -> BadResultError:
    return BadResultError(
        f"A URL that WaveSpeed gave is not requested: {problem} ({clean_text(strip_query(url))}).",
        "If it is right, fetch the result at https://wavespeed.ai/predictions.",
    )
