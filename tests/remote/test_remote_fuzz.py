"""No reply of the host, whatever is in its body and headers, ends in anything but a result or an error of ours."""

import asyncio
import ipaddress
import json
import random
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from remote.fake.clock import VirtualClock

from latentsync_core.addresses import Address
from latentsync_core.errors import LatentSyncError
from latentsync_core.remote import ApiKey, RemoteJob, RemoteResult, Settings, forget_task, remote_lip_sync
from latentsync_core.remote.journal import Journal
from latentsync_core.remote.sources import open_job_media
from latentsync_core.remote.threads import Work

ORIGIN = "http://127.0.0.1:8123"
KEY, SIGNATURE = "wsk_canary/7b21", "canary-of-a-signature"
ID = "0123abcdef"
TEXTS = [
    "", "\ud83d", "\ude00\ud83d x", "\x00", "\x1b[2J", "a" * 70_000, "9" * 5000, "1e999999", "1e9999999999999999999", "NaN",
    "sNaN", "-1", "http://[", "https://[", "https://h:99999/", "https://h:0/", "https://\x00/", "https://\ud83d.example/",
    "https://" + "a" * 300 + "/", "https://xn--/", "https://h%zz/?" + SIGNATURE, f"{ORIGIN}/media/1.mp4?s={SIGNATURE}",
    f"{ORIGIN}@evil/", f"{ORIGIN}/\ud83d", "file:///etc/passwd", "//", "?", "9999-12-31T23:59:59-23:59", "0001-01-01",
    "dancing", "completed", "failed", "deleted", "unknown", "\u0661", "\u00b2", KEY, f"see {KEY}\udfff", "PUT", "../../x",
]  # fmt: skip
VALUES = [
    None,
    True,
    False,
    0,
    -1,
    200,
    404,
    1402,
    10**30,
    -(10**4000),
    1e308,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    [{}],
]
HEADERS = {
    "date": ["Fri, 31 Dec 9999 23:59:59 GMT", "Mon, 01 Jan 0001 00:00:00 -0000", "9" * 400, "\xff", ""],
    "location": [
        "http://[",
        "//[",
        "https://h:99999/",
        "\xff",
        "/again",
        "?",
        "https://\xff/",
        "http://10.0.0.1/",
    ],
    "retry-after": ["Fri, 31 Dec 9999 23:59:59 GMT", "9" * 5000, "-1", "\xb2", "nan"],
    "content-length": ["\xb2", "-1", "9" * 5000, "7", "1e3"],
    "content-type": ["video/mp4", "text/html", "\xff/\xff", ";", "video/" + "a" * 5000],
    "content-encoding": ["gzip", "br, gzip", "identity", "\xff"],
    "content-range": ["bytes 0-1/2", "bytes " + "9" * 5000 + "-1/*", "bytes \xb2-1/2", "x"],
    "etag": ['"\xff"', 'W/"x"', '"ok"', '"' + "a" * 70_000 + '"', '"\x01"'],
    "set-cookie": ["a=b; expires=\xff", "=", "a=b; Max-Age=" + "9" * 5000, "a=b; Domain=[; Path=\xff"],
}
STATUSES = [200] * 12 + [100, 204, 206, 301, 302, 304, 307, 400, 401, 402, 403, 404, 405, 408, 409, 410, 412, 413, 416,
                         422, 425, 429, 499, 500, 501, 502, 503, 504, 599]  # fmt: skip
TASK = {
    "id": ID, "model": "bytedance/latentsync", "outputs": [f"{ORIGIN}/media/1.mp4?Signature={SIGNATURE}"],
    "urls": {"get": f"{ORIGIN}/x"}, "has_nsfw_contents": [False], "status": "completed",
    "created_at": "2023-04-01T12:34:56.789Z", "error": "", "timings": {"inference": 12345}, "code": 0,
}  # fmt: skip
ITEM = {**TASK, "inputs": {"audio": f"{ORIGIN}/up", "video": f"{ORIGIN}/up"}, "created_at": ""}
BILL = {"billing_type": "deduct", "price": 0.15, "prediction": {"uuid": ID}}
UPLOAD = {"method": "PUT", "url": f"{ORIGIN}/bucket?{SIGNATURE}", "headers": {"If-None-Match": "*"}}
GOOD = {
    "submit": TASK,
    "result": TASK,
    "ticket": {"download_url": f"{ORIGIN}/up", "upload": UPLOAD},
    "upload": {"download_url": f"{ORIGIN}/up"},
    "history": {"items": [ITEM]},
    "balance": {"balance": 10.0},
    "price": {"price": 0.15, "discounted_price": 0.15},
    "bills": {"items": [BILL]},
    "models": [{"model_id": "bytedance/latentsync", "base_price": 0.15}],
    "delete": {"deleted_count": 1},
    "put": None,
    "media": None,
}
PATHS = {
    "/api/v3/media/uploads": "ticket",
    "/api/v3/media/upload/binary": "upload",
    "/api/v3/predictions": "history",
    "/api/v3/model/price": "price",
    "/api/v3/balance": "balance",
    "/api/v3/account/balance": "balance",
    "/api/v3/billings/search": "bills",
    "/api/v3/bytedance/latentsync": "submit",
    f"/api/v3/predictions/{ID}/result": "result",
    "/api/v3/models": "models",
    "/api/v3/predictions/delete": "delete",
    "/bucket": "put",
}
PREREQUISITES = {"history": "submit", "upload": "ticket"}
"""What has to fail for a reply of that kind to be asked for."""


