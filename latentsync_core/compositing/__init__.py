"""Blend the generated mouths back into the frames; nothing but the mouth's region changes."""

from .blend import blend_mask, surround
from .color import match_colors
from .paste import Patch, paste, spread_alpha
from .protect import check_protect, keep_source, read_masks

__all__ = [
    "Patch",
    "blend_mask",
    "check_protect",
    "keep_source",
    "match_colors",
    "paste",
    "read_masks",
    "spread_alpha",
    "surround",
]
