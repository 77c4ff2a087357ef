"""Finds and measures the faces of frames: detector and mesh together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ..data import Array
from ..errors import DeviceError, enough_memory
from .detect import Roi, detect, detect_rolled, detect_small, overlap
from .frame import check_frame
from .graph import Graph
from .mesh import MIN_SCORE, Face, measure

_ASSETS = Path(__file__).resolve().parents[1] / "assets" / "faces"
_SAME_FACE = 0.3
_BATCH = 16
_NO_MEMORY = (
    "The memory is not enough to look for faces in frames of this size; scale the video down, or free memory."
)


class FaceFinder:
    """The two networks on a device."""

    def __init__(self, device: str | torch.device = "cpu") -> None:
        """Load both networks; raises DeviceError where the device cannot be used, WeightsError for a bad file."""
        try:
            self._detector = Graph(_ASSETS / "blazeface_full.safetensors").to(device)
            self._mesh = Graph(_ASSETS / "facemesh.safetensors").to(device)
        except (RuntimeError, AssertionError) as exc:  # torch raises either for an absent device
            raise DeviceError(f"The device {device} cannot be used: {exc} Use 'cpu'.") from exc

    @enough_memory(_NO_MEMORY)
    def find(self, frames: Sequence[npt.ArrayLike], thorough: bool = False) -> list[list[Face]]:
        """Find the faces of each frame (H, W, 3), uint8 in 0..255 or float in 0..1, sizes may differ.

        `thorough` looks again, at the cost of about 15 detections, for rolled and small faces in each frame
        in which nothing was found. Raises InputError for anything that is not a frame.
        """
        images = [check_frame(frame) for frame in frames]
        if not images:
            return []
        found = [_faces(faces) for faces in measure(self._mesh, images, detect(self._detector, images))]
        if thorough:
            found = [faces or self._search(image) for faces, image in zip(found, images, strict=True)]
        return found

    @enough_memory(_NO_MEMORY)
    def measure(self, frames: Sequence[npt.ArrayLike], rois: Sequence[Roi]) -> list[Face | None]:
        """Measure the face at one known place in each frame; None where the mesh sees none there."""
        images = [check_frame(frame) for frame in frames]
        found = measure(self._mesh, images, [[roi] for roi in rois])
        return [face if face.score > MIN_SCORE else None for (face,) in found]

    def _search(self, image: Array) -> list[Face]:
        rois = detect_rolled(self._detector, image) + detect_small(self._detector, image)
        return _faces(measure(self._mesh, [image], [rois])[0])


def _faces(candidates: Sequence[Face]) -> list[Face]:
    """Drop what the mesh does not take for a face and what was found twice; the surest come first."""
    kept: list[Face] = []
    for face in sorted(candidates, key=lambda f: -f.score):
        boxes = np.array([other.box for other in kept]).reshape(-1, 4)
        if face.score > MIN_SCORE and not (overlap(face.box, boxes) > _SAME_FACE).any():
            kept.append(face)
    return kept
