"""Where this platform keeps what a program needs for one user."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from typing import Literal


def user_folder(kind: Literal["data", "state"]) -> Path:
    """The folder for data (checkpoints) or for state (keys, the journal of jobs); it need not exist.

    Linux keeps them apart (XDG Base Directory Specification), Windows and macOS together.
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
