"""Fetch a published checkpoint from the Hugging Face hub, only when asked to.

The hub's own `hf_hub_download` is not used: newer versions of it begin a file that was cut off anew, which for five
gigabytes matters, and cannot be stopped in the middle of one.
"""

from __future__ import annotations

import errno
import hashlib
import logging
import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import httpx
import huggingface_hub

from ..errors import LatentSyncError, OutputError, WeightsMismatchError, WeightsMissingError
from .catalogue import RemoteFile, release

log = logging.getLogger(__name__)

OnProgress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes of it that are here and its length (0 if unknown); raise to stop."""

_PIECE = 1 << 20
_TIMEOUT_SECONDS = 30.0
_ATTEMPTS = 5
"""Attempts in a row that bring nothing until the hub is given up."""
_LONGEST_PAUSE = 20.0
_PASSING = {408, 425, 429, 500, 502, 503, 504}
"""HTTP statuses after which the same request may succeed."""
_REASONS = {
    401: "the hub asks for a login: accept its terms on the page, then set HF_TOKEN",
    403: "the hub asks for a login: accept its terms on the page, then set HF_TOKEN",
    404: "the hub has no such file",
}


class _Unreachable(Exception):
    """An attempt that may succeed when it is made again."""


def download_release(
    name: str,
    folder: str | Path,
    on_progress: OnProgress | None = None,
    *,
    optional: bool = False,
    transport: httpx.BaseTransport | None = None,
) -> Path:
    """Fetch release `1.5` or `1.6` into `folder`/LatentSync-<name> and return that folder.

    Files that are there in full are kept, others continue where they stopped, and each new one takes its name
    only when it has the published length and SHA-256. optional: StableSyncNet as well, which only scores need.
    transport: what carries the requests; None is the network.
    What `on_progress` raises passes through and stops the download between two pieces of a megabyte.
    Raises OptionError (no such release), WeightsMissingError (the hub does not give the file),
    WeightsMismatchError (it arrived damaged) and OutputError (disk full or not writable).
    """
    chosen = release(name)
    home = Path(folder) / chosen.folder_name
    files = [file for file in chosen.files if optional or not file.optional]
    wanted = [file for file in files if not _is_here(file, home)]
    _check_space(wanted, home)
    with httpx.Client(transport=transport, follow_redirects=True, timeout=_TIMEOUT_SECONDS) as client:
        for file in wanted:
            log.info("Fetching %s of %s into %s.", file.path, file.repo, home)
            try:
                _fetch(client, file, home, on_progress)
            except (httpx.HTTPError, _Unreachable, OSError) as exc:
                raise _mapped(exc, file, name, home) from exc
    return home


def _is_here(file: RemoteFile, home: Path) -> bool:
    path = home / file.target
    return path.is_file() and file.size in (None, path.stat().st_size)


def _part(file: RemoteFile, home: Path) -> Path:
    return home / f"{file.target}.part"


def _length(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_space(files: list[RemoteFile], home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as exc:
        raise OutputError(f"{home} cannot be written: {exc}. Choose another folder.") from exc
    needed = sum(max(0, (file.size or 0) - _length(_part(file, home))) for file in files)
    if free < needed:
        raise OutputError(f"{home} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed.")


def _fetch(client: httpx.Client, file: RemoteFile, home: Path, on_progress: OnProgress | None) -> None:
    """Receive a file in as many attempts as it takes, and put it in its place if it is the published one."""
    part, failures = _part(file, home), 0
    part.parent.mkdir(parents=True, exist_ok=True)

    def report(done: int) -> None:
        if on_progress is not None:
            on_progress(file.target, done, file.size or 0)

    while True:
        before = _length(part)
        try:
            _receive(client, file, part, report)
            break
        except (httpx.TransportError, _Unreachable) as exc:
            failures = failures + 1 if _length(part) <= before else 0
            if failures == _ATTEMPTS or huggingface_hub.constants.HF_HUB_OFFLINE:
                raise
            log.warning("Fetching %s goes on after an error: %s", file.path, exc)
            time.sleep(min(_LONGEST_PAUSE, 2.0**failures))
    _verify(file, part)
    os.replace(part, home / file.target)


def _receive(client: httpx.Client, file: RemoteFile, part: Path, report: Callable[[int], None]) -> None:
    """Add what is missing of a file; of one whose length nobody knows, that is all of it."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        raise _Unreachable("HF_HUB_OFFLINE is set")
    done = _length(part) if file.size is not None and _length(part) <= file.size else 0
    report(done)
    if done == file.size:
        return
    url = huggingface_hub.hf_hub_url(file.repo, file.path, revision=file.revision)
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={done}-"}
    if token := huggingface_hub.get_token():
        headers["Authorization"] = f"Bearer {token}"
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code in _PASSING:
            raise _Unreachable(f"HTTP {response.status_code}")
        response.raise_for_status()
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            done = 0
        with part.open("ab" if done else "wb") as content:
            for piece in response.iter_bytes(_PIECE):
                content.write(piece)
                done += len(piece)
                report(done)


def _verify(file: RemoteFile, part: Path) -> None:
    size, digest = part.stat().st_size, _sha256(part)
    if size != (file.size or size) or digest != (file.sha256 or digest):
        part.unlink()  # what follows it could not mend it
        raise WeightsMismatchError(
            f"{file.path} of {file.repo} arrived as {size} bytes with SHA-256 {digest}; {file.size} and {file.sha256} "
            "are published. It was not kept; fetch it again, without a mirror in HF_ENDPOINT."
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_PIECE):
            digest.update(block)
    return digest.hexdigest()


def _mapped(exc: Exception, file: RemoteFile, name: str, home: Path) -> LatentSyncError:
    code = getattr(exc, "errno", None)
    if code == errno.ENOSPC:
        return OutputError(
            f"The disk of {home} is full. Free some space; the download continues where it stopped."
        )
    if isinstance(exc, OSError):
        return OutputError(f"{home} cannot be written: {exc}. Choose another folder.")
    reason = f"the hub cannot be reached ({exc})"
    if isinstance(exc, httpx.HTTPStatusError):
        status = exc.response.status_code
        reason = _REASONS.get(status, f"the hub answers HTTP {status}")
    return WeightsMissingError(
        f"{file.path} of {file.repo} was not fetched: {reason}. Run `python -m latentsync_core weights get "
        f"{name}` again to continue, set HF_ENDPOINT to a mirror of the hub, or download "
        f"https://huggingface.co/{file.repo}/resolve/{file.revision}/{file.path} by hand and put it at "
        f"{home / file.target}."
    )
