"""Find and measure the faces of frames: detector and mesh together."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from ..data import Frame
from ..errors import DeviceError, enough_memory
from .detect import (
    CLOSE_UP,
    Place,
    Roi,
    detect,
    detect_at,
    detect_rolled,
    detect_small,
    overlap,
)
from .frame import check_frame
from .graph import Graph
from .mesh import MIN_SCORE, Face, measure

_ASSETS = Path(__file__).resolve().parents[1] / "assets" / "faces"

_SAME_FACE = 0.3
"""Intersection over union of boxes above which two finds are one face."""
_LARGE = 0.6
"""Longer side of a face over the shorter side of the frame, from which on it is a close-up."""
_NO_MEMORY = (
    "The memory is not enough to look for faces in frames of this size; scale the video down, or free memory."
)


class FaceFinder:
    """BlazeFace and FaceMesh on a device."""

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

        Frames in which nothing is found are looked at again for a face as large as they are; `thorough` searches those
        that still show none for rolled and small faces, at the cost of about 15 detections each. Raises InputError for
        anything that is not a frame, DeviceError without memory.
        """
        images = [check_frame(frame) for frame in frames]
        if not images:
            return []
        rois = detect(self._detector, images)
        found = [_drop_doubles(faces) for faces in measure(self._mesh, images, rois)]
        empty = [index for index, faces in enumerate(found) if not faces]
        for index, faces in zip(empty, self._find_large([images[i] for i in empty]), strict=True):
            found[index] = faces
        if thorough:
            found = [faces or self._search(image) for faces, image in zip(found, images, strict=True)]
        return found

    def _find_large(self, images: Sequence[Frame]) -> list[list[Face]]:
        """Find faces about as large as the images, by a look with a border."""
        if not images:
            return []
        found = measure(self._mesh, images, detect(self._detector, images, CLOSE_UP))
        # Smaller ones are rolled heads, of which this look has a wrong idea: the search for rolled faces is for them.
        least = [_LARGE * min(image.shape[:2]) for image in images]
        return [
            [face for face in _drop_doubles(faces) if (face.box[2:] - face.box[:2]).max() > size]
            for faces, size in zip(found, least, strict=True)
        ]

    @enough_memory(_NO_MEMORY)
    def find_others(
        self, frame: npt.ArrayLike, known: Sequence[Face], place: Place | None = None
    ) -> list[Face]:
        """Find faces of a frame besides those known: much smaller or larger ones, and any at a place.

        Costs about 15 detections. Raises what `find` raises.
        """
        image = check_frame(frame)
        rois = [] if place is None else detect_at(self._detector, image, place)
        rois += detect_small(self._detector, image)
        rois = [roi for roi in rois if not any(_covers(face, roi.x, roi.y) for face in known)]
        found = measure(self._mesh, [image], [rois])[0] + self._find_large([image])[0]
        return without_doubles(_drop_doubles(found), known)

    @enough_memory(_NO_MEMORY)
    def measure(self, frames: Sequence[npt.ArrayLike], rois: Sequence[Roi]) -> list[Face | None]:
        """Measure the face in one known region of each frame; None where the mesh finds no face in it."""
        images = [check_frame(frame) for frame in frames]
        found = measure(self._mesh, images, [[roi] for roi in rois])
        return [face if face.score > MIN_SCORE else None for (face,) in found]

    def _search(self, image: Frame) -> list[Face]:
        rois = detect_rolled(self._detector, image) + detect_small(self._detector, image)
        return _drop_doubles(measure(self._mesh, [image], [rois])[0])


def without_doubles(faces: Sequence[Face], known: Sequence[Face]) -> list[Face]:
    """Return the faces that are none of the known ones."""
    boxes = np.array([face.box for face in known]).reshape(-1, 4)
    return [
        face
        for face in faces
        if not (overlap(face.box, boxes) > _SAME_FACE).any()
        and not any(_covers(other, *((face.box[:2] + face.box[2:]) / 2)) for other in known)
    ]


def _covers(face: Face, x: float, y: float) -> bool:
    return bool((face.box[:2] <= (x, y)).all() and (face.box[2:] >= (x, y)).all())


def _drop_doubles(candidates: Sequence[Face]) -> list[Face]:
    """Drop what the mesh scores as no face and what was found twice; sort the rest by score, best first."""
    kept: list[Face] = []
    for face in sorted(candidates, key=lambda f: -f.score):
        boxes = np.array([other.box for other in kept]).reshape(-1, 4)
        if face.score > MIN_SCORE and not (overlap(face.box, boxes) > _SAME_FACE).any():
            kept.append(face)
    return kept
