"""Find cuts, inserts and blends while the frames of a clip come in, whatever its length."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ..data import IntArray
from .cuts import find_cuts, find_inserts
from .dissolve import Blend, find_blends, longest_reach

_CHUNK = 512
"""Frames that are looked at together."""
_AROUND_CUTS = 6
"""Frames on either side of a frame that tell whether it opens a scene."""
_RECENT = 8
"""Thumbnails before a batch by which the scenes that start in it are recognised."""

Thumbnail = npt.NDArray[np.uint8]


@dataclass(frozen=True, eq=False)
class Scenes:
    """Where the scenes of a clip change, and how."""

    cuts: npt.NDArray[np.int64]
    """Of `find_cuts`."""
    inserts: npt.NDArray[np.int64]
    """Of `find_inserts`."""
    blends: tuple[Blend, ...]
    """Of `find_blends`."""


class SceneFinder:
    """Looks at the thumbnails (24, 24) of a clip in chunks, and keeps those of a few seconds only."""

    def __init__(self, fps: float) -> None:
        self._fps, self._margin = fps, longest_reach(fps) + _AROUND_CUTS
        self._held: list[Thumbnail] = []
        self._dropped = self._settled = 0
        self._cuts, self._inserts = [np.zeros(0, np.int64)], [np.zeros(0, np.int64)]
        self._blends: dict[int, list[npt.NDArray[np.bool_]]] = {}
        self._new = np.zeros(0, np.int64), np.zeros(0, bool)

    def add(self, thumbnails: Sequence[Thumbnail]) -> list[int]:
        """Take the next frames; return which of them, counted from 0, seem to start a scene. `finish` knows better."""
        recent = self._held[-_RECENT:]
        self._held += thumbnails
        if self._dropped + len(self._held) - self._settled >= _CHUNK + self._margin:
            self._look(self._margin)
        starts = find_cuts(np.stack([*recent, *thumbnails])) - len(recent)
        return [start for start in starts.tolist() if start >= 0]

    def take_new(self) -> tuple[IntArray, npt.NDArray[np.bool_]]:
        """Return the cuts in the frames that were looked at since the last call, and which of those are in a blend."""
        new, self._new = self._new, (np.zeros(0, np.int64), np.zeros(0, bool))
        return new

    def finish(self) -> Scenes:
        """Look at the rest, and return what was found in all frames."""
        self._look(0)
        blends = tuple((reach, np.concatenate(parts)) for reach, parts in self._blends.items())
        return Scenes(np.concatenate(self._cuts), np.concatenate(self._inserts), blends)

    def _look(self, margin: int) -> None:
        """Look at all frames but the last `margin`, and drop those that no later one needs."""
        images, first = np.stack(self._held), self._settled
        self._settled = self._dropped + len(images) - margin
        for found, places in ((self._cuts, find_cuts(images)), (self._inserts, find_inserts(images))):
            frames = places + self._dropped
            found.append(frames[(frames >= first) & (frames < self._settled)])
        part = slice(first - self._dropped, self._settled - self._dropped)
        blends = [(reach, mask[part]) for reach, mask in find_blends(images, self._fps)]
        for reach, mask in blends:
            self._blends.setdefault(reach, []).append(mask)
        self._new = self._cuts[-1], np.any([mask for _, mask in blends], axis=0)
        passed = max(0, self._settled - self._margin - self._dropped)
        del self._held[:passed]
        self._dropped += passed
