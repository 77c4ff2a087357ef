"""Media at other hosts, and webhooks: only what may be asked is asked, and only so much is taken."""

import hashlib
import hmac
import json
import threading
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from ipaddress import ip_address

import httpx
import pytest
from serve.served import MODEL, Served

from latentsync_core.serve import Limits
from latentsync_core.serve import outside as outside_module


class Elsewhere(BaseHTTPRequestHandler):
    """Another host, which a dictionary of the test tells what to reply."""

    def do_GET(self):
        self.server.asked.append((self.command, self.path, dict(self.headers), self.body()))
        status, headers, content = self.server.replies.get(self.path.split("?")[0], (404, {}, b""))
        self.send_response(status)
        for name, value in ({"Content-Length": str(len(content))} | headers).items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_GET

    def body(self):
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def log_message(self, *_):
        pass


@contextmanager
def elsewhere(**replies):
    server = ThreadingHTTPServer(("127.0.0.1", 0), Elsewhere)
    server.replies = {f"/{name}": reply for name, reply in replies.items()}
    server.asked, server.url = [], f"http://127.0.0.1:{server.server_port}"
    threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True).start()
    try:
        yield server
    finally:
        server.shutdown()


@pytest.fixture
def other():
    good = {"video": (200, {}, b"the video"), "audio": (200, {}, b"the audio")}
    with elsewhere(**good) as server:
        yield server


@pytest.fixture
def open_served(tmp_path):
    """An endpoint that may fetch from private addresses, files of at most 1000 bytes."""
    with Served(tmp_path, allow_private=True, limits=Limits(largest_bytes=1000)) as running:
        yield running


def inputs_at(other, **changed):
    return {"video": f"{other.url}/video", "audio": f"{other.url}/audio?signature=s3cret"} | changed


def test_media_of_another_host_are_fetched(open_served, other):
    done = open_served.wait(open_served.submit(inputs_at(other)))
    assert open_served.bare.get(done["outputs"][0]).content == b"the videothe audio"
    assert sorted(path for _, path, _, _ in other.asked) == ["/audio?signature=s3cret", "/video"]
    assert all("Authorization" not in headers for _, _, headers, _ in other.asked)


def test_redirects_are_followed_three_times(open_served, other):
    other.replies |= {
        "/1": (302, {"Location": "/2"}, b""),
        "/2": (307, {"Location": f"{other.url}/3"}, b""),
        "/3": (302, {"Location": "video"}, b""),
        "/0": (302, {"Location": "/1"}, b""),
    }
    assert open_served.wait(open_served.submit(inputs_at(other, video=f"{other.url}/1")))
    failed = open_served.wait(open_served.submit(inputs_at(other, video=f"{other.url}/0")), "failed")
    assert (failed["code"], failed["error"]) == (
        1402,
        "media URL not reachable: the video redirects for ever",
    )


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        ((404, {}, b""), "1402 media URL not reachable: the host of the video answers with HTTP 404"),
        ((200, {"Content-Encoding": "gzip"}, b"x"), "1402 media URL not reachable: the host of the video"),
        ((200, {}, b"x" * 1001), "1401 invalid parameter: the video is larger than 0.001 MB"),
        (
            (200, {"Content-Length": "5000"}, b"x"),
            "1402 media URL not reachable: the connection for the video failed",
        ),
        ((302, {"Location": "ftp://x/"}, b""), "1402 media URL not reachable: it is not an http URL"),
        ((302, {"Location": "http://["}, b""), "1402 media URL not reachable: it is not an http URL"),
    ],
)
def test_replies_that_are_no_media_fail_the_task(open_served, other, monkeypatch, reply, words):
    monkeypatch.setattr("latentsync_core.serve.fetch._ATTEMPTS", 1)
    other.replies["/video"] = reply
    failed = open_served.wait(open_served.submit(inputs_at(other)), "failed")
    assert f"{failed['code']} {failed['error']}".startswith(words) and "s3cret" not in failed["error"]
    assert {path for path in open_served.files() if "video" in path} == set()


def test_a_connection_that_breaks_is_tried_again(open_served, other):
    other.replies["/video"] = (200, {"Content-Length": "9000"}, b"x")
    task = open_served.submit(inputs_at(other))
    open_served.until(lambda: other.asked)
    other.replies["/video"] = (200, {}, b"the video")
    assert open_served.wait(task)


ADDRESSES = ["10.0.0.1", "127.0.0.1", "169.254.169.254", "100.64.0.1", "::1", "fd00::1", "::ffff:192.168.0.1"]


