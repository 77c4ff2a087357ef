"""Addresses of hosts, and which of them belong to the public internet."""

from __future__ import annotations

import asyncio
import ipaddress
import socket

# A private IPv4 address in this range would pass as a public IPv6 one.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


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
