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
from .catalogue import RemoteFile, find_release

log = logging.getLogger(__name__)

OnProgress = Callable[[str, int, int], None]
"""Called with the file's name, the bytes of it that have arrived and its length (0 if unknown); raise to stop."""

_CHUNK_BYTES = 1 << 20
_TIMEOUT_SECONDS = 30.0

_ATTEMPTS = 5
"""Attempts in a row without a new byte, after which the download fails."""
_MAX_PAUSE_SECONDS = 20.0

_TRANSIENT_STATUSES = {408, 425, 429, 500, 502, 503, 504}
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
    transport: of httpx, for tests; None is the network.
    What `on_progress` raises passes through and stops the download between two chunks of a megabyte.
    Raises OptionError (no such release), WeightsMissingError (the hub does not give the file),
    WeightsMismatchError (it arrived damaged) and OutputError (disk full or not writable).
    """
    chosen = find_release(name)
    home = Path(folder) / chosen.folder_name
    files = [file for file in chosen.files if optional or not file.optional]
    missing = [file for file in files if not _is_here(file, home)]
    _check_space(missing, home)
    with httpx.Client(transport=transport, follow_redirects=True, timeout=_TIMEOUT_SECONDS) as client:
        for file in missing:
            log.info("Fetching %s of %s into %s.", file.path, file.repo, home)
            try:
                _fetch(client, file, home, on_progress)
            except (httpx.HTTPError, _Unreachable, OSError) as exc:
                raise _to_library_error(exc, file, name, home) from exc
    return home


def _is_here(file: RemoteFile, home: Path) -> bool:
    path = home / file.target
    return path.is_file() and file.size in (None, path.stat().st_size)


def _part_of(file: RemoteFile, home: Path) -> Path:
    # One name in all runs, and not `partial.replacing`, which removes what a failed run leaves: a later run goes on.
    return home / f"{file.target}.part"


def _length_of(path: Path) -> int:
    return path.stat().st_size if path.exists() else 0


def _check_space(files: list[RemoteFile], home: Path) -> None:
    try:
        home.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(home).free
    except OSError as exc:
        raise OutputError(f"{home} cannot be written: {exc}. Choose another folder.") from exc
    needed = sum(max(0, (file.size or 0) - _length_of(_part_of(file, home))) for file in files)
    if free < needed:
        raise OutputError(f"{home} has {free / 1e9:.1f} GB free and {needed / 1e9:.1f} GB are needed.")


def _fetch(client: httpx.Client, file: RemoteFile, home: Path, on_progress: OnProgress | None) -> None:
    """Receive a file in as many attempts as it takes, check it, and give it its name."""
    part, failures = _part_of(file, home), 0
    part.parent.mkdir(parents=True, exist_ok=True)

    def report(done: int) -> None:
        if on_progress is not None:
            on_progress(file.target, done, file.size or 0)

    while True:
        before = _length_of(part)
        # An attempt that brought bytes resets the count: a connection that breaks every minute still gets there.
        try:
            _receive(client, file, part, report)
            break
        except (httpx.TransportError, _Unreachable) as exc:
            failures = failures + 1 if _length_of(part) <= before else 0
            if failures == _ATTEMPTS or huggingface_hub.constants.HF_HUB_OFFLINE:
                raise
            log.warning("Fetching %s goes on after an error: %s", file.path, exc)
            time.sleep(min(_MAX_PAUSE_SECONDS, 2.0**failures))
    _verify(file, part)
    os.replace(part, home / file.target)


def _receive(client: httpx.Client, file: RemoteFile, part: Path, report: Callable[[int], None]) -> None:
    """Append what is missing of a file to `part`; a file of unknown length is received from its start."""
    if huggingface_hub.constants.HF_HUB_OFFLINE:
        raise _Unreachable("HF_HUB_OFFLINE is set")
    done = _length_of(part) if file.size is not None and _length_of(part) <= file.size else 0
    report(done)
    if done == file.size:
        return
    url = huggingface_hub.hf_hub_url(file.repo, file.path, revision=file.revision)
    headers = {"Accept-Encoding": "identity", "Range": f"bytes={done}-"}
    if token := huggingface_hub.get_token():
        headers["Authorization"] = f"Bearer {token}"
    with client.stream("GET", url, headers=headers) as response:
        if response.status_code in _TRANSIENT_STATUSES:
            raise _Unreachable(f"HTTP {response.status_code}")
        response.raise_for_status()
        # A server that ignores the range sends the whole file: appended, it would be damaged.
        if response.status_code != httpx.codes.PARTIAL_CONTENT:
            done = 0
        with part.open("ab" if done else "wb") as content:
            for chunk in response.iter_bytes(_CHUNK_BYTES):
                content.write(chunk)
                done += len(chunk)
                report(done)


def _verify(file: RemoteFile, part: Path) -> None:
    size, digest = part.stat().st_size, _sha256(part)
    if size != (file.size or size) or digest != (file.sha256 or digest):
        part.unlink()  # continuing it would not repair it
        raise WeightsMismatchError(
            f"{file.path} of {file.repo} arrived as {size} bytes with SHA-256 {digest}; {file.size} and {file.sha256} "
            "are published. It was not kept; fetch it again, without a mirror in HF_ENDPOINT."
        )


def _sha256(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(_CHUNK_BYTES):
            digest.update(block)
    return digest.hexdigest()


def _to_library_error(exc: Exception, file: RemoteFile, name: str, home: Path) -> LatentSyncError:
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
