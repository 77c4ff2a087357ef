"""The persons of a film, as lines name them: each is made a track once, whatever the number of lines."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from ..data import Array, Clip, FaceTrack, FloatArray, Line, Progress
from ..faces import Speaker, Survey, fit_track, hold_place, number_at, place_of
from ..method import method_of
from ..options import Options
from ..speakers import choose_speaker

_Who = Speaker | FaceTrack
"""Who says a line: as `faces.choose` takes it, or a face that was found before."""


@dataclass(frozen=True, eq=False)
class Member:
    """A person of a film."""

    track: FaceTrack
    held: FaceTrack
    """The track with the places that are held where the face is not found."""
    matrices: FloatArray
    """Shape (N, 2, 3): from each frame of the film to its crop; NaN where there is no usable face."""


class Cast:
    """Finds the person that a line names."""

    def __init__(
        self, clip: Clip, found: Survey, resolution: int, device: str, progress: Progress | None
    ) -> None:
        """resolution: that matrices are made for. device: of the network that tells who speaks."""
        self._clip, self._found, self._resolution = clip, found, resolution
        self._device, self._progress = device, progress
        self._tracks: dict[_Who, FaceTrack] = {}
        self._members: dict[tuple[_Who, bool], Member] = {}

    def find(self, line: Line, frames: Array, options: Options) -> Member:
        """Return who says a line; frames: (m,), those of the film that it shows. Raises FaceError, OptionError."""
        speaker, holds = self._resolve(line, frames), options.missing_face == "hold"
        if (speaker, holds) not in self._members:
            track = self._track(speaker)
            held = hold_place(track, self._clip.times) if holds else track
            matrices = method_of(options).align(self._clip, held, self._resolution)
            self._members[speaker, holds] = Member(track, held, matrices)
        return self._members[speaker, holds]

    def _track(self, speaker: _Who) -> FaceTrack:
        if speaker not in self._tracks:
            self._tracks[speaker] = fit_track(self._choose(speaker), self._clip)
        return self._tracks[speaker]

    def _choose(self, speaker: _Who) -> FaceTrack:
        if isinstance(speaker, FaceTrack):
            return speaker
        return choose_speaker(self._clip, self._found, speaker, device=self._device, progress=self._progress)

    def _resolve(self, line: Line, frames: Array) -> _Who:
        """Return the number of a person who is given by a place in some frames; others as they are."""
        speaker = cast(_Who, line.speaker)
        place = None if isinstance(speaker, FaceTrack) else place_of(speaker)
        if place is None or not self._found.tracks:
            return speaker
        first, last = int(frames.min()), int(frames.max())
        if line.speaker_at is not None:
            first = last = int(np.searchsorted(self._clip.times, line.speaker_at, side="right")) - 1
        return number_at(self._found, place, first, last)
