"""Thumbnails of the examples: what went in above what came out, at the moments where they differ most."""

import cv2
import numpy as np

from latentsync_lab.images import telling_moments

MOMENTS = 3
WIDTH = 480
CHANGED = 24
"""Levels by which a pixel has to differ somewhere in the clip to count as changed."""
ROOM = 2.4
"""Side of what is shown, in sides of what was changed."""


def make_thumbnail(before, after):
    """Make one image of WIDTH pixels out of two lists of frames (H, W, 3) uint8, which begin together."""
    rows = [np.hstack(row) for row in zip(*cut_moments(before, after, WIDTH // MOMENTS), strict=True)]
    return np.vstack([add_label(row, text) for row, text in zip(rows, ("before", "after"), strict=True)])


def cut_moments(before, after, side):
    """Cut out the telling moments, side x side: [(before, after), ...]."""
    pairs = list(zip(before, after, strict=False))
    changes = [np.abs(old.astype(int) - new).max(-1) for old, new in pairs]
    top, left, size = find_region(np.max(changes, axis=0))
    moments = telling_moments([change.mean() for change in changes], [0] * len(changes), MOMENTS)
    cut = [[frame[top : top + size, left : left + size] for frame in pairs[i]] for i in moments]
    return [[cv2.resize(part, (side, side), interpolation=cv2.INTER_AREA) for part in pair] for pair in cut]


def find_region(change):
    """Return top, left and side of a square around what was changed."""
    ys, xs = np.nonzero(change > CHANGED)
    side = int(min(*change.shape, ROOM * max(np.ptp(ys), np.ptp(xs))))
    middle = (ys.min() + ys.max()) // 2 - side // 8, (xs.min() + xs.max()) // 2  # a face is above its mouth
    return *(
        int(np.clip(m - side // 2, 0, n - side)) for m, n in zip(middle, change.shape, strict=True)
    ), side


def add_label(row, text):
    row = np.ascontiguousarray(row)
    for color, width in (((0, 0, 0), 3), ((255, 255, 255), 1)):
        cv2.putText(
            row, text, (8, row.shape[0] - 10), cv2.FONT_HERSHEY_SIMPLEX, 0.5, color, width, cv2.LINE_AA
        )
    return row


def write_animation(path, before, after, side=192, every=2, fps=25):
    """Write an animated WebP of both, side by side, for a help page."""
    from PIL import Image

    pairs = list(zip(before, after, strict=False))
    top, left, size = find_region(
        np.max([np.abs(old.astype(int) - new).max(-1) for old, new in pairs], axis=0)
    )
    frames = [np.hstack([f[top : top + size, left : left + size] for f in pair]) for pair in pairs[::every]]
    images = [Image.fromarray(cv2.resize(f, (2 * side, side), interpolation=cv2.INTER_AREA)) for f in frames]
    images[0].save(
        path,
        save_all=True,
        append_images=images[1:],
        duration=1000 * every // fps,
        loop=0,
        quality=60,
        method=6,
    )