@pytest.mark.parametrize("address", ADDRESSES)
def test_no_private_address_is_asked(served, monkeypatch, address):
    """Neither by a name that leads there, nor as one of several, nor by a redirect."""

    async def look_up(host):
        return [ip_address("93.184.216.34")] * (host == "good.example") + [ip_address(address)] * (
            host != "good.example"
        )

    monkeypatch.setattr(outside_module, "look_up", look_up)
    literal = f"[{address}]" if ":" in address else address
    for host in ("evil.example", literal):
        task = served.submit({"audio": f"https://{host}/a.wav", "video": "https://good.example/v.mp4"})
        failed = served.wait(task, "failed")
        assert failed["code"] == 1402 and address not in failed["error"].replace(literal, "")
        assert "not found on the public internet" in failed["error"]


def test_a_checked_address_is_the_one_that_is_asked(served, monkeypatch):
    """A second look-up of the name could give another one; a redirect to a private one is not followed."""
    asked = []

    async def look_up(host):
        return [ip_address("93.184.216.34" if host == "good.example" else "10.0.0.1")]

    def answer(request):
        asked.append((str(request.url), request.headers["host"], request.extensions["sni_hostname"]))
        return httpx.Response(302, headers={"Location": "https://evil.example/v.mp4"})

    monkeypatch.setattr(outside_module, "look_up", look_up)
    client = lambda _: httpx.AsyncClient(transport=httpx.MockTransport(answer))  # noqa: E731
    monkeypatch.setattr(outside_module.Outside, "open_client", client)
    failed = served.wait(served.submit(dict.fromkeys(("audio", "video"), "https://good.example/x")), "failed")
    assert asked == [("https://93.184.216.34/x", "good.example", "good.example")]
    assert "not found on the public internet" in failed["error"]


def verify(served, headers, body):
    """WaveSpeed's documented check of a webhook."""
    secret = served.web.get("/webhook/secret").json()["data"]["secret"].removeprefix("whsec_")
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    return (
        headers["webhook-signature"] == "v3," + hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()
    )


@pytest.mark.parametrize(("video", "status"), [(b"video", "completed"), (b"impossible", "failed")])
def test_a_webhook_is_told_of_the_end(open_served, other, video, status):
    other.replies["/hook"] = (204, {}, b"")
    task = open_served.submit(open_served.inputs(video), params={"webhook": f"{other.url}/hook?for=me"})
    open_served.until(lambda: other.asked)
    method, path, headers, body = other.asked[0]
    told, shown = json.loads(body), open_served.look(task)
    assert (method, path, headers["Content-Type"]) == ("POST", "/hook?for=me", "application/json")
    assert verify(open_served, headers, body) and headers["webhook-id"] == task
    assert told.pop("input").keys() == {"audio", "video"} and told == shown and told["status"] == status
    open_served.until(lambda: open_served.count("webhook_left > 0") == 0)
    assert len(other.asked) == 1


def test_a_webhook_is_called_four_times_at_most(open_served, other, monkeypatch):
    monkeypatch.setattr("latentsync_core.serve.flow._WEBHOOK_PAUSE", 0.001)
    other.replies["/hook"] = (500, {}, b"")
    open_served.submit(open_served.inputs(), params={"webhook": f"{other.url}/hook"})
    open_served.until(lambda: len(other.asked) == 4 and open_served.count("webhook_left > 0") == 0)
    assert len({headers["webhook-id"] for _, _, headers, _ in other.asked}) == 1


def test_a_webhook_is_called_by_the_next_server_too(tmp_path, other):
    with Served(tmp_path, allow_private=True) as first:
        first.worker.held = True
        task = first.submit(params={"webhook": f"{other.url}/hook"})
        first.until(lambda: first.worker.begun)
    other.replies["/hook"] = (200, {}, b"")
    with Served(tmp_path, allow_private=True) as second:
        second.wait(task)
        second.until(lambda: other.asked)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1/", "https://10.0.0.1:444/", "ftp://x/", "x", "https://u:p@h/"]
)
def test_webhooks_that_may_not_be_called_are_refused(served, url):
    reply = served.web.post(f"/{MODEL}", params={"webhook": url}, json=served.inputs())
    assert reply.status_code == 400 and "'webhook'" in reply.json()["message"] and served.count() == 0


def test_a_webhook_at_a_private_address_is_not_called(served, monkeypatch, other):
    async def look_up(host):
        return [ip_address("127.0.0.1")]

    monkeypatch.setattr(outside_module, "look_up", look_up)
    monkeypatch.setattr("latentsync_core.serve.flow._WEBHOOK_PAUSE", 0.001)
    served.wait(served.submit(params={"webhook": "https://evil.example/hook"}))
    served.until(lambda: served.count("webhook_left > 0") == 0)
    assert other.asked == []
