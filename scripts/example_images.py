"""Thumbnails of the examples: what went in above what came out, at the moments where they differ most."""

import cv2
import numpy as np

from latentsync_lab.images import telling_moments, write_label

MOMENTS = 3
WIDTH = 480
CHANGED = 24
"""Levels by which a pixel has to differ somewhere in the clip to count as changed."""
ROOM = 2.4
"""Side of what is shown, in sides of what was changed."""
ROOM_BESIDE = 1.5
"""Width of what is shown at least, in widths of what was changed."""


def make_thumbnail(before, after):
    """Make one image of WIDTH pixels out of two lists of frames (H, W, 3) uint8, which begin together."""
    rows = [np.hstack(row) for row in zip(*cut_moments(before, after, WIDTH // MOMENTS), strict=True)]
    return np.vstack([add_label(row, text) for row, text in zip(rows, ("before", "after"), strict=True)])


def cut_moments(before, after, width):
    """Cut out the telling moments, so wide: [(before, after), ...]."""
    pairs = list(zip(before, after, strict=False))
    changes = [np.abs(old.astype(int) - new).max(-1) for old, new in pairs]
    region = find_region(np.max(changes, axis=0))
    moments = telling_moments([change.mean() for change in changes], [0] * len(changes), MOMENTS)
    return [[shrink_to(frame[region], width) for frame in pairs[i]] for i in moments]


def find_region(change):
    """Return rows and columns around what was changed: a square, or what is wider if several people were."""
    spots = np.nonzero(change > CHANGED)
    spans = [np.ptp(spot) for spot in spots]
    side = min(*change.shape, ROOM * max(spans))
    sizes = side, min(change.shape[1], max(side, ROOM_BESIDE * spans[1]))
    middle = [(spot.min() + spot.max()) // 2 for spot in spots]
    middle[0] -= side // 8  # a face is above its mouth
    starts = [
        int(np.clip(m - size // 2, 0, n - size))
        for m, size, n in zip(middle, sizes, change.shape, strict=True)
    ]
    return tuple(slice(start, start + int(size)) for start, size in zip(starts, sizes, strict=True))


def shrink_to(image, width):
    return cv2.resize(
        image, (width, round(len(image) * width / image.shape[1])), interpolation=cv2.INTER_AREA
    )


def add_label(row, text):
    return write_label(np.ascontiguousarray(row), text, (8, row.shape[0] - 10))


def write_animation(path, before, after, side=192, every=2, fps=25):
    """Write an animated WebP of both, side by side, for a help page."""
    from PIL import Image

    pairs = list(zip(before, after, strict=False))
    region = find_region(np.max([np.abs(old.astype(int) - new).max(-1) for old, new in pairs], axis=0))
    frames = [np.hstack([frame[region] for frame in pair]) for pair in pairs[::every]]
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
