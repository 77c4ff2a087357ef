"""The platform's folders for a user's files."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal


def user_folder(kind: Literal["data", "state"]) -> Path:
    """Return the folder for data (checkpoints) or for state (keys, the journal of jobs); it need not exist.

    On Linux they are separate (XDG Base Directory Specification), on Windows and macOS one.
    """
    if sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    elif sys.platform == "darwin":
        base = Path.home() / "Library" / "Application Support"
    else:
        local = Path.home() / ".local"
        named, usual = {
            "data": ("XDG_DATA_HOME", local / "share"),
            "state": ("XDG_STATE_HOME", local / "state"),
        }[kind]
        base = Path(os.environ.get(named) or usual)
    return base / "latentsync"
