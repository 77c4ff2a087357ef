"""LatentSync Native: re-sync the mouth in a video to new speech.

    from latentsync_core import FileClip, lip_sync, load_models, read_audio

    for frame in lip_sync(FileClip("talk.mp4"), read_audio("new.wav"), load_models("1.6")):
        ...

Names are loaded when they are first used, so that importing the package costs nothing.
"""

from typing import TYPE_CHECKING

from .lazy import load_from

if TYPE_CHECKING:
    from .data import Clip, FaceTrack, Plan, Waveform
    from .errors import LatentSyncError
    from .media import FileClip, TensorClip, open_writer, read_audio
    from .metrics import Score, score
    from .models.bundle import LipSyncModels
    from .options import PRESETS, Options
    from .pipeline import lip_sync, make_plan, plan_sync, render
    from .plan import DubPlan, LinePlan
    from .speakers import find_face
    from .version import __version__
    from .weights import find_syncnet, load_models, load_syncnet


__all__ = [
    "PRESETS",
    "Clip",
    "DubPlan",
    "FaceTrack",
    "FileClip",
    "LatentSyncError",
    "LinePlan",
    "LipSyncModels",
    "Options",
    "Plan",
    "Score",
    "TensorClip",
    "Waveform",
    "__version__",
    "find_face",
    "find_syncnet",
    "lip_sync",
    "load_models",
    "load_syncnet",
    "make_plan",
    "open_writer",
    "plan_sync",
    "read_audio",
    "render",
    "score",
]

__getattr__ = load_from(
    __name__,
    {
        "data": ("Clip", "FaceTrack", "Plan", "Waveform"),
        "errors": ("LatentSyncError",),
        "media": ("FileClip", "TensorClip", "open_writer", "read_audio"),
        "metrics": ("Score", "score"),
        "models.bundle": ("LipSyncModels",),
        "options": ("PRESETS", "Options"),
        "pipeline": ("lip_sync", "make_plan", "plan_sync", "render"),
        "plan": ("DubPlan", "LinePlan"),
        "speakers": ("find_face",),
        "version": ("__version__",),
        "weights": ("find_syncnet", "load_models", "load_syncnet"),
    },
)
