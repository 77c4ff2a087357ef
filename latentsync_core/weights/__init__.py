"""Checkpoints: find, fetch, check, convert and load them.

What needs the networks is loaded when it is first used, so that a menu of checkpoints costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from .catalogue import RELEASES
from .download import download
from .elsewhere import folders_of_other_packs
from .locate import Checkpoint, default_folders, find_syncnet, locate
from .manifest import Manifest
from .report import Row, best, ranked, report

if TYPE_CHECKING:
    from .conversion import convert, write_checkpoint
    from .fresh import nano_networks, untrained
    from .judges import load_clip_encoder, load_syncnet
    from .load import load_models, load_unet, load_vae, load_whisper

_HOMES = {
    "conversion": ("convert", "write_checkpoint"),
    "fresh": ("nano_networks", "untrained"),
    "judges": ("load_clip_encoder", "load_syncnet"),
    "load": ("load_models", "load_unet", "load_vae", "load_whisper"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "RELEASES",
    "Checkpoint",
    "Manifest",
    "Row",
    "best",
    "convert",
    "default_folders",
    "download",
    "find_syncnet",
    "folders_of_other_packs",
    "load_clip_encoder",
    "load_models",
    "load_syncnet",
    "load_unet",
    "load_vae",
    "load_whisper",
    "locate",
    "nano_networks",
    "ranked",
    "report",
    "untrained",
    "write_checkpoint",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
