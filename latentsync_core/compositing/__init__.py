"""Blend the generated mouths back into the frames; nothing but the mouth's region changes."""

from .blend import blend_mask, surround
from .color import match_colors
from .paste import Pasted, no_alpha, paste

__all__ = ["Pasted", "blend_mask", "match_colors", "no_alpha", "paste", "surround"]
