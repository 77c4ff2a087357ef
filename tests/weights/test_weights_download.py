"""The download from a hub of our own: no network is used, and no real file is ever fetched here."""

import dataclasses
import errno
import hashlib
import importlib
import re

import httpx
import huggingface_hub
import pytest

from latentsync_core.errors import OptionError, OutputError, WeightsMismatchError, WeightsMissingError
from latentsync_core.weights import download_release
from latentsync_core.weights.catalogue import RELEASES

module = importlib.import_module("latentsync_core.weights.download")

CONTENT = {"latentsync_unet.pt": b"unet" * 100, "whisper/tiny.pt": b"tiny" * 10, "stable_syncnet.pt": b"sync"}
CONTENT |= {"config.json": b"{}", "diffusion_pytorch_model.safetensors": b"vae" * 50}
CDN = "https://cdn.example"


class Hub(httpx.BaseTransport):
    """A hub that has CONTENT on another host; `troubles` are answers or errors that come first."""

    def __init__(self):
        self.requests, self.troubles, self.ranges = [], [], True

    def handle_request(self, request):
        if request.url.host != "cdn.example":
            return httpx.Response(302, headers={"location": CDN + request.url.path})
        self.requests.append(request)
        if self.troubles:
            trouble = self.troubles.pop(0)
            if isinstance(trouble, Exception):
                raise trouble
            return trouble
        content = CONTENT[request.url.path.split("/resolve/")[1].partition("/")[2]]
        start = int(re.fullmatch(r"bytes=(\d+)-", request.headers["range"])[1])
        if not self.ranges:
            return httpx.Response(200, content=content)
        return httpx.Response(206, content=content[start:])

    @property
    def fetched(self):
        """(path, first byte) of every request."""
        return [
            (request.url.path.split("/resolve/")[1].partition("/")[2], request.headers["range"])
            for request in self.requests
        ]


@pytest.fixture
def fake_hub(monkeypatch):
    """The catalogue with the lengths and checksums of CONTENT, and a hub that has it."""
    for name, release in RELEASES.items():
        files = tuple(
            dataclasses.replace(
                f, size=len(CONTENT[f.path]), sha256=hashlib.sha256(CONTENT[f.path]).hexdigest()
            )
            for f in release.files
        )
        monkeypatch.setitem(RELEASES, name, dataclasses.replace(release, files=files))
    monkeypatch.setattr(module.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(module, "_CHUNK_BYTES", 3)
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: None)
    return Hub()


