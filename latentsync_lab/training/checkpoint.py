"""The checkpoint that a run ends in."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

from accelerate import PartialState

from latentsync_core.partial import partial_path, remove_abandoned
from latentsync_core.weights import write_checkpoint


def replace_checkpoint(folder: Path, **parts: Any) -> None:
    """Write a checkpoint in the place of an older one; `parts` as of `write_checkpoint`."""
    if not PartialState().is_main_process:
        return
    remove_abandoned(folder)
    with partial_path(folder) as partial:
        write_checkpoint(partial, **parts)
        shutil.rmtree(folder, ignore_errors=True)
        partial.rename(folder)
