"""Whether a checkpoint knows the faces that it is shown."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from ..data import Clip, FaceTrack, Plan
from ..faces import crop_face, fine_detail, smooth_matrices
from ..models.bundle import LipSyncModels
from .latents import LatentCodec, to_crops, to_pixels

STRANGE = 0.61
"""`lost_detail` above which faces are not those that `nano` was made for.

Measured crop by crop, on up to 120 crops of 60 drawn people, 94 of photographs and films of people,
and 26 of paintings and pictures of generators, as they are and under 20 changes. The limit lies in the gap:
drawn crops as they are give 0.34 to 0.574, photographs 0.647 to 1.01. Compressed (x264 at crf 23 to 33, JPEG
at 30), 64 to 300 pixels wide, brighter (x1.4), tinted or blurred by 1 pixel of the crop, drawn ones give up
to 0.613 and photographs from 0.602 on; with noise of sigma 8, up to 0.648 and from 0.655. Of photographs,
however changed, at most 2.2 % lie below the limit. Drawn ones that lost or gained much lie above it: grey or
sharpened 5 %, gamma 0.6 or 1.6 18 and 8 %, at half the light 15 %, at crf 40 22 %, with noise of sigma 16 42
%, blurred by 2 pixels or at a fifth of the light all. Paintings give 0.55 to 0.84, nearly all above. The
median over a few frames of a clip is nearer to the middle of its kind.
"""
LOOKS = 5
"""Frames of a clip by which its faces are judged."""
_FLOOR = 0.05
"""Grey levels: less is rounding, no detail."""


def strange_faces(clip: Clip, track: FaceTrack, models: LipSyncModels, plan: Plan) -> str | None:
    """Why the faces that are to be re-synced are none of those that a checkpoint was made for; None if they may be.

    A few frames are read and encoded, and nothing is denoised. Checkpoints for people are not asked. Arguments as of
    `lip_sync`.
    """
    sources = np.unique(plan.source[np.array(plan.reasons) == "resync"])
    if models.faces is None or not len(sources):
        return None
    shown = np.unique(sources[np.linspace(0, len(sources) - 1, LOOKS).astype(int)]).tolist()
    align = models.align_resolution or models.resolution
    matrices = smooth_matrices(track.points, clip.times, align, track.cuts)
    crops = [
        crop_face(frame, matrices[i], models.resolution, align)
        for i, frame in zip(shown, clip.read(shown), strict=True)
    ]
    lost = lost_detail(models.vae, np.stack(crops))
    if lost <= STRANGE:
        return None
    return (
        f"{models.name} is made for {models.faces} faces only, and these are unlike them, as photographs are "
        f"({lost:.0%} of their fine detail would be lost, of {models.faces} faces usually less than {STRANGE:.0%}): "
        "the mouth will be smeared. For people take LatentSync 1.6."
    )


def lost_detail(vae: Any, crops: npt.NDArray[np.float32]) -> float:
    """How much of the fine detail of crops (F, R, R, 3), 0..255, encoding and decoding loses: 0 none, 1 all of it.

    The mean size of the error over the mean size of the picture, both of brightness and in two bands, averaged; of
    that the median over the crops. It depends little on brightness and contrast. 1 can be passed: the decoder may paint
    detail of its own.
    """
    codec = LatentCodec(vae)
    seen = to_crops(codec.decode(codec.encode(to_pixels(crops))))
    alphas = [
        (fine_detail(crop - back) / (fine_detail(crop) + _FLOOR)).mean()
        for crop, back in zip(crops, seen, strict=True)
    ]
    return float(np.median(alphas))
