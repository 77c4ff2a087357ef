"""Let faces that nothing happens to share their looks: a long clip need not hold one for each frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from ..data import IntArray
from .detect import overlap
from .dissolve import COMPARED_FACES, OTHER_LOOK, longest_reach
from .look import likeness
from .mesh import Face

_SHARED_SECONDS = 0.5


class LookSharer:
    """Replaces looks in a growing list of the faces of each frame, as soon as no comparison needs them.

    Only where a face may turn into another one, in the reach of `find_changes`, are its looks compared frame by frame;
    elsewhere a few of a scene are.
    """

    def __init__(self, faces: list[list[Face]], fps: float) -> None:
        """faces: of all frames so far, to which more are added."""
        self._faces, self._period = faces, max(1, round(fps * _SHARED_SECONDS))
        self._reach = longest_reach(fps) + COMPARED_FACES
        self._suspect = np.zeros(0, bool)
        self._next = 1

    def advance(self, cuts: IntArray, blended: npt.NDArray[np.bool_]) -> None:
        """Share the looks of frames whose surroundings are known; arguments as of `SceneFinder.take_new`."""
        if not len(blended):
            return
        known = len(self._suspect)
        other = [self._shows_others(index) for index in range(known, known + len(blended))]
        self._suspect = np.concatenate([self._suspect, blended | np.array(other)])
        end = len(self._suspect) - self._reach
        for index in range(self._next, end):
            around = self._suspect[max(0, index - self._reach) : index + self._reach + 1]
            if index % self._period and index not in cuts and not around.any():
                self._share(index)
        self._next = max(self._next, end)

    def _shows_others(self, index: int) -> bool:
        """Tell whether the faces of a frame are other ones than those in the same places one frame before."""
        if index == 0:
            return True
        now, before = self._faces[index], self._faces[index - 1]
        return len(now) != len(before) or any(
            likeness(face.look, other.look) < OTHER_LOOK for face, other in _pair(now, before)
        )

    def _share(self, index: int) -> None:
        pairs = _pair(self._faces[index], self._faces[index - 1])
        self._faces[index] = [replace(face, look=other.look) for face, other in pairs]


def _pair(faces: Sequence[Face], others: Sequence[Face]) -> list[tuple[Face, Face]]:
    """Pair each face with the one of the others that overlaps it most."""
    boxes: npt.NDArray[np.float64] = np.array([other.box for other in others]).reshape(-1, 4)
    return [(face, others[int(np.argmax(overlap(face.box, boxes)))]) for face in faces]
