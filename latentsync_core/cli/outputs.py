"""Files that a command writes: checked before the work, written after it."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from ..errors import OutputError


def check_apart(path: Path, *others: Path) -> None:
    """Raise OutputError if writing `path` would overwrite one of the others."""
    for other in others:
        if path.resolve() == other.resolve():
            raise OutputError(
                f"{path} is also read or written otherwise; choose another name for the result."
            )


def check_report(path: Path, *others: Path) -> None:
    """Raise OutputError now if `write_json` could not write there later, or would overwrite one of the others."""
    check_apart(path, *others)
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path} cannot be written: {path.parent} is not a folder that may be written to.")


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file; raises OutputError."""
    try:
        path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    except OSError as exc:
        raise OutputError(f"{path} cannot be written: {exc.strerror}.") from exc
