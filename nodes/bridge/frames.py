"""The frames of a result as one IMAGE."""

from __future__ import annotations

import comfy.model_management as mm
import torch

from .run import Job


def collected(job: Job, images: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """All frames of a job as IMAGE (M, H, W, C) and MASK (M, H, W), on the device that ComfyUI wants.

    images: what the frames were made from; the result has their dtype, and their fourth channel if they have one.
    """
    place, shown = mm.intermediate_device(), torch.from_numpy(job.plan.source)
    result = torch.empty((len(shown), *images.shape[1:]), dtype=images.dtype, device=place)
    mask = torch.empty(result.shape[:3], device=place)
    for i, frame in enumerate(job.frames):
        result[i, ..., :3] = torch.from_numpy(frame)
        result[i, ..., 3:] = images[shown[i], ..., 3:]
        mask[i] = torch.from_numpy(job.newest_mask[0])
    return result, mask
