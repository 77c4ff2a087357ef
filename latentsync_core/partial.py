"""Results in the making: hidden beside their place, and cleaned away even where the process was killed."""

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
"""What another machine, or another process on Windows, did not touch for so long is nobody's any more."""

_ours: set[str] = set()
"""Names in use by this process."""


@contextmanager
def partial_path(target: Path, folder: Path | None = None) -> Iterator[Path]:
    """Give a new hidden name for a file or folder that becomes `target`; what still has it when the block ends goes.

    folder: where, by default beside `target`. The suffix is that of `target`.
    """
    folder = folder or target.parent
    name = f".{target.stem}.{_machine()}-{os.getpid()}-{uuid.uuid4().hex[:8]}.partial{target.suffix}"
    _ours.add(name)
    try:
        yield folder / name
    finally:
        _remove(folder / name)
        _ours.discard(name)


@contextmanager
def replacing(target: Path) -> Iterator[Path]:
    """Give a hidden file to write that takes the place of `target` when the block succeeds: whole, or not at all."""
    remove_abandoned(target)
    with partial_path(target) as partial:
        yield partial
        os.replace(partial, target)


def remove_abandoned(target: Path, folder: Path | None = None) -> None:
    """Remove what processes that are gone left of a `target`, with this or another suffix; see `partial_path`."""
    pattern = re.compile(rf"\.{re.escape(target.stem)}\.([0-9a-f]{{8}})-(\d+)-[0-9a-f]{{8}}\.partial(\.\w+)?")
    files: list[Path] = []
    with suppress(PermissionError):  # a folder may be written to and not listed
        files = list((folder or target.parent).iterdir())
    for path in files:
        if (match := pattern.fullmatch(path.name)) and not _in_use(path, match[1], int(match[2])):
            _remove(path)


def process_exists(pid: int) -> bool:
    """Whether a process of this machine is alive; True on Windows, where asking would send it Ctrl-C."""
    if os.name == "nt":
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        pass
    return True


def _machine() -> str:
    return f"{zlib.crc32(platform.node().encode()):08x}"


def _in_use(path: Path, machine: str, pid: int) -> bool:
    if machine == _machine() and pid == os.getpid():
        return path.name in _ours
    if machine == _machine() and os.name != "nt":
        return process_exists(pid)
    with suppress(OSError):
        return time.time() - path.stat().st_mtime < _ABANDONED_SECONDS
    return False


def _remove(path: Path) -> None:
    if path.is_dir():
        shutil.rmtree(path, ignore_errors=True)
    with suppress(OSError):
        path.unlink(missing_ok=True)
