"""Checkpoints: find, fetch, check, convert and load them.

What needs the networks is loaded when it is first used, so that a menu of checkpoints costs nothing.
"""

from typing import TYPE_CHECKING

from ..lazy import load_from
from .catalogue import RELEASES
from .download import download_release
from .elsewhere import folders_of_other_packs
from .locate import Checkpoint, default_folders, find_checkpoint, find_syncnet
from .manifest import Manifest
from .report import CheckpointRow, best_checkpoint, list_checkpoints, rank_checkpoints

if TYPE_CHECKING:
    from .conversion import convert_checkpoint, write_checkpoint
    from .evaluators import load_clip_encoder, load_syncnet
    from .load import load_models, load_unet, load_vae, load_whisper

__all__ = [
    "RELEASES",
    "Checkpoint",
    "Manifest",
    "CheckpointRow",
    "best_checkpoint",
    "convert_checkpoint",
    "default_folders",
    "download_release",
    "find_syncnet",
    "folders_of_other_packs",
    "load_clip_encoder",
    "load_models",
    "load_syncnet",
    "load_unet",
    "load_vae",
    "load_whisper",
    "find_checkpoint",
    "rank_checkpoints",
    "list_checkpoints",
    "write_checkpoint",
]

__getattr__ = load_from(
    __name__,
    {
        "conversion": ("convert_checkpoint", "write_checkpoint"),
        "evaluators": ("load_clip_encoder", "load_syncnet"),
        "load": ("load_models", "load_unet", "load_vae", "load_whisper"),
    },
)
