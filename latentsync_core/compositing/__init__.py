"""Put the generated mouths back into the frames, touching nothing but the mouth's region."""

from .blend import blend_mask, match_colors, surround
from .paste import paste, paste_upstream

__all__ = ["blend_mask", "match_colors", "paste", "paste_upstream", "surround"]
