"""Blend the generated mouths back into the frames; nothing but the mouth's region changes."""

from .blend import blend_mask, surround
from .color import match_colors
from .paste import Pasted, no_alpha, paste
from .protect import check_protect, keep_source, read_masks

__all__ = [
    "Pasted",
    "blend_mask",
    "check_protect",
    "keep_source",
    "match_colors",
    "no_alpha",
    "paste",
    "read_masks",
    "surround",
]
