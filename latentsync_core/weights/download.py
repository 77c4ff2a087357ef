"""Fetch a published checkpoint from the Hugging Face hub, only when asked to."""

from __future__ import annotations

import errno
import hashlib
import inspect
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import huggingface_hub
from huggingface_hub import errors as hub
from tqdm import tqdm

from ..errors import LatentSyncError, OutputError, WeightsMismatchError, WeightsMissingError
from .catalogue import Release, RemoteFile, release

log = logging.getLogger(__name__)

OnProgress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes of it that are here and its length (0 if unknown); raise to stop."""

_REASONS: tuple[tuple[tuple[type[Exception], ...], str], ...] = (
    (
        (hub.LocalEntryNotFoundError, hub.OfflineModeIsEnabled),
        "the hub cannot be reached, or HF_HUB_OFFLINE is set",
    ),
    ((hub.GatedRepoError,), "the hub asks for a login: accept its terms on the page, then set HF_TOKEN"),
    (
        (hub.RepositoryNotFoundError, hub.EntryNotFoundError, hub.RevisionNotFoundError),
        "the hub has no such file",
    ),
)


def download(
    name: str, folder: str | Path, on_progress: OnProgress | None = None, *, optional: bool = False
) -> Path:
    """Fetch release `1.5` or `1.6` into `folder`/LatentSync-<name> and return that folder.

    Files that are there in full are kept, others continue where they stopped, and each new one is compared
    with its published length and SHA-256. optional: StableSyncNet as well, which only scores need.
    What `on_progress` raises passes through and stops the download between two pieces.
    Raises OptionError (no such release), WeightsMissingError (the hub does not give the file),
    WeightsMismatchError (it arrived damaged) and OutputError (disk full or not writable).
    """
    chosen = release(name)
    home = Path(folder) / chosen.folder_name
    files = [file for file in chosen.files if optional or not file.optional]
    wanted = [file for file in files if not _is_here(file, home)]
    _check_space(wanted, home)
    for file in wanted:
        log.info("Fetching %s of %s into %s.", file.path, file.repo, home)
        _fetch(file, chosen, home, on_progress)
        _verify(file, home)
    return home


def _is_here(file: RemoteFile, home: Path) -> bool:
    path = home / file.target
    return path.is_file() and file.size in (None, path.stat().st_size)


def _check_space(files: list[RemoteFile], home: Path) -> None:
    needed = sum(file.size or 0 for file in files)
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as exc:
        raise OutputError(f"{home} cannot be written: {exc}. Choose another folder.") from exc
    if free < needed:
        raise OutputError(f"{home} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed.")


def _fetch(file: RemoteFile, chosen: Release, home: Path, on_progress: OnProgress | None) -> None:
    extra: dict[str, Any] = {}
    if on_progress:
        on_progress(file.target, 0, file.size or 0)
        if "tqdm_class" in inspect.signature(huggingface_hub.hf_hub_download).parameters:
            extra["tqdm_class"] = _bar(file, on_progress)
    try:
        huggingface_hub.hf_hub_download(
            file.repo, file.path, revision=file.revision, local_dir=home / file.folder, **extra
        )
    except (hub.HfHubHTTPError, hub.EntryNotFoundError, httpx.HTTPError, OSError, ValueError) as exc:
        raise _mapped(exc, file, chosen, home) from exc
    if on_progress:
        size = (home / file.target).stat().st_size
        on_progress(file.target, size, size)


def _bar(file: RemoteFile, on_progress: OnProgress) -> type[Any]:
    """The hub reports progress to a tqdm class; this one shows nothing and hands the bytes on."""

    class Bar(tqdm):
        def __init__(self, *args: Any, **kwargs: Any) -> None:
            self._here = int(kwargs.get("initial") or 0)
            super().__init__(*args, **kwargs | {"disable": True})

        def update(self, n: float | None = 1) -> bool | None:
            self._here += int(n or 0)
            on_progress(file.target, self._here, file.size or 0)
            return None

    return Bar


def _mapped(exc: Exception, file: RemoteFile, chosen: Release, home: Path) -> LatentSyncError:
    code = getattr(exc, "errno", None)
    if code == errno.ENOSPC:
        return OutputError(
            f"The disk of {home} is full. Free some space; the download continues where it stopped."
        )
    if code in (errno.EACCES, errno.EPERM, errno.EROFS):
        return OutputError(f"{home} cannot be written: {exc}. Choose another folder.")
    reason = next(
        (text for kinds, text in _REASONS if isinstance(exc, kinds)), f"the download failed ({exc})"
    )
    return WeightsMissingError(
        f"{file.path} of {file.repo} was not fetched: {reason}. Run `python -m latentsync_core weights get "
        f"{chosen.name}` again to continue, set HF_ENDPOINT to a mirror of the hub, or download "
        f"https://huggingface.co/{file.repo}/resolve/{file.revision}/{file.path} by hand and put it at "
        f"{home / file.target}."
    )


def _verify(file: RemoteFile, home: Path) -> None:
    path = home / file.target
    digest = _sha256(path) if file.sha256 else None
    if not _is_here(file, home) or digest != file.sha256:
        raise WeightsMismatchError(
            f"{path} is not the published file: {path.stat().st_size} bytes with SHA-256 {digest}, expected "
            f"{file.size} and {file.sha256}. Delete it and fetch it again, without a mirror in HF_ENDPOINT."
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        for block in iter(lambda: file.read(1 << 20), b""):
            digest.update(block)
    return digest.hexdigest()
