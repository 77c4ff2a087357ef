"""Checkpoints: find, fetch, check, convert and load them.

What needs the networks is loaded when it is first used, so that a menu of checkpoints costs nothing.
"""

from typing import TYPE_CHECKING

from ..lazy import load_from
from .catalogue import RELEASES
from .download import download
from .elsewhere import folders_of_other_packs
from .locate import Checkpoint, default_folders, find_syncnet, locate
from .manifest import Manifest
from .report import CheckpointRow, best, rank_checkpoints, report

if TYPE_CHECKING:
    from .conversion import convert, write_checkpoint
    from .judges import load_clip_encoder, load_syncnet
    from .load import load_models, load_unet, load_vae, load_whisper

__all__ = [
    "RELEASES",
    "Checkpoint",
    "Manifest",
    "CheckpointRow",
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
    "rank_checkpoints",
    "report",
    "write_checkpoint",
]

__getattr__ = load_from(
    __name__,
    {
        "conversion": ("convert", "write_checkpoint"),
        "judges": ("load_clip_encoder", "load_syncnet"),
        "load": ("load_models", "load_unet", "load_vae", "load_whisper"),
    },
)
