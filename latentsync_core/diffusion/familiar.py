"""Whether faces are of the kind that a checkpoint was trained on."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import Clip, FaceTrack, Plan
from ..faces import align_track, crop_size, measure_detail, warp_crop
from ..faces.crop import to_square
from ..models.bundle import LipSyncModels
from .latents import LatentCodec, to_crops, to_pixels

STRANGE = 0.61
"""`measure_lost_detail` above which faces are not those that `nano` was made for.

Measured crop by crop, on up to 120 crops of 60 drawn people, 94 of photographs and videos of people, and 26 of
paintings and generated images, as they are and under 20 changes. The limit lies in the gap: drawn crops as they
are give 0.34 to 0.574, photographs 0.647 to 1.01. Compressed (x264 at crf 23 to 33, JPEG at 30), 64 to 300 pixels
wide, brighter (x1.4), tinted or blurred by 1 pixel of the crop, drawn ones give up to 0.613 and photographs from
0.602 on; with noise of sigma 8, up to 0.648 and from 0.655. Of photographs, however changed, at most 2.2 % lie
below the limit. Drawn ones that changed much lie above it: grey or sharpened 5 %, gamma 0.6 or 1.6 18 and 8 %, at
half the brightness 15 %, at crf 40 22 %, with noise of sigma 16 42 %, blurred by 2 pixels or at a fifth of the
brightness all. Paintings give 0.55 to 0.84, nearly all above, and 15 anime faces 0.70 to 0.84: they pass for
photographs. The median over a few frames of a clip varies less.
"""
SAMPLED_FRAMES = 5
"""Frames of a clip by which its faces are classified."""
_FLOOR = 0.05
"""Grey levels: less is rounding, not detail."""


def warn_of_strange_faces(clip: Clip, track: FaceTrack, models: LipSyncModels, plan: Plan) -> str | None:
    """Warn, in words, that the faces to be re-synced are not of the kind that a checkpoint was made for; else None.

    A few frames are read and encoded, and nothing is denoised. Checkpoints for people are never warned about.
    Arguments as of `lip_sync`.
    """
    if models.faces is None:
        return None
    lost = _measure_loss(clip, track, plan, models.vae, models.resolution, models.align_resolution)
    if lost is None or lost <= STRANGE:
        return None
    return (
        f"{models.name} is made for {models.faces} faces only, and these are unlike them, as photographs are "
        f"({lost:.0%} of their fine detail would be lost, of {models.faces} faces usually less than {STRANGE:.0%}): "
        "the mouth will be smeared. For people take LatentSync 1.6."
    )


def are_photographed(clip: Clip, track: FaceTrack, plan: Plan, vae: Any, resolution: int) -> bool | None:
    """Tell faces with the texture of photographs from drawn ones; None where no frame is re-synced.

    vae, resolution: those of `nano`, see STRANGE. Other arguments as of `lip_sync`.
    """
    lost = _measure_loss(clip, track, plan, vae, resolution)
    return None if lost is None else lost > STRANGE


def _measure_loss(
    clip: Clip, track: FaceTrack, plan: Plan, vae: Any, resolution: int, align: int | None = None
) -> float | None:
    """Return `measure_lost_detail` of a few of the frames that are re-synced; None where there is none."""
    sources = np.unique(plan.source[np.array(plan.reasons) == "resync"])
    if not len(sources):
        return None
    shown = np.unique(sources[np.linspace(0, len(sources) - 1, SAMPLED_FRAMES).astype(int)]).tolist()
    align = align or resolution
    matrices = align_track(clip, track, align)
    # Sampled as the crops by which the limit was measured: `crop_face` is sharper, of which the VAE loses more.
    crops = [
        to_square(warp_crop(frame, matrices[i], crop_size(align)), resolution)
        for i, frame in zip(shown, clip.read(shown), strict=True)
    ]
    return measure_lost_detail(vae, np.stack(crops))


def measure_lost_detail(vae: Any, crops: npt.NDArray[np.float32]) -> float:
    """Measure how much fine detail of crops (F, R, R, 3), 0..255, the VAE loses: 0 none, 1 all of it.

    The median over the crops of the reconstruction error's `measure_detail` over that of the crop, averaged over its
    two bands. It depends little on brightness and contrast, and exceeds 1 where the decoder adds detail of its own.
    """
    # A VAE trained on drawn faces alone cannot reproduce the texture of skin: it recognises a strange face without
    # any classifier, and at the cost of one reconstruction.
    codec = LatentCodec(vae)
    reconstructed = to_crops(codec.decode(codec.encode(to_pixels(crops))))
    losses = [
        (measure_detail(crop - copy) / (measure_detail(crop) + _FLOOR)).mean()
        for crop, copy in zip(crops, reconstructed, strict=True)
    ]
    return float(np.median(losses))
