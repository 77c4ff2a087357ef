"""The download with a hub of our own: no network is used, and no real file is ever fetched here."""

import dataclasses
import errno
import hashlib
import importlib

import httpx
import huggingface_hub
import pytest
from huggingface_hub import errors as hub

from latentsync_core.errors import OptionError, OutputError, WeightsMismatchError, WeightsMissingError
from latentsync_core.weights import download
from latentsync_core.weights.catalogue import RELEASES

module = importlib.import_module("latentsync_core.weights.download")

CONTENT = {"latentsync_unet.pt": b"unet" * 100, "whisper/tiny.pt": b"tiny" * 10, "stable_syncnet.pt": b"sync"}
CONTENT |= {"config.json": b"{}", "diffusion_pytorch_model.safetensors": b"vae" * 50}


class Hub:
    """Stands in for `hf_hub_download`: writes CONTENT, in two pieces, and keeps a record."""

    def __init__(self):
        self.calls, self.error = [], None

    def __call__(self, repo, path, *, revision=None, local_dir=None, tqdm_class=None):
        self.calls.append((repo, path, revision))
        if self.error:
            raise self.error
        content, target = CONTENT[path], local_dir / path
        target.parent.mkdir(parents=True, exist_ok=True)
        bar = tqdm_class(total=len(content), initial=0) if tqdm_class else None
        for piece in (content[:3], content[3:]):
            with target.open("ab") as file:
                file.write(piece)
            if bar is not None:
                bar.update(len(piece))
        return str(target)


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
    fake = Hub()
    monkeypatch.setattr(huggingface_hub, "hf_hub_download", fake)
    return fake


def test_layout(fake_hub, tmp_path):
    home = download("1.6", tmp_path)
    assert home == tmp_path / "LatentSync-1.6"
    assert {str(p.relative_to(home).as_posix()) for p in home.rglob("*") if p.is_file()} == {
        "latentsync_unet.pt",
        "whisper/tiny.pt",
        "vae/config.json",
        "vae/diffusion_pytorch_model.safetensors",
    }
    assert [call[0] for call in fake_hub.calls] == ["ByteDance/LatentSync-1.6"] * 2 + [
        "stabilityai/sd-vae-ft-mse"
    ] * 2
    assert all(len(revision) == 40 for _, _, revision in fake_hub.calls)
    assert (download("1.6", tmp_path, optional=True) / "stable_syncnet.pt").is_file()


def test_files_that_are_there_are_not_fetched_again(fake_hub, tmp_path):
    download("1.5", tmp_path)
    fake_hub.calls.clear()
    (tmp_path / "LatentSync-1.5" / "whisper" / "tiny.pt").unlink()
    download("1.5", tmp_path)
    assert [path for _, path, _ in fake_hub.calls] == ["whisper/tiny.pt"]


def test_progress_counts_the_bytes_of_each_file(fake_hub, tmp_path):
    seen = []
    download("1.6", tmp_path, lambda *progress: seen.append(progress))
    assert [p for p in seen if p[0] == "latentsync_unet.pt"] == [
        ("latentsync_unet.pt", done, 400) for done in (0, 3, 400, 400)
    ]


def test_cancel_stops_between_two_pieces(fake_hub, tmp_path):
    def cancel(name, done, total):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        download("1.6", tmp_path, cancel)
    assert (tmp_path / "LatentSync-1.6" / "latentsync_unet.pt").stat().st_size == 3


def test_older_hub_libraries_without_a_progress_class(fake_hub, tmp_path, monkeypatch):
    def older(repo, path, *, revision, local_dir):
        return fake_hub(repo, path, revision=revision, local_dir=local_dir)

    monkeypatch.setattr(huggingface_hub, "hf_hub_download", older)
    seen = []
    download("1.6", tmp_path, lambda *progress: seen.append(progress))
    assert seen[:2] == [("latentsync_unet.pt", 0, 400), ("latentsync_unet.pt", 400, 400)]


def test_a_file_that_is_not_the_published_one_is_named_and_kept(fake_hub, tmp_path, monkeypatch):
    monkeypatch.setitem(CONTENT, "whisper/tiny.pt", b"tinx" * 10)
    with pytest.raises(WeightsMismatchError, match=r"tiny\.pt is not the published file.*HF_ENDPOINT"):
        download("1.6", tmp_path)
    assert (tmp_path / "LatentSync-1.6" / "whisper" / "tiny.pt").exists()


def http(kind, code):
    request = httpx.Request("GET", "https://hub.example")
    return kind("refused", response=httpx.Response(code, request=request))


@pytest.mark.parametrize(
    ("error", "kind", "message"),
    [
        (hub.LocalEntryNotFoundError("offline"), WeightsMissingError, "the hub cannot be reached"),
        (hub.OfflineModeIsEnabled("offline"), WeightsMissingError, "the hub cannot be reached"),
        (http(hub.GatedRepoError, 403), WeightsMissingError, "asks for a login"),
        (http(hub.RepositoryNotFoundError, 404), WeightsMissingError, "the hub has no such file"),
        (http(hub.HfHubHTTPError, 500), WeightsMissingError, "the download failed"),
        (httpx.ReadTimeout("slow"), WeightsMissingError, "the download failed"),
        (OSError("Consistency check failed"), WeightsMissingError, "the download failed"),
        (OSError(errno.ENOSPC, "No space left on device"), OutputError, "is full"),
        (PermissionError(errno.EACCES, "denied"), OutputError, "Choose another folder"),
    ],
)
def test_errors_say_what_to_do(fake_hub, tmp_path, error, kind, message):
    fake_hub.error = error
    with pytest.raises(kind, match=message) as caught:
        download("1.6", tmp_path)
    assert caught.value.__cause__ is error
    if kind is WeightsMissingError:
        text = str(caught.value)
        assert "HF_ENDPOINT" in text and "weights get 1.6" in text
        assert str(tmp_path / "LatentSync-1.6" / "latentsync_unet.pt") in text
        assert f"https://huggingface.co/ByteDance/LatentSync-1.6/resolve/{fake_hub.calls[0][2]}/" in text


def test_disk_is_checked_before_anything_is_fetched(fake_hub, tmp_path, monkeypatch):
    monkeypatch.setattr(module.shutil, "disk_usage", lambda path: type("Usage", (), {"free": 10}))
    with pytest.raises(OutputError, match=r"0\.0 GB free and 0\.0 GB are needed"):
        download("1.6", tmp_path)
    assert fake_hub.calls == []


def test_unknown_release(tmp_path):
    with pytest.raises(OptionError, match=r"The published checkpoints are 1\.5 and 1\.6, got '1\.7'"):
        download("1.7", tmp_path)


def test_folder_that_cannot_be_made(fake_hub, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        download("1.6", tmp_path / "file")


def test_the_real_function_takes_our_arguments():
    """The stand-in above must not drift from the library."""
    import inspect

    inspect.signature(huggingface_hub.hf_hub_download).bind("repo", "path", revision="r", local_dir="d")
