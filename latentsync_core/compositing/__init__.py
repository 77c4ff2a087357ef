"""Put the generated mouths back into the frames, touching nothing but the mouth's region."""

from .blend import blend_mask, match_colors, surround
from .paste import Pasted, no_alpha, paste

__all__ = ["Pasted", "blend_mask", "match_colors", "no_alpha", "paste", "surround"]
