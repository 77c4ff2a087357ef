"""Files in ComfyUI's temp folder that go when nobody needs them any more."""

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
"""A window takes 1 MB at 512 px and 0.25 MB at 256 px."""


class TempPath(str):
    """The path of a file that is removed when the last holder of this string lets go of it.

    A VIDEO holds its path, and so does every trimmed copy of it, so that the file lives as long as they do.
    """


def make_temp_file(suffix: str) -> TempPath:
    """A new name in ComfyUI's temp folder, which is made where it is missing."""
    folder = folder_paths.get_temp_directory()
    os.makedirs(folder, exist_ok=True)
    path = TempPath(os.path.join(folder, f"latentsync_{uuid.uuid4().hex}{suffix}"))
    weakref.finalize(path, _remove, str(path))
    return path


@contextmanager
def write_temp_copy(content: BytesIO) -> Iterator[str]:
    """Bytes as a file, for as long as the block runs."""
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
    """A folder for surveys of faces and finished windows, so that no run does again what another one did.

    They stay until ComfyUI, which empties its temp folder at its start, is restarted; beyond 4 GB those that were
    not used for longest go.
    """
    from ...latentsync_core.kept import prune

    folder = Path(folder_paths.get_temp_directory()) / "latentsync_kept"
    try:
        yield folder
    finally:
        prune(folder, KEPT_BYTES)
