"""Compare a result with its original: the same crops of both, inside and outside the part that is generated."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import torch

from ..data import Clip
from ..errors import InputError
from ..faces import keep_mask, square_pixels
from ..models.videomae import ClipEncoder
from .image import decibels, mean_square, ssim
from .temporal import temporal_distance
from .view import CHUNK, Scene, measure_mouth_changes, source_of


@dataclass(frozen=True)
class Comparison:
    """Means over all frames that show the face."""

    psnr_inside: float
    """dB, within the generated part of the crop."""
    psnr_outside: float
    ssim_inside: float
    ssim_outside: float
    jitter: float
    """Of the original's mouth, in grey levels, as `Score.jitter`."""
    temporal: float | None
    """TREPA's distance; None without a clip encoder, or where the face is visible too briefly for it."""


@torch.inference_mode()
def compare_images(scene: Scene, against: Clip, encoder: ClipEncoder | None = None) -> Comparison:
    """Compare a scene with the same moments of another clip, in the same crops.

    Where one is longer, the rest of it is left out. Raises InputError where the two differ in size or share no two
    neighbouring frames with a face.
    """
    result, original = _pair_scenes(scene, against)
    inside = torch.from_numpy(1 - keep_mask(scene.resolution))
    size = CHUNK if encoder is None else encoder.model.config.num_frames
    rows, steps, distances = [], [], []
    before = torch.zeros(0, 3, scene.resolution, scene.resolution)
    for (part, _, ours), (_, _, theirs) in zip(result.chunks(size), original.chunks(size), strict=True):
        steps.append(measure_mouth_changes(before, theirs, result.found, part))
        before, found = theirs, result.found[part]
        if encoder is not None and len(found) == size and found.all():
            place = next(encoder.parameters()).device
            distances.append(float(temporal_distance(encoder, ours[None].to(place), theirs[None].to(place))))
        for pair in zip(ours[found].split(1), theirs[found].split(1), strict=True):
            rows.append([f(*pair, weight) for f in (mean_square, ssim) for weight in (inside, 1 - inside)])
    means = np.mean(rows, axis=0)
    return Comparison(
        psnr_inside=decibels(means[0]),
        psnr_outside=decibels(means[1]),
        ssim_inside=float(means[2]),
        ssim_outside=float(means[3]),
        jitter=float(np.concatenate(steps).mean()),
        temporal=float(np.mean(distances)) if distances else None,
    )


def _pair_scenes(scene: Scene, against: Clip) -> tuple[Scene, Scene]:
    """Return both clips as scenes of one length, with the crops of the first."""
    against = square_pixels(against)
    size, other = ((clip.width, clip.height) for clip in (scene.clip, against))
    if size != other:
        raise InputError(
            f"A result is compared with an original of its own size, got {size} and {other} pixels."
        )
    source = source_of(against)
    count = min(len(source), len(scene.source))
    found = scene.found[:count]
    if not (found[1:] & found[:-1]).any():
        raise InputError("The two clips have no neighbouring frames in common that show the face.")
    result = replace(scene, source=scene.source[:count], matrices=scene.matrices[:count])
    return result, replace(result, clip=against, source=source[:count])
