"""A cache on disk of results that took long, keyed by what they depend on.

It only saves time: what cannot be read is computed again, and where nothing can be written the work goes on without.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from safetensors import SafetensorError
from safetensors.numpy import load_file, save_file

from .data import Array
from .errors import InputError
from .partial import replacing

log = logging.getLogger(__name__)
T = TypeVar("T")

SUFFIX = ".safetensors"

_OURS = re.compile(r"\.?[a-z]+-[0-9a-f]{32}(\.[0-9a-f-]+\.partial)?\.safetensors")
"""The names of results, and of partial files that a killed process left."""


class Kept:
    """Named arrays in a folder, one file per result, of a kind such as `window`."""

    def __init__(self, folder: Path, kind: str) -> None:
        self._folder, self._kind, self._writable = folder, kind, not folder.is_symlink()

    def load(self, key: str, read: Callable[[dict[str, Array]], T]) -> T | None:
        """Return what `read` makes of a result, None if there is none; marks it as just used (see `prune`)."""
        path = self._path(key)
        try:
            result = read(load_file(path))
            os.utime(path)
            return result
        except FileNotFoundError:
            return None
        except (SafetensorError, OSError, KeyError, InputError) as exc:
            log.warning(
                "A finished %s in %s cannot be read and is made again: %s.", self._kind, self._folder, exc
            )
            return None

    def save(self, key: str, arrays: dict[str, Array]) -> None:
        """Store a result; warns, once, where it cannot be written."""
        if not self._writable:
            return
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            with replacing(self._path(key)) as partial:
                save_file(arrays, partial)
        except (SafetensorError, OSError) as exc:
            self._writable = False
            log.warning("A finished %s is no longer kept in %s: %s.", self._kind, self._folder, exc)

    def _path(self, key: str) -> Path:
        return self._folder / f"{self._kind}-{key}{SUFFIX}"


def prune(folder: Path, most: int) -> None:
    """Remove the least recently used results from a folder until at most `most` bytes are left."""
    files = {path: path.stat() for path in folder.glob(f"*{SUFFIX}")}
    size = sum(status.st_size for status in files.values())
    for path, status in sorted(files.items(), key=lambda file: file[1].st_mtime_ns):
        if size <= most:
            break
        path.unlink(missing_ok=True)
        size -= status.st_size


def forget(folder: Path) -> None:
    """Remove all results from a folder, and the folder if nothing else is in it.

    Other files belong to somebody else and stay, as does a link. What cannot be removed stays as well.
    """
    if folder.is_symlink() or not folder.is_dir():
        return
    with suppress(OSError):
        for path in folder.iterdir():
            if _OURS.fullmatch(path.name):
                path.unlink(missing_ok=True)
        folder.rmdir()
