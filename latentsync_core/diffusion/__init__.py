"""Diffusion, the only part that needs a GPU: crops and speech tokens of windows in, mouths out."""

from .batch import settle_batch
from .denoise import Denoiser, WindowInput, draw_noise_frame
from .familiar import are_photographed, warn_of_strange_faces
from .pace import LEAST_WINDOWS, Pace, measure_pace
from .store import WindowStore, fingerprint_networks, fingerprint_weights
from .windows import cross_fade

__all__ = [
    "LEAST_WINDOWS",
    "Denoiser",
    "Pace",
    "WindowInput",
    "WindowStore",
    "are_photographed",
    "cross_fade",
    "draw_noise_frame",
    "fingerprint_networks",
    "fingerprint_weights",
    "measure_pace",
    "settle_batch",
    "warn_of_strange_faces",
]
