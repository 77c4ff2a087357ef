"""Diffusion, the only part that needs a GPU: crops and speech tokens of a window in, mouths out."""

from .denoise import Denoiser, draw_noise_frame
from .familiar import warn_of_strange_faces
from .store import WindowStore
from .windows import cross_fade

__all__ = ["Denoiser", "WindowStore", "cross_fade", "draw_noise_frame", "warn_of_strange_faces"]