def changed(value, dice):
    """A JSON value of which one part, somewhere, is another one."""
    if dice.random() < 0.3 or not isinstance(value, (dict, list)) or not value:
        return dice.choice(TEXTS + VALUES)
    if isinstance(value, list):
        return [changed(value[0], dice), *value[1:]]
    name = dice.choice(sorted(value))
    return {**value, dice.choice([name] * 9 + TEXTS[:3]): changed(value[name], dice)}


def json_body(kind, dice):
    data = changed(GOOD[kind], dice)
    frame = {"code": 200, "message": "success", "data": data}
    if dice.random() < 0.2:
        frame |= {"code": dice.choice(VALUES), "message": dice.choice(TEXTS)}
    text = json.dumps(changed(frame, dice) if dice.random() < 0.1 else frame)
    escaped = dice.choice([KEY.replace("/", "\\/"), "".join(f"\\u{ord(letter):04x}" for letter in KEY)])
    return text.replace(KEY, escaped).encode()


def body(kind, movie, dice):
    """Any bytes, most of them close to a good reply."""
    good = movie if kind == "media" else json_body(kind, dice)
    deep = b'{"data":' * 5 + b"[" * dice.choice([900, 20_000]) + b"]" * 20_000
    page = b'<html>{"data": {"id": "req-1234567"}}</html>'
    chance = dice.random()
    if chance < 0.1:
        return dice.choice([b"", deep, page, b"null", b"[]", dice.randbytes(50), b"\xff\xfe{\x00"])
    if chance < 0.2:
        return good[: dice.randrange(len(good) + 1)]
    if kind != "media":
        return good
    spoiled = bytearray(good)
    for _ in range(dice.choice([0, 1, 30])):
        spoiled[dice.randrange(len(good))] = dice.randrange(256)
    return bytes(spoiled)


def reply(kind, movie, dice):
    names = dice.sample(sorted(HEADERS), dice.choice([0, 1, 2, 5]))
    headers = {name: dice.choice(HEADERS[name]).encode("latin-1") for name in names}
    if kind == "media" and dice.random() < 0.7:
        headers["content-type"] = b"video/mp4"
    content = Whole(body(kind, movie, dice))
    return httpx.Response(dice.choice(STATUSES), headers=list(headers.items()), stream=content)


class Whole(httpx.AsyncByteStream):
    """A body that comes as it is, whatever the headers say of it."""

    def __init__(self, content):
        self._content = content

    async def __aiter__(self):
        yield self._content


@dataclass
class Host:
    """A host whose replies of one kind are anything, and whose others are good."""

    kind: str
    movie: bytes
    dice: random.Random
    take: int

    def __call__(self, request: httpx.Request) -> httpx.Response:
        kind = PATHS.get(request.url.path, "media")
        if kind == self.kind:
            return reply(kind, self.movie, self.dice)
        if kind == PREREQUISITES.get(self.kind):
            return httpx.Response(404 if kind == "ticket" else 502)
        if kind == "media":
            return httpx.Response(200, headers={"content-type": "video/mp4"}, stream=Whole(self.movie))
        good = {"code": 200, "message": "success", "data": GOOD[kind]}
        return httpx.Response(200, stream=Whole(json.dumps(good).encode()))


class Quick(Journal):
    """A journal that does not wait for the disk."""

    def __init__(self, *arguments):
        super().__init__(*arguments)
        self._connection.execute("PRAGMA synchronous = OFF")


@dataclass
class Client:
    """What stays the same from case to case."""

    folder: Path
    video: Path
    audio: Path

    def run(self, host: Host) -> RemoteResult | LatentSyncError | None:
        settings = Settings(self.folder, ApiKey(KEY), ORIGIN, Decimal(10**6), largest_result=2**20)
        world = {"settings": settings, "clock": VirtualClock(), "transport": httpx.MockTransport(host)}
        job = RemoteJob(self.video, self.audio, self.folder / "out.mp4", take=host.take)
        work = forget_task(ID, **world) if host.kind == "delete" else remote_lip_sync(job, **world)
        try:
            return asyncio.run(work)
        except LatentSyncError as error:
            return error


@pytest.fixture
def client(tmp_path, clip, speech, monkeypatch):
    media = open_job_media(RemoteJob(clip, speech, tmp_path / "out.mp4"), Work())

    async def anywhere(_: str) -> list[Address]:
        return [ipaddress.ip_address("8.8.8.8")]

    monkeypatch.setattr("latentsync_core.remote.runs.open_job_media", lambda *_: media)
    monkeypatch.setattr("latentsync_core.remote.runs.Journal", Quick)
    monkeypatch.setattr("latentsync_core.remote.safety.look_up", anywhere)
    monkeypatch.setattr("latentsync_core.remote.download.os.fsync", lambda _: None)
    return Client(tmp_path, clip, speech)


def start_anew(folder, *, upload):
    """Forget all purchases; without `upload` what they uploaded is used again, which saves half the time."""
    with Quick(folder) as journal:
        journal._connection.execute("DELETE FROM predictions")
        journal._connection.execute("DELETE FROM jobs WHERE state <> 'done' OR ?", (upload,))


@pytest.mark.parametrize("cases", [28, pytest.param(84, marks=pytest.mark.slow)])
@pytest.mark.parametrize("kind", GOOD)
def test_no_reply_ends_in_anything_but_a_result_or_an_error_of_ours(client, clip, kind, cases):
    movie = clip.read_bytes()
    for seed in range(cases):
        host = Host(kind, movie, random.Random(f"{kind} {seed}"), take=seed + 1)
        result = client.run(host)
        if isinstance(result, LatentSyncError):
            check(result, seed)
            result = client.run(host)  # which finds what the first left in the journal
        check(result, seed)
        start_anew(client.folder, upload=kind in ("ticket", "put", "upload"))


def check(result, seed):
    said = str(result)
    assert said.encode() and KEY not in said and SIGNATURE not in said, seed
