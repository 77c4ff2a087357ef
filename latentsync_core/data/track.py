"""One person's face through a clip."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt

from ..angles import turn_of_offset
from ..errors import InputError
from .choice import SpeakerChoice
from .clip import FloatArray, IntArray, pluralize

LEAST_SCORE = 0.6
"""Mean score of the detector below which a face is hard to recognise."""

MEASURED = ("yaw", "openings", "covered", "others", "dissolves")
"""Fields of a track that hold one value per frame where they were measured."""


@dataclass(frozen=True, eq=False)
class Origin:
    """What distinguishes the clip in which a face was found from other clips; made and compared by `faces.origin`."""

    fps: Fraction
    """Average frames per second."""
    frames: IntArray
    """Shape (K,), rising: frames in which the face was found."""
    faces: npt.NDArray[np.float32]
    """Shape (K, h, w): the upper face in those frames as small grey images with mean 0 and norm 1."""


@dataclass(frozen=True, eq=False)
class FaceTrack:
    """One person's face through a clip: three points per frame, NaN where the face was not found."""

    points: npt.NDArray[np.float64]
    """Shape (N, 3, 2): left brow, right brow, nose as (x, y) in pixels; left is the left of the image."""
    scores: npt.NDArray[np.float64]
    """Shape (N,), 0..1: the detector's probability of a face; 0 where it was not found."""
    cuts: tuple[int, ...] = ()
    """Frames that open a new scene: nothing is smoothed or bridged across them."""
    size: tuple[int, int] | None = None
    """(height, width) of the frames in pixels, by which the track is scaled to a rescaled clip; None never scales."""
    origin: Origin | None = None
    """Identifies the clip, so that the track is not used on another one; None is not checked."""
    yaw: FloatArray | None = None
    """Shape (N,), -90..90 degrees: how far the nose points to the right of the image, 0 = frontal; NaN without a face;
    None is not measured."""
    openings: FloatArray | None = None
    """Shape (N,), distance of the inner lips over the height of the face, NaN without a face; None is not measured."""
    covered: FloatArray | None = None
    """Shape (N,), 0..1: how much of the mouth's region something else hides; None is not measured."""
    others: npt.NDArray[np.bool_] | None = None
    """Shape (N,): frames that show other persons' faces; None is not known."""
    dissolves: FloatArray | None = None
    """Shape (N,), 0..1: how far a dissolve blends the face with another person's, 1 where both are equally strong, 0
    outside of dissolves; None is not measured."""
    choice: SpeakerChoice | None = None
    """How this face was chosen; None where the caller gave it."""

    def __post_init__(self) -> None:
        if self.points.ndim != 3 or self.points.shape[1:] != (3, 2):
            raise InputError(f"FaceTrack takes points of shape (N, 3, 2), got {self.points.shape}.")
        if self.scores.shape != self.points.shape[:1]:
            raise InputError(
                f"FaceTrack takes one score per frame, got {self.scores.shape} for {len(self.points)} frames."
            )
        for name in MEASURED:
            values = getattr(self, name)
            if values is not None and values.shape != self.points.shape[:1]:
                raise InputError(
                    f"FaceTrack takes one value of {name} per frame, got {values.shape} for {len(self.points)} frames."
                )
        if self.size is not None and not all(side > 0 for side in self.size):
            raise InputError(f"FaceTrack takes a size (height, width) above 0, got {self.size}.")
        missing = np.isnan(self.points)
        if np.isinf(self.points).any() or (missing.any((1, 2)) != missing.all((1, 2))).any():
            raise InputError("The three points of a frame are either all finite or, without a face, all NaN.")

    @classmethod
    def from_points(cls, points: npt.ArrayLike, size: tuple[int, int] | None = None) -> FaceTrack:
        """Make a track from the caller's own landmarks, shape (N, 3, 2), NaN where there is no face.

        size: (height, width) of the frames that the landmarks belong to, where the clip may be scaled later. Raises
        InputError for another shape.
        """
        array = np.asarray(points, np.float64)
        if array.ndim != 3 or array.shape[1:] != (3, 2):
            raise InputError(f"FaceTrack.from_points takes shape (N, 3, 2), got {array.shape}.")
        return cls(array, np.where(np.isnan(array).any((1, 2)), 0.0, 1.0), size=size)

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Shape (N,): the frames in which the face was found."""
        return ~np.isnan(self.points[:, 0, 0])

    @property
    def turn(self) -> npt.NDArray[np.float64]:
        """Shape (N,), 0..90 degrees: how far the head is turned sideways, 0 = frontal; NaN = no face.

        Without `yaw` the nose tells, by its distance from the middle of the brows along the brow line; noses differ, so
        that is a guess.
        """
        if self.yaw is not None:
            return np.abs(self.yaw).astype(np.float64)
        left, right, nose = np.moveaxis(self.points, 1, 0)
        line = right - left
        along = ((nose - (left + right) / 2) * line).sum(1)
        return turn_of_offset(np.abs(along) / np.maximum((line**2).sum(1), 1e-12))

    @property
    def score(self) -> float:
        """Mean of `scores` where the face was found; 0 where it never was."""
        return float(self.scores[self.found].mean()) if self.found.any() else 0.0

    @property
    def greatest_turn(self) -> float:
        """Maximum of `turn` in degrees; 0 where no face was found."""
        return float(np.nanmax(self.turn)) if self.found.any() else 0.0

    @property
    def hard_to_recognise(self) -> bool:
        """Whether the face is unlike those that the detector was trained on: drawn, 3D, or very small."""
        return self.score < LEAST_SCORE

    def __len__(self) -> int:
        return len(self.points)

    def __str__(self) -> str:
        return (
            f"found in {self.found.sum()} of {pluralize(len(self), 'frame')}, score {self.score:.2f}, "
            f"turned by up to {self.greatest_turn:.0f} degrees"
        )
