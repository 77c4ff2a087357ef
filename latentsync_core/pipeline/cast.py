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
        self._tracks: dict[Speaker, FaceTrack] = {}
        self._members: dict[tuple[Speaker, bool], Member] = {}

    def find(self, line: Line, frames: Array, options: Options) -> Member:
        """Return who says a line; frames: (m,), those of the film that it shows. Raises FaceError, OptionError."""
        speaker, holds = self._resolve(line, frames), options.missing_face == "hold"
        if (speaker, holds) not in self._members:
            track = self._track(speaker)
            held = hold_place(track, self._clip.times) if holds else track
            matrices = method_of(options).align(self._clip, held, self._resolution)
            self._members[speaker, holds] = Member(track, held, matrices)
        return self._members[speaker, holds]

    def _track(self, speaker: Speaker) -> FaceTrack:
        if speaker not in self._tracks:
            track = choose_speaker(
                self._clip, self._found, speaker, device=self._device, progress=self._progress
            )
            self._tracks[speaker] = fit_track(track, self._clip)
        return self._tracks[speaker]

    def _resolve(self, line: Line, frames: Array) -> Speaker:
        """Return the number of a person who is given by a place in some frames; others as they are."""
        speaker = cast(Speaker, line.speaker)
        place = place_of(speaker)
        if place is None or not self._found.tracks:
            return speaker
        first, last = int(frames.min()), int(frames.max())
        if line.speaker_at is not None:
            first = last = int(np.searchsorted(self._clip.times, line.speaker_at, side="right")) - 1
        return number_at(self._found, place, first, last)
