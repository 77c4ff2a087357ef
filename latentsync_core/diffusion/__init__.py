"""The only part that needs a GPU: crops and speech tokens of a window in, mouths out."""

from .denoise import Denoiser, noise_frame
from .familiar import STRANGE, lost_detail
from .store import WindowStore
from .windows import cross_fade

__all__ = ["STRANGE", "Denoiser", "WindowStore", "cross_fade", "lost_detail", "noise_frame"]
