"""Files in ComfyUI's temp folder that are removed when they are no longer needed."""

from __future__ import annotations

import os
import uuid
import weakref
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from io import BytesIO
from pathlib import Path

import folder_paths

KEPT_BYTES = 4 * 2**30
"""Bytes of kept results. A window takes 1 MB at 512 px and 0.25 MB at 256 px."""


class TempPath(str):
    """The path of a file that is removed when the last reference to this string goes.

    A VIDEO refers to its path, and so does every trimmed copy of it, so that the file lives as long as they do.
    """


def make_temp_file(suffix: str) -> TempPath:
    """Return a new path in ComfyUI's temp folder, which is made where it is missing."""
    folder = folder_paths.get_temp_directory()
    os.makedirs(folder, exist_ok=True)
    path = TempPath(os.path.join(folder, f"latentsync_{uuid.uuid4().hex}{suffix}"))
    weakref.finalize(path, _remove, str(path))
    return path


@contextmanager
def write_temp_copy(content: BytesIO) -> Iterator[str]:
    """Give a file with these bytes, which is removed when the block ends."""
    path = make_temp_file(".video")
    try:
        Path(path).write_bytes(content.getbuffer())
        yield path
    finally:
        _remove(path)


def _remove(path: str) -> None:
    # A player on Windows may still have it open; ComfyUI empties the folder at its start.
    with suppress(OSError):
        os.unlink(path)


@contextmanager
def keep_results() -> Iterator[Path]:
    """Give a folder for detected faces and finished windows, so that no run computes again what another one did.

    They stay until the next start of ComfyUI, which empties its temp folder; beyond 4 GB the least recently used go.
    """
    from ...latentsync_core.kept import prune

    folder = Path(folder_paths.get_temp_directory()) / "latentsync_kept"
    try:
        yield folder
    finally:
        prune(folder, KEPT_BYTES)


def count_windows(folder: Path) -> int:
    """Return how many finished windows a folder of kept results holds."""
    return sum(1 for _ in folder.glob("window-*"))
