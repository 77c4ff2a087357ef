"""LatentSync Native: re-sync the mouth in a video to new speech.

    from latentsync_core import FileClip, lip_sync, load_models, read_audio

    for frame in lip_sync(FileClip("talk.mp4"), read_audio("new.wav"), load_models("1.6")):
        ...

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .data import Clip, FaceTrack, Plan, Waveform
    from .errors import LatentSyncError
    from .media import FileClip, TensorClip, open_writer, read_audio
    from .metrics import Score, score
    from .models.bundle import LipSyncModels
    from .options import PRESETS, Options
    from .pipeline import find_face, lip_sync, make_plan
    from .weights import find_syncnet, load_models, load_syncnet

__version__ = "0.1.0"

_HOMES = {
    "data": ("Clip", "FaceTrack", "Plan", "Waveform"),
    "errors": ("LatentSyncError",),
    "media": ("FileClip", "TensorClip", "open_writer", "read_audio"),
    "metrics": ("Score", "score"),
    "models.bundle": ("LipSyncModels",),
    "options": ("PRESETS", "Options"),
    "pipeline": ("find_face", "lip_sync", "make_plan"),
    "weights": ("find_syncnet", "load_models", "load_syncnet"),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}

__all__ = [
    "PRESETS",
    "Clip",
    "FaceTrack",
    "FileClip",
    "LatentSyncError",
    "LipSyncModels",
    "Options",
    "Plan",
    "Score",
    "TensorClip",
    "Waveform",
    "find_face",
    "find_syncnet",
    "lip_sync",
    "load_models",
    "load_syncnet",
    "make_plan",
    "open_writer",
    "read_audio",
    "score",
]


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_HOME[name]}", __name__), name)
