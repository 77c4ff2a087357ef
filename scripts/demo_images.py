"""What the demo draws."""

import cv2
import matplotlib

matplotlib.use("Agg")
import matplotlib.pyplot as plt
import numpy as np
from PIL import Image

from latentsync_lab.images import save_jpeg, telling_moments

SHEET_FRAMES, SHEET_BYTES, TILE = 7, 250_000, 200
ANIMATION = {"duration": 40, "loop": 0, "quality": 45, "method": 4}
"""Milliseconds a frame, repeated for ever, and WebP's quality and effort."""


def write_sheet(path, shown, new, old):
    """Stack source, result and truth where the true mouths `new` and `old` differ most."""
    picks = telling_moments(new, old, SHEET_FRAMES)
    rows = [
        np.hstack([_crop_tile(part[k]) for k in picks]) for part in (shown.source, shown.result, shown.truth)
    ]
    save_jpeg(path, np.vstack(rows), SHEET_BYTES)


def _crop_tile(frame):
    low, high = round(0.15 * len(frame)), round(0.85 * len(frame))
    return cv2.resize(frame[low:high, low:high], (TILE, TILE), interpolation=cv2.INTER_AREA)


def write_animation(path, images):
    """Write images (H, W, 3) uint8 as an animated WebP at 0.6 times their size."""
    small = [
        Image.fromarray(cv2.resize(p, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA)) for p in images
    ]
    small[0].save(path, save_all=True, append_images=small[1:], **ANIMATION)


def plot_openings(path, times, new, old, predicted):
    figure, axes = plt.subplots(figsize=(9, 2.8), constrained_layout=True)
    axes.plot(times, old, color="0.7", label="mouth of the source")
    axes.plot(times, new, color="black", label="what the new words ask for")
    axes.plot(times, predicted, color="tab:red", label="result, as read by the face mesh")
    axes.set(xlabel="seconds", ylabel="opening")
    figure.legend(loc="outside upper center", ncols=3, fontsize="small", frameon=False)
    _save(figure, path)


def plot_sync(path, curves):
    """Plot the sync curves by name."""
    figure, axes = plt.subplots(figsize=(6, 2.8), constrained_layout=True)
    for name, curve in curves.items():
        axes.plot(curve.offsets, curve.cosines, label=name)
    axes.set(xlabel="frames by which the new words are moved to later", ylabel="cosine")
    axes.legend(fontsize="small")
    _save(figure, path)


def _save(figure, path):
    figure.savefig(path, dpi=100)
    plt.close(figure)
