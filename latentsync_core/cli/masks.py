"""The masks of `--protect`."""

from __future__ import annotations

import argparse

from ..compositing import check_protect
from ..data import Clip
from ..media import open_clip


def open_masks(args: argparse.Namespace, clip: Clip) -> Clip | None:
    """Open the masks of `--protect`, if there are any; raises InputError where they do not fit the clip."""
    if args.protect is None:
        return None
    masks = open_clip(args.protect)
    check_protect(masks, clip)
    return masks
