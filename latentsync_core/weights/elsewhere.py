"""Where other packs keep LatentSync's files in a ComfyUI: read, and never written to."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

_PACKS = ("*[Ll]atent[Ss]ync*", ".disabled/*[Ll]atent[Ss]ync*")
"""Folders of packs; ComfyUI-Manager moves those that are switched off into `.disabled`."""


def folders_of_other_packs(models: Iterable[Path], custom_nodes: Iterable[Path]) -> list[Path]:
    """List folders that may hold a checkpoint, themselves or one level down.

    models: such as ComfyUI/models and its `checkpoints`, for a download as `LatentSync-1.6` in one of them.
    custom_nodes: where packs are installed; each keeps its files in a folder `checkpoints` of its own.
    """
    packs = (pack for root in custom_nodes for pattern in _PACKS for pack in sorted(root.glob(pattern)))
    return [folder for folder in [*models, *(pack / "checkpoints" for pack in packs)] if folder.is_dir()]


def folders_of_own_comfyui() -> list[Path]:
    """List such folders and that of our nodes, if this library lies in the custom_nodes of a ComfyUI; else none."""
    installed = Path(__file__).resolve().parents[3]
    if installed.name != "custom_nodes":
        return []
    models = installed.parent / "models"
    return [models / "latentsync", *folders_of_other_packs([models, models / "checkpoints"], [installed])]
