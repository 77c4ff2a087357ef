"""Find the faces of a clip's frames: in whole frames, closer where that is not enough, and on from there."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np

from ..data import Frame
from .detect import Place
from .finder import FaceFinder, without_doubles
from .mesh import Face, roi_around

_SAMPLES = 3
"""Frames of an empty batch that are searched thoroughly before the whole batch is."""
_MOST_FOLLOWED = 4
"""Faces that only a closer look finds, and that are followed by their mesh."""


class FaceSearch:
    """Finds the faces of neighbouring frames, one batch after another.

    A detection sees a face of at least an eighth of the frame. Smaller ones beside large ones are looked for now and
    then, in tiles; from there on the mesh follows them, which needs no detection.
    """

    def __init__(self, finder: FaceFinder, period: int, place: Place | None = None) -> None:
        """period: frames between closer looks, besides those where a scene starts. place: where to look as well."""
        self._finder, self._period, self._place = finder, period, place
        self._followed: list[Face] = []
        self._due = 0

    def find(self, batch: Sequence[Frame], starts: Collection[int]) -> list[list[Face]]:
        """Find the faces of each frame (H, W, 3) of the next batch; starts: frames of it that begin a scene."""
        faces = _find_in_whole(self._finder, batch)
        for index, frame in enumerate(batch):
            faces[index] += self._follow(frame, faces[index])
            if self._due <= 0 or index in starts:
                self._due = self._period
                others = self._look_closer(frame, faces[index])
                faces[index] += others
                self._look_back(batch[:index], faces, starts, others)
            self._due -= 1
        return faces

    def _look_closer(self, frame: Frame, known: Sequence[Face]) -> list[Face]:
        if not known and self._place is None:
            return []  # `_find_in_whole` did
        others = self._finder.find_others(frame, known, self._place)
        self._followed = (self._followed + others)[:_MOST_FOLLOWED]
        return others

    def _follow(self, frame: Frame, known: Sequence[Face]) -> list[Face]:
        self._followed = self._measure(frame, self._followed)
        return without_doubles(self._followed, known)

    def _look_back(
        self,
        batch: Sequence[Frame],
        faces: list[list[Face]],
        starts: Collection[int],
        others: list[Face],
    ) -> None:
        """Follow faces backwards to where their scene starts, or the batch."""
        for index in range(len(batch) - 1, -1, -1):
            if not others or index + 1 in starts:
                return
            others = without_doubles(self._measure(batch[index], others), faces[index])
            faces[index] += others

    def _measure(self, frame: Frame, faces: Sequence[Face]) -> list[Face]:
        """Measure faces where they were in a neighbouring frame; those that are gone are left out."""
        rois = [roi_around(face.box, face.points) for face in faces]
        found = self._finder.measure([frame] * len(rois), rois) if rois else []
        kept: list[Face] = []
        for face in found:
            kept += without_doubles([face] if face else [], kept)
        return kept


def _find_in_whole(finder: FaceFinder, batch: Sequence[Frame]) -> list[list[Face]]:
    """Find the faces of whole frames; search empty ones thoroughly only where a few samples found a face."""
    # A thorough search costs about 15 detections a frame, too much for a long stretch in which nobody is to be seen.
    faces = finder.find(batch)
    empty = [index for index, found in enumerate(faces) if not found]
    sampled = {empty[i] for i in np.linspace(0, len(empty) - 1, min(_SAMPLES, len(empty))).astype(int)}
    for index in sorted(sampled):
        faces[index] = finder.find([batch[index]], thorough=True)[0]
    if any(faces[index] for index in sampled):
        for index in set(empty) - sampled:
            faces[index] = finder.find([batch[index]], thorough=True)[0]
    return faces
