"""Uploads: slow, cut off, too large, under hostile names. What is not whole is not there."""

import socket
import threading
import time
from urllib.parse import urlsplit

import pytest
from serve.served import Served

from latentsync_core.serve import Limits

NAMES = [
    "../../etc/passwd",
    "..\\..\\x",
    "/etc/passwd",
    "a\x00b",
    "a/b/c.mp4",
    "\u202e4pm.exe",
    "x" * 5000,
    "C:\\x",
    ".",
]


def ticket(served, size=1000, **more):
    return served.web.post("/media/uploads", json={"filename": "a.mp4", "size": size} | more)


def put(served, data, content):
    return served.bare.put(data["upload"]["url"], content=content, headers=data["upload"]["headers"])


def open_put(served, data, length, sent):
    """Begin a PUT by hand, and send a part of its body."""
    address = urlsplit(data["upload"]["url"])
    connection = socket.create_connection((address.hostname, address.port))
    head = f"PUT {address.path} HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: {length}\r\nIf-None-Match: *\r\n\r\n"
    connection.sendall(head.encode() + sent)
    return connection


@pytest.mark.parametrize("name", NAMES)
def test_no_name_of_a_client_gets_near_the_disk(served, name):
    data = ticket(served, filename=name, content_type="video/mp4").json()["data"]
    assert data["filename"] == name and data["download_url"].endswith("/video.mp4")
    assert put(served, data, b"x" * 1000).status_code == 200
    if "\x00" not in name:
        form = served.web.post("/media/upload/binary", files={"file": (name, b"content", "video/mp4")})
        assert form.status_code == 200 and form.json()["data"]["size"] == 7
    assert all(path.startswith("uploads/") and len(path) == 40 for path in served.files())
    assert [path.name for path in served.folder.parent.iterdir() if path != served.folder] == ["keys"]


@pytest.mark.parametrize("mime", ["text/html", "image/svg+xml", "a/b\r\nX: y", "VIDEO/MP4 ", "", "x" * 999])
def test_no_type_of_a_client_is_one_that_a_browser_runs(served, mime):
    data = ticket(served, content_type=mime).json()["data"]
    put(served, data, b"<script>" * 125)
    reply = served.bare.get(data["download_url"])
    assert reply.headers["content-type"] == "application/octet-stream"
    assert (
        reply.headers["x-content-type-options"] == "nosniff"
        and "sandbox" in reply.headers["content-security-policy"]
    )


def test_a_cut_upload_leaves_nothing_and_may_be_repeated(served):
    data = ticket(served).json()["data"]
    with open_put(served, data, 1000, b"x" * 400):
        served.until(lambda: len(served.files()) == 1)
        assert served.bare.get(data["download_url"]).status_code == 404
    served.until(lambda: served.files() == set())
    assert put(served, data, b"y" * 1000).status_code == 200
    assert served.bare.get(data["download_url"]).content == b"y" * 1000


def test_a_cut_form_leaves_nothing(served):
    address = urlsplit(served.origin)
    head = (
        f"POST /api/v3/media/upload/binary HTTP/1.1\r\nHost: {address.netloc}\r\nContent-Length: 999\r\n"
        f"Authorization: Bearer {served.key}\r\nContent-Type: multipart/form-data; boundary=b\r\n\r\n"
        '--b\r\nContent-Disposition: form-data; name="file"; filename="a.mp4"\r\n\r\nxxxx'
    )
    with socket.create_connection((address.hostname, address.port)) as connection:
        connection.sendall(head.encode())
        served.until(lambda: len(served.files()) == 1)
    served.until(lambda: served.files() == set())
    assert served.ask(lambda: served.store.select("SELECT * FROM uploads")) == []


def test_a_silent_client_is_given_up(served, monkeypatch):
    monkeypatch.setattr("latentsync_core.serve.calls.uploads._PATIENCE", 0.05)
    with open_put(served, ticket(served).json()["data"], 1000, b"x" * 10) as connection:
        assert connection.recv(100).startswith(b"HTTP/1.1 408")
    served.until(lambda: served.files() == set())


def test_slow_uploads_hold_up_nobody(served):
    data = ticket(served, size=30).json()["data"]
    with open_put(served, data, 30, b"") as slow:
        for _ in range(30):
            slow.sendall(b"z")
            start = time.monotonic()
            assert served.web.get("/balance").status_code == 200
            assert time.monotonic() - start < 5
        assert slow.recv(100).startswith(b"HTTP/1.1 200")
    assert served.bare.get(data["download_url"]).content == b"z" * 30


def test_of_two_uploads_of_one_ticket_one_wins_whole(served):
    data = ticket(served).json()["data"]
    with (
        open_put(served, data, 1000, b"a" * 999) as first,
        open_put(served, data, 1000, b"b" * 999) as second,
    ):
        served.until(lambda: len(served.files()) == 2)
        second.sendall(b"b")
        assert second.recv(100).startswith(b"HTTP/1.1 200")
        first.sendall(b"a")
        assert first.recv(100).startswith(b"HTTP/1.1 412")
    assert served.bare.get(data["download_url"]).content == b"b" * 1000


def test_too_large_files_are_refused_by_their_size_and_by_their_bytes(tmp_path):
    with Served(tmp_path, limits=Limits(largest_bytes=1000)) as served:
        refused = ticket(served, size=1001)
        assert refused.status_code == 413 and "0.001 MB" in refused.json()["message"]
        form = served.web.post("/media/upload/binary", files={"file": ("a.mp4", b"x" * 10_000, "video/mp4")})
        assert form.status_code == 413 and served.files() == set()
        assert ticket(served, size=1000).status_code == 200
    for size in (0, -1, 10**30):
        assert ticket_refused(tmp_path / str(size)[:3], size)


def ticket_refused(folder, size):
    folder.mkdir()
    with Served(folder) as served:
        return ticket(served, size=size).status_code in (400, 413)


def test_a_ticket_expires(tmp_path):
    clock = [1e9]
    with Served(tmp_path, now=lambda: clock[0]) as served:
        data = ticket(served).json()["data"]
        clock[0] += 3601
        assert put(served, data, b"x" * 1000).status_code == 403


@pytest.mark.parametrize(
    "form",
    [
        {"data": {"file": "text"}},
        {"files": {"video": b"x"}},
        {"files": [("file", b"x"), ("file", b"y")]},
        {"json": {}},
    ],
)
def test_forms_that_are_not_one_file(served, form):
    assert served.web.post("/media/upload/binary", **form).status_code == 400
    assert served.files() == set()


def test_a_full_disk_is_said_and_loses_nothing(served, monkeypatch):
    task = served.submit()
    served.wait(task)
    monkeypatch.setattr("latentsync_core.remote.download._SPARE", 2**80)
    data = ticket(served).json()["data"]
    reply = put(served, data, b"x" * 1000)
    assert reply.status_code == 503 and "disk" in reply.json()["message"]
    assert served.look(task)["status"] == "completed"


def test_uploads_at_once_are_kept_apart(served):
    results = {}

    def send(number):
        content = bytes([number]) * 50_000
        results[number] = served.bare.get(served.upload(content)).content == content

    threads = [threading.Thread(target=send, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == dict.fromkeys(range(20), True)
