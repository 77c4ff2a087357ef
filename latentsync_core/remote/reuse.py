"""Use a result again that is already here: find it by its hash, and copy it to this run's output."""

from __future__ import annotations

import shutil
from pathlib import Path

from ..errors import OutputError
from ..partial import replacing
from .entry import Entry
from .sources import hash_file
from .states import RESULT_HERE
from .threads import Work


def find_reusable(entry: Entry, output: Path, work: Work) -> Path | None:
    """Return a finished job's file, at `output` or where an earlier run put it, if it is still what was downloaded."""
    if entry.state not in RESULT_HERE:
        return None
    for path in (output, Path(entry.result_path)):
        if path.is_file() and hash_file(path, work) == entry.result_sha256:
            return path
    return None


def put_copy(source: Path, target: Path) -> None:
    """Copy a file so that it appears at once and whole; raises OutputError."""
    if source.absolute() == target.absolute():
        return
    try:
        with replacing(target) as partial:
            shutil.copyfile(source, partial)
    except OSError as exc:
        raise OutputError(f"{target} cannot be written: {exc.strerror}. Choose another name.") from exc
