"""Measure one person's mouth through a whole clip, at 25 frames a second, a few frames at a time."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from fractions import Fraction

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from ..data import Array, Clip, FaceTrack, Frame, IntArray, Progress
from ..errors import FaceError
from ..faces import (
    FaceFinder,
    choose,
    crop_face,
    fit_track,
    make_square,
    measure_openings,
    smooth_matrices,
    survey,
)
from ..media import fit
from ..models.syncnet import StableSyncNet
from .sync import FPS, FRAMES, embed_mouths, face_window
from .temporal import measure_changes, mouth_part

CHUNK = 16
"""Frames held at a time, besides the last 15."""
GREY_LEVELS = 127.5
"""Grey levels in a unit of a crop in -1..1."""
MANY_FRAMES = 100
"""Windows start at every frame of a clip of up to so many frames; in longer ones at every second or fourth."""


@dataclass(frozen=True, eq=False)
class Scene:
    """The frames of a clip at 25 a second, and where the person's face is in each of the N."""

    clip: Clip
    """With square pixels."""
    source: IntArray
    """Shape (N,): the clip's frame that is shown."""
    matrices: npt.NDArray[np.float64]
    """Shape (N, 2, 3): from the frame to the crop; NaN where there is no face."""
    resolution: int
    """Of the crop, in pixels."""

    @property
    def found(self) -> npt.NDArray[np.bool_]:
        """Shape (N,): where there is a face."""
        return ~np.isnan(self.matrices[:, 0, 0])

    def chunks(self, size: int = CHUNK) -> Iterator[tuple[slice, list[Frame], Tensor]]:
        """Yield the place in the scene, the frames, and their crops (F, 3, R, R) in -1..1, grey without a face."""
        frames = self.clip.read(self.source.tolist())
        for first in range(0, len(self.source), size):
            some = list(itertools.islice(frames, size))
            part = slice(first, first + len(some))
            yield part, some, crops_of(some, self.matrices[part], self.resolution)


def crops_of(frames: Sequence[Frame], matrices: npt.NDArray[np.float64], resolution: int) -> Tensor:
    """Crop the faces, (F, 3, R, R) in -1..1, 0 where a matrix is NaN."""
    crops = np.zeros((len(frames), resolution, resolution, 3), np.float32)
    for crop, frame, matrix in zip(crops, frames, matrices, strict=True):
        if not np.isnan(matrix[0, 0]):
            crop[:] = crop_face(frame, matrix, resolution) / GREY_LEVELS - 1
    return torch.from_numpy(crops).permute(0, 3, 1, 2)


def source_of(clip: Clip) -> IntArray:
    """Return the frames that a clip shows at 25 frames a second, (N,)."""
    return fit(clip.times, clip.duration, clip.duration, "silence", Fraction(FPS)).source


def scene_of(clip: Clip, track: FaceTrack, resolution: int) -> Scene:
    """Sample a clip at 25 frames a second and align the crops of a face. Raises TrackError for another clip's track."""
    clip, track = make_square(clip, fit_track(track, clip))
    source = source_of(clip)
    matrices = smooth_matrices(track.points, clip.times, resolution, track.cuts)
    return Scene(clip, source, matrices[source], resolution)


@dataclass(frozen=True, eq=False)
class View:
    """All measurements of a clip that do not depend on audio."""

    scene: Scene
    mouths: Tensor
    """Shape (K, n): SyncNet's unit vectors of windows of 16 frames that show the face throughout."""
    starts: npt.NDArray[np.int64]
    """Shape (K,): the frames at which the windows start."""
    opening: npt.NDArray[np.float64]
    """Shape (N,): how far the mouth is open, see `faces.measure_openings`; NaN where there is no face."""
    jitter: float
    """Mean change of the mouth's part of the crop from frame to frame, in grey levels."""


def look(
    clip: Clip, syncnet: StableSyncNet, track: FaceTrack | None = None, progress: Progress | None = None
) -> View:
    """Measure everything that a score needs of a clip; frames are read twice (once with `track`) and not kept.

    track: the face, one entry per frame of the clip; None is the one with the most area. Raises FaceError where no
    face is found, or none for 16 frames in a row.
    """
    finder = FaceFinder(next(syncnet.parameters()).device)
    if track is None:
        report = None if progress is None else lambda done, total: progress("survey", done, total)
        track = choose(survey(clip, finder, report))
    scene = scene_of(clip, track, syncnet.resolution)
    starts = _find_starts(scene.found)
    openings, steps, mouths = [], [], []
    recent = torch.zeros(0, 3, scene.resolution, scene.resolution)
    for part, frames, crops in scene.chunks():
        openings.append(measure_openings(finder, frames, scene.matrices[part], scene.resolution))
        steps.append(measure_mouth_changes(recent, crops, scene.found, part))
        recent = torch.cat([recent, crops])
        # Windows that end within this chunk are complete now; they may begin up to 15 frames before it, so so many
        # crops are carried over.
        begin = part.stop - len(recent)  # the frame that `recent` begins with
        ready = starts[(starts > part.start - FRAMES) & (starts <= part.stop - FRAMES)] - begin
        if len(ready):
            mouths.append(embed_mouths(syncnet, (face_window(recent, k) for k in ready.tolist())))
        recent = recent[1 - FRAMES :]
        if progress is not None:
            progress("look", part.stop, len(scene.source))
    return View(
        scene, torch.cat(mouths), starts, np.concatenate(openings), float(np.concatenate(steps).mean())
    )


def _find_starts(found: npt.NDArray[np.bool_]) -> npt.NDArray[np.int64]:
    """Return the frames at which a window starts that shows the face throughout."""
    step = 1 if len(found) <= MANY_FRAMES else 2 if len(found) <= 2 * MANY_FRAMES else 4
    whole = [k for k in range(0, len(found) - FRAMES + 1, step) if found[k : k + FRAMES].all()]
    if not whole:
        raise FaceError(
            f"The face is nowhere in view for {FRAMES} frames in a row ({FRAMES / FPS:.2f} s), which SyncNet takes "
            f"together; it was found in {found.sum()} of {len(found)} frames. See `latentsync faces VIDEO OUT`."
        )
    return np.array(whole)


def measure_mouth_changes(before: Tensor, crops: Tensor, found: npt.NDArray[np.bool_], part: slice) -> Array:
    """Return the grey levels by which the mouth changes to each frame of a chunk, where both frames show the face.

    before: the crops of the frames before the chunk, of which only the last is used; none for the first chunk.
    """
    shown = found[max(0, part.start - 1) : part.stop]
    steps = measure_changes(mouth_part(torch.cat([before[-1:], crops]))) * GREY_LEVELS
    return np.asarray(steps.numpy()[shown[1:] & shown[:-1]])
