"""Checkpoints: find, fetch, check, convert and load them."""

from .catalogue import RELEASES
from .convert import convert, write_checkpoint
from .download import download
from .judges import load_clip_encoder, load_syncnet
from .load import load_models, load_unet, load_vae, load_whisper
from .locate import Checkpoint, default_folders, find_syncnet, locate
from .manifest import Manifest
from .report import Row, report
from .untrained import nano_networks, untrained

__all__ = [
    "RELEASES",
    "Checkpoint",
    "Manifest",
    "Row",
    "convert",
    "default_folders",
    "download",
    "find_syncnet",
    "load_clip_encoder",
    "load_models",
    "load_syncnet",
    "load_unet",
    "load_vae",
    "load_whisper",
    "locate",
    "nano_networks",
    "report",
    "untrained",
    "write_checkpoint",
]
