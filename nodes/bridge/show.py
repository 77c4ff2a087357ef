"""What a finished node shows: its report, and a player or images beside it."""

from __future__ import annotations

import os
from collections import deque
from pathlib import Path
from typing import Any

import folder_paths
from comfy_api.latest import io, ui

from .progress import send_text

PLAYABLE = 4

playing: deque[str | Path] = deque(maxlen=PLAYABLE)
"""The newest results: ComfyUI may drop them from its cache, and their files with them, while they are still shown."""


def show_report(report: str, node_id: str | None, preview: Any = None) -> dict[str, Any]:
    """Show a report on a node, and return its `ui`: the report, for results from ComfyUI's cache, and a preview.

    preview: one of ComfyUI's `ui` objects.
    """
    send_text(report, node_id)
    return {**(preview.as_dict() if preview else {}), "text": (report,)}


def make_player(path: str | Path | None) -> Any:
    """Return a preview that plays a file; None without one, or where it is in no folder that ComfyUI serves."""
    served = {
        io.FolderType.temp: folder_paths.get_temp_directory(),
        io.FolderType.output: folder_paths.get_output_directory(),
    }
    for kind, root in served.items():
        if path is not None and Path(path).is_relative_to(root):
            folder, name = os.path.split(os.path.relpath(path, root))
            playing.append(path)
            return ui.PreviewVideo([ui.SavedResult(name, folder, kind)])
    return None