def half(content, error):
    """An answer that breaks off."""

    def pieces():
        yield content[: len(content) // 2]
        raise error

    return httpx.Response(206, content=pieces())


def test_layout(fake_hub, tmp_path):
    home = download_release("1.6", tmp_path, transport=fake_hub)
    assert home == tmp_path / "LatentSync-1.6"
    files = {str(p.relative_to(home).as_posix()): p.read_bytes() for p in home.rglob("*") if p.is_file()}
    assert files == {
        "latentsync_unet.pt": CONTENT["latentsync_unet.pt"],
        "whisper/tiny.pt": CONTENT["whisper/tiny.pt"],
        "vae/config.json": CONTENT["config.json"],
        "vae/diffusion_pytorch_model.safetensors": CONTENT["diffusion_pytorch_model.safetensors"],
    }
    places = [request.url.path.split("/resolve/") for request in fake_hub.requests]
    assert [repo for repo, _ in places] == ["/ByteDance/LatentSync-1.6"] * 2 + [
        "/stabilityai/sd-vae-ft-mse"
    ] * 2
    assert all(len(rest.split("/")[0]) == 40 for _, rest in places)
    assert (
        download_release("1.6", tmp_path, optional=True, transport=fake_hub) / "stable_syncnet.pt"
    ).is_file()


def test_the_token_stays_with_the_hub(fake_hub, tmp_path, monkeypatch):
    seen = {}
    monkeypatch.setattr(huggingface_hub, "get_token", lambda: "hf_secret")

    def look(request):
        seen.setdefault(request.url.host, request.headers.get("authorization"))
        return fake_hub.handle_request(request)

    download_release("1.6", tmp_path, transport=httpx.MockTransport(look))
    assert seen == {"huggingface.co": "Bearer hf_secret", "cdn.example": None}


def test_files_that_are_there_are_not_fetched_again(fake_hub, tmp_path):
    download_release("1.5", tmp_path, transport=fake_hub)
    fake_hub.requests.clear()
    (tmp_path / "LatentSync-1.5" / "whisper" / "tiny.pt").unlink()
    download_release("1.5", tmp_path, transport=fake_hub)
    assert fake_hub.fetched == [("whisper/tiny.pt", "bytes=0-")]


def test_progress_counts_the_bytes_of_each_file(fake_hub, tmp_path):
    seen = []
    download_release("1.6", tmp_path, lambda *progress: seen.append(progress), transport=fake_hub)
    assert [p for p in seen if p[0] == "whisper/tiny.pt"] == [
        ("whisper/tiny.pt", done, 40) for done in (*range(0, 40, 3), 40)
    ]


def cancel(name, done, total):
    if done > 100:
        raise KeyboardInterrupt


def test_what_was_cancelled_between_two_pieces_goes_on(fake_hub, tmp_path):
    with pytest.raises(KeyboardInterrupt):
        download_release("1.6", tmp_path, cancel, transport=fake_hub)
    assert [p.name for p in tmp_path.rglob("*") if p.is_file()] == ["latentsync_unet.pt.part"]
    fake_hub.requests.clear()
    home = download_release("1.6", tmp_path, transport=fake_hub)
    assert fake_hub.fetched[0] == ("latentsync_unet.pt", "bytes=102-")
    assert (home / "latentsync_unet.pt").read_bytes() == CONTENT["latentsync_unet.pt"]


def test_a_whole_part_is_only_put_in_place(fake_hub, tmp_path):
    home = tmp_path / "LatentSync-1.6"
    home.mkdir()
    (home / "latentsync_unet.pt.part").write_bytes(CONTENT["latentsync_unet.pt"])
    download_release("1.6", tmp_path, transport=fake_hub)
    assert fake_hub.fetched[0][0] == "whisper/tiny.pt" and (home / "latentsync_unet.pt").is_file()


@pytest.mark.parametrize("ranges", [True, False], ids=["with ranges", "without"])
def test_a_broken_connection_is_taken_up_again(fake_hub, tmp_path, ranges):
    fake_hub.ranges = ranges
    fake_hub.troubles = [
        httpx.ConnectTimeout("slow"),
        httpx.Response(503),
        half(CONTENT["latentsync_unet.pt"], httpx.ReadError("gone")),
    ]
    home = download_release("1.6", tmp_path, transport=fake_hub)
    assert [start for _, start in fake_hub.fetched[:4]] == ["bytes=0-"] * 3 + ["bytes=198-"]
    assert (home / "latentsync_unet.pt").read_bytes() == CONTENT["latentsync_unet.pt"]


@pytest.mark.parametrize("content", [b"tinx" * 10, b"tiny"], ids=["other bytes", "too short"])
def test_a_file_that_is_not_the_published_one_is_never_used(fake_hub, tmp_path, monkeypatch, content):
    with monkeypatch.context() as changed:
        changed.setitem(CONTENT, "whisper/tiny.pt", content)
        with pytest.raises(WeightsMismatchError, match=r"whisper/tiny\.pt of .*HF_ENDPOINT"):
            download_release("1.6", tmp_path, transport=fake_hub)
    assert not any((tmp_path / "LatentSync-1.6" / "whisper").iterdir())
    home = download_release("1.6", tmp_path, transport=fake_hub)
    assert (home / "whisper" / "tiny.pt").read_bytes() == CONTENT["whisper/tiny.pt"]


@pytest.mark.parametrize(
    ("trouble", "attempts", "kind", "message"),
    [
        (httpx.ConnectError("no route"), 5, WeightsMissingError, r"the hub cannot be reached \(no route\)"),
        (httpx.Response(500), 5, WeightsMissingError, r"the hub cannot be reached \(HTTP 500\)"),
        (httpx.Response(403), 1, WeightsMissingError, "asks for a login"),
        (httpx.Response(404), 1, WeightsMissingError, "the hub has no such file"),
        (httpx.Response(410), 1, WeightsMissingError, "the hub answers HTTP 410"),
        (OSError(errno.ENOSPC, "No space left on device"), 1, OutputError, "is full"),
        (PermissionError(errno.EACCES, "denied"), 1, OutputError, "Choose another folder"),
    ],
)
def test_errors_say_what_to_do(fake_hub, tmp_path, trouble, attempts, kind, message):
    fake_hub.troubles = [trouble] * 9
    with pytest.raises(kind, match=message) as caught:
        download_release("1.6", tmp_path, transport=fake_hub)
    assert len(fake_hub.requests) == attempts
    if kind is WeightsMissingError:
        text = str(caught.value)
        assert "HF_ENDPOINT" in text and "weights get 1.6" in text
        assert str(tmp_path / "LatentSync-1.6" / "latentsync_unet.pt") in text
        assert "https://huggingface.co/ByteDance/LatentSync-1.6/resolve/" in text


def test_offline_asks_nobody(fake_hub, tmp_path, monkeypatch):
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    with pytest.raises(WeightsMissingError, match="HF_HUB_OFFLINE is set"):
        download_release("1.6", tmp_path, transport=fake_hub)
    assert fake_hub.requests == []


def test_disk_is_checked_before_anything_is_fetched(fake_hub, tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 250}))
    with pytest.raises(OutputError, match=r"0\.0 GB free and 0\.0 GB are needed"):
        download_release("1.6", tmp_path, transport=fake_hub)
    assert fake_hub.requests == []
    # What is there of a file needs no more space.
    (tmp_path / "LatentSync-1.6" / "latentsync_unet.pt.part").write_bytes(CONTENT["latentsync_unet.pt"][:350])
    download_release("1.6", tmp_path, transport=fake_hub)


def test_unknown_release(tmp_path):
    with pytest.raises(OptionError, match=r"The published checkpoints are 1\.5 and 1\.6, got '1\.7'"):
        download_release("1.7", tmp_path)


def test_folder_that_cannot_be_made(fake_hub, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        download_release("1.6", tmp_path / "file", transport=fake_hub)


def test_the_address_is_the_hubs(monkeypatch):
    unet = RELEASES["1.6"].unet
    url = huggingface_hub.hf_hub_url(unet.repo, unet.path, revision=unet.revision)
    assert url == f"https://huggingface.co/{unet.repo}/resolve/{unet.revision}/latentsync_unet.pt"
