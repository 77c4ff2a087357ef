"""Which URLs out of a reply are requested."""

import asyncio
import ipaddress
import socket

import pytest

from latentsync_core.addresses import is_public
from latentsync_core.errors import BadResultError, ServerTroubleError
from latentsync_core.remote import Settings, safety
from latentsync_core.remote.safety import find_url_problem, resolve_target


@pytest.fixture
def settings(tmp_path):
    return Settings(tmp_path)


@pytest.mark.parametrize(
    "url",
    ["http://cdn.wavespeed.ai/1.mp4", "https://user@cdn.wavespeed.ai/", "https://cdn.wavespeed.ai:8443/", "file:///x",
     "https:///x", "//cdn/x", "http://[", "https://\x00/", "https://h:0/", "https://h/" + "a" * 70_000,
     "", "https://cdn wavespeed.ai/", "https://[::1", "https://a\\b/", "https://h:99999/"],
)  # fmt: skip
def test_urls_that_are_refused_by_their_text(url, settings):
    assert find_url_problem(url, settings)
    with pytest.raises(BadResultError, match="not requested"):
        asyncio.run(resolve_target(url, settings))


def test_urls_that_are_allowed_by_their_text(settings):
    assert find_url_problem("https://d1q70pf5vjeyhc.cloudfront.net/predictions/x/1.mp4?sig=1", settings) == ""
    assert find_url_problem("https://cdn.example:443/1.mp4", settings) == ""


def test_strict_hosts(tmp_path):
    strict = Settings(tmp_path, strict_hosts=True)
    assert find_url_problem("https://cdn.wavespeed.ai/1.mp4", strict) == ""
    for url in (
        "https://cdn.example/1.mp4",
        "https://evilwavespeed.ai/1.mp4",
        "https://wavespeed.ai.evil.com/",
    ):
        assert "host" in find_url_problem(url, strict)


def test_only_the_test_servers_own_origin_may_be_plain_http(tmp_path):
    local = Settings(tmp_path, base_url="http://127.0.0.1:8123")
    assert find_url_problem("http://127.0.0.1:8123/media/1.mp4", local) == ""
    for url in (
        "http://127.0.0.1:8124/",
        "http://127.0.0.1:8123@evil.com/",
        "http://localhost:8123/",
        "http://evil/",
    ):
        assert find_url_problem(url, local)
    assert find_url_problem("http://127.0.0.1:8123/", Settings(tmp_path)) == "it is not https"


@pytest.mark.parametrize(
    ("address", "public"),
    [("8.8.8.8", True), ("2606:4700::1111", True), ("10.0.0.1", False), ("172.16.0.1", False), ("192.168.1.1", False),
     ("127.0.0.1", False), ("169.254.169.254", False), ("100.64.0.1", False), ("0.0.0.0", False),
     ("224.0.0.1", False), ("240.0.0.1", False), ("255.255.255.255", False), ("::1", False), ("::", False),
     ("fe80::1", False), ("fc00::1", False), ("ff02::1", False), ("::ffff:127.0.0.1", False),
     ("::ffff:8.8.8.8", True), ("64:ff9b::7f00:1", False), ("64:ff9b::808:808", True), ("2002:7f00:1::", False),
     ("2001:0:53aa:64c:0:fbff:55b9:ce9f", False), ("::127.0.0.1", False)],
)  # fmt: skip
def test_addresses(address, public):
    assert is_public(ipaddress.ip_address(address)) is public


def resolving(monkeypatch, *addresses):
    async def getaddrinfo(self, host, port, **_):
        if not addresses:
            raise socket.gaierror("unknown")
        return [(0, 0, 0, "", (address, port)) for address in addresses]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", getaddrinfo)
    monkeypatch.setattr(safety.urllib.request, "getproxies", dict)


def test_one_private_address_among_others_is_enough(monkeypatch, settings):
    resolving(monkeypatch, "8.8.8.8", "10.0.0.1")
    with pytest.raises(BadResultError, match=r"leads to 10\.0\.0\.1") as caught:
        asyncio.run(resolve_target("https://cdn.wavespeed.ai/1.mp4?sig=SECRET", settings))
    assert "SECRET" not in str(caught.value)


def test_the_checked_address_is_the_one_that_is_used(monkeypatch, settings):
    resolving(monkeypatch, "8.8.8.8")
    target = asyncio.run(resolve_target("https://cdn.wavespeed.ai/1.mp4?sig=1", settings))
    assert str(target.url) == "https://8.8.8.8/1.mp4?sig=1"
    assert target.headers == {"Host": "cdn.wavespeed.ai"}
    assert target.extensions == {"sni_hostname": "cdn.wavespeed.ai"}


def test_a_host_without_an_address_may_come_back(monkeypatch, settings):
    resolving(monkeypatch)
    with pytest.raises(ServerTroubleError, match="no address"):
        asyncio.run(resolve_target("https://cdn.wavespeed.ai/1.mp4", settings))


def test_a_proxy_looks_up_names_itself(monkeypatch, settings):
    resolving(monkeypatch, "10.0.0.1")
    monkeypatch.setattr(safety.urllib.request, "getproxies", lambda: {"https": "http://proxy:3128"})
    target = asyncio.run(resolve_target("https://cdn.wavespeed.ai/1.mp4", settings))
    assert str(target.url) == "https://cdn.wavespeed.ai/1.mp4" and not target.extensions


def test_an_unknown_host_is_said(monkeypatch, settings, caplog):
    resolving(monkeypatch, "8.8.8.8")
    asyncio.run(resolve_target("https://cdn.example/1.mp4", settings))
    assert "none has been seen before" in caplog.text
