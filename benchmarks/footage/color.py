"""Measure how well the colours of a mouth are matched: known errors on mouths of the same person three frames later.

The stand-in paints the mouth of three frames later (the same light, other lips) into windows of 16 frames; then its
colours are disturbed. Prints the error that is left in the painted part, in grey levels, as the mean of the persons and
the worst; and by how much the correction of `inside +10` changes from a window to the next, 12 frames later. There the
mouths are of three frames later and earlier in turn, because a head that turns one way changes its shading one way.
Contact sheet: output/footage/color.jpg.

    python benchmarks/footage/color.py MEDIA_FOLDER
"""

import cv2
import numpy as np
from common import load_footage, media_argument, write_sheet

from latentsync_core.compositing import blend_mask, match_colors
from latentsync_core.faces import crop_face, keep_mask

CLIPS = ("vr_2", "vr_4", "vr_3", "vr_5")
RESOLUTION, WINDOW, STRIDE, LATER = 256, 16, 12, 3
FIRST = 20
X = (np.arange(RESOLUTION) / RESOLUTION - 0.5)[None, :, None]
KEEP = keep_mask(RESOLUTION)
INSIDE = cv2.GaussianBlur(1 - KEEP, (0, 0), RESOLUTION / 64)[..., None]
DISTURBED = {
    "nothing": 0 * X,
    "all +10": 10 + 0 * X,
    "inside +10": 10 * INSIDE,
    "inside warm": np.array([8, 0, -8]) * INSIDE,
    "inside slope +-10": 20 * X * INSIDE,
    "slope +-10": 20 * X,
    "background +40": 40 * (np.abs(X) > 0.42) + 0 * INSIDE,
}
SHOWN = ("inside warm", "inside slope +-10", "background +40")


def main():
    media = media_argument(__doc__)
    left, before = ({name: [] for name in DISTURBED} for _ in range(2))
    steps, tiles, labels = [], [], []
    for clip in CLIPS:
        footage = load_footage(media, clip)
        pairs = zip(footage.frames, footage.matrices(RESOLUTION), strict=True)
        crops = np.stack([crop_face(frame, matrix, RESOLUTION) for frame, matrix in pairs])
        for name, change in DISTURBED.items():
            mouths, window, right = make_window(crops, FIRST, change)
            matched = match_colors(mouths.copy(), window, KEEP)
            before[name].append(error(mouths, right))
            left[name].append(error(matched, right))
            if name in SHOWN:
                tiles += [blend(image[0], window[0]) for image in (right, mouths, matched)]
                labels += [f"{clip} right", f"{name}: disturbed", "matched"]
        steps.append(measure_step(crops))
    for name in DISTURBED:
        print(
            f"{name:18} {np.mean(before[name]):5.2f} off, {np.mean(left[name]):.2f} left, worst {max(left[name]):.2f}"
        )
    print(f"from window to window the correction changes by {np.mean(steps):.2f}, at most {max(steps):.2f}")
    write_sheet("color", tiles, labels, 3, 300)


def make_window(crops, first, change, in_turn=False):
    """Return disturbed mouths, their crops, and the mouths as they should be, each (16, R, R, 3)."""
    frames = first + np.arange(WINDOW)
    others = frames + LATER * np.where(in_turn & (frames % 2 == 0), -1, 1)
    window = crops[frames]
    right = crops[others] * INSIDE + window * (1 - INSIDE)
    return (right + change).astype(np.float32), window, right


def error(mouths, right):
    return np.abs(mouths - right)[:, KEEP < 0.5].mean()


def measure_step(crops):
    corrections = []
    for first in range(LATER, len(crops) - WINDOW - LATER, STRIDE):
        mouths, window, _ = make_window(crops, first, DISTURBED["inside +10"], in_turn=True)
        corrections.append((match_colors(mouths.copy(), window, KEEP) - mouths)[0, KEEP < 0.5])
    return np.mean([np.abs(a - b).mean() for a, b in zip(corrections, corrections[1:], strict=False)])


def blend(mouth, crop):
    alpha = blend_mask(KEEP, 0.06)[..., None]
    return np.clip(crop + alpha * (mouth - crop), 0, 255).astype(np.uint8)


if __name__ == "__main__":
    main()
