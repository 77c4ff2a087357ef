"""Partial files: hidden beside their target until complete, and cleaned up even if the process was killed."""

from __future__ import annotations

import os
import platform
import re
import shutil
import time
import uuid
import zlib
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_ABANDONED_SECONDS = 86400.0
"""A partial file of another machine, or on Windows of another process, untouched for so long, is abandoned."""

_ours: set[str] = set()
"""Names in use by this process."""


@contextmanager
def partial_path(target: Path, folder: Path | None = None) -> Iterator[Path]:
    """Give a new hidden name for a file or folder that becomes `target`; remove it if it is there at the block's end.

    folder: where, by default beside `target`. The suffix is that of `target`.
    """
    folder = folder or target.parent
    name = f".{target.stem}.{_hash_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.partial{target.suffix}"
    _ours.add(name)
    try:
        yield folder / name
    finally:
        _remove(folder / name)
        _ours.discard(name)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a hidden file to write, which replaces `target` when the block succeeds: whole, or not at all."""
    remove_abandoned(target)
    with partial_path(target) as partial:
        yield partial
        os.replace(partial, target)


def remove_abandoned(target: Path, folder: Path | None = None) -> None:
    """Remove partial files of `target`, of any suffix, whose processes have ended; see `partial_path`."""
    pattern = re.compile(rf"\.{re.escape(target.stem)}\.([0-9a-f]{{8}})-(\d+)-[0-9a-f]{{8}}\.partial(\.\w+)?")
    files: list[Path] = []
    with suppress(PermissionError):  # a folder may be written to and not listed
        files = list((folder or target.parent).iterdir())
    for path in files:
        if (match := pattern.fullmatch(path.name)) and not _is_in_use(path, match[1], int(match[2])):
            _remove(path)


def process_exists(pid: int) -> bool:
    """Tell whether a process of this machine is alive; True on Windows, where asking would send it Ctrl-C."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _hash_machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _is_in_use(path: Path, machine: str, pid: int) -> bool:
    # A folder may be shared over a network, and a process id says nothing about another machine: there, and on
    # Windows, age alone decides.
    if machine == _hash_machine() and pid == os.getpid():
        return path.name in _ours
    if machine == _hash_machine() and os.name != "nt":
        return process_exists(pid)
    with suppress(OSError):
        return time.time() - path.stat().st_mtime < _ABANDONED_SECONDS
    return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink(missing_ok=True)
