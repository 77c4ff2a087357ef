"""Synthetic training clips: aligned faces as the pipeline would crop them, the speech and the true mouth.

A clip is a function of its identity seed. Only what is slow to make is kept on disk: speech as 16-bit samples,
crops as 8-bit images; both are made once, one file each, and a run that was stopped goes on with the next file.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
import numpy.typing as npt

from latentsync_core.data import SPEECH_RATE, Array, FloatArray
from latentsync_core.faces.align import crop_size, fit_similarity
from latentsync_core.faces.crop import crop_face, warp_crop
from latentsync_core.partial import partial_path

from ..synthetic import Expression, Head, Identity, Motion, MouthTrack, Pose, mouth_from_speech
from ..synthetic.backdrop import paint_backdrop
from .recipes import DataRecipe
from .voices import test_track, train_track

log = logging.getLogger(__name__)

FIRST_TRAINING_SEED = 100_000
"""Training draws its identities from here on; demos and tests take seeds below."""
FIRST_TEST_SEED = 50_000

FRAME = 320
"""Side of the frame that the crop is cut from, in pixels."""
UNIT, CENTRE = 0.36 * FRAME, (FRAME / 2, 0.44 * FRAME)
"""As `talking_clip` places a head."""
BIAS = (0.05, 0.04, 0.02, 0.02)
"""Largest constant error of the alignment of a clip: scale, angle in radians, shift in x and y as fractions of
the crop's size. Face meshes err by as much on synthetic and on real faces."""
JITTER = (0.003, 0.003, 0.001, 0.001)
"""Standard deviation of the same from frame to frame."""
GRAIN = 2.5
"""Largest camera noise, in grey levels."""


UTTERANCES = 2
"""Every person says two things with the very same motion. The one is what the pipeline is given, the other what
it should paint: a pair that no real video has, in which nothing outside the mask gives the target mouth away."""


@dataclass(frozen=True, eq=False)
class Utterance:
    """Which part of which track a person says."""

    track: int
    start: float
    """Seconds into the track."""


class Dataset(Protocol):
    """Clips of aligned faces, and the tracks of speech they say parts of; see `SyntheticDataset`."""

    test: bool
    resolution: int
    clips: int
    tracks: int

    def audio(self, track: int) -> npt.NDArray[np.float32]: ...

    def utterances(self, clip: int) -> list[Utterance]: ...

    def times(self, utterance: Utterance) -> FloatArray: ...

    def crops(self, clip: int, utterance: int = 0) -> Array: ...

    def label(self, clip: int) -> str:
        """Return a name for files made of the clip; another clip in its place has another label."""
        ...

    def openness(self, utterance: Utterance) -> npt.NDArray[np.float32] | None:
        """Return the true openness of the mouth in every frame, or None where it is unknown."""
        ...


def identity_seed(index: int, test: bool) -> int:
    """Return the seed of the person in a clip."""
    return (FIRST_TEST_SEED if test else FIRST_TRAINING_SEED) + index


class SyntheticDataset:
    """The data of a run in a folder: `sounds` and `crops`, of training or of test clips."""

    def __init__(self, folder: Path, recipe: DataRecipe, test: bool = False) -> None:
        self.recipe, self.test, self.resolution = recipe, test, recipe.resolution
        self.folder = folder / ("test" if test else "train")
        self.tracks = recipe.test_tracks if test else recipe.tracks
        self.clips = recipe.test_identities if test else recipe.identities

    def audio(self, track: int) -> npt.NDArray[np.float32]:
        """Return a track's samples, (n,) float32 at 16 kHz."""
        path = self._path_of("sounds", track)
        if not path.exists():
            samples = test_track(track) if self.test else train_track(track)
            save(path, np.rint(samples * 32767).astype(np.int16))
        return np.asarray(np.load(path) / np.float32(32768), np.float32)

    def utterances(self, clip: int) -> list[Utterance]:
        """Return what the person of a clip says."""
        rng = np.random.default_rng([identity_seed(clip, self.test), 22])
        utterances = []
        for _ in range(UTTERANCES):
            track = int(rng.integers(self.tracks))
            frames = len(self.audio(track)) * self.recipe.fps // SPEECH_RATE - self.recipe.clip_frames
            utterances.append(Utterance(track, int(rng.integers(frames)) / self.recipe.fps))
        return utterances

    def times(self, utterance: Utterance) -> FloatArray:
        """Return where each frame begins in the utterance's track, in seconds."""
        return utterance.start + np.arange(self.recipe.clip_frames) / self.recipe.fps

    def mouth(self, utterance: Utterance) -> MouthTrack:
        """Return the true mouth of every frame."""
        return mouth_from_speech(self.audio(utterance.track), self.times(utterance) + 0.5 / self.recipe.fps)

    def openness(self, utterance: Utterance) -> npt.NDArray[np.float32]:
        """Return the true openness of the mouth in every frame, 0..1."""
        return self.mouth(utterance).openness

    def crops(self, clip: int, utterance: int = 0) -> Array:
        """Return the aligned faces, (clip_frames, R, R, 3) uint8, rendered if they are not on disk."""
        path = self._path_of(f"crops{utterance}", clip)
        if not path.exists():
            seed = identity_seed(clip, self.test)
            save(path, render(seed, self.mouth(self.utterances(clip)[utterance]), self.recipe))
        return np.asarray(np.load(path, mmap_mode="r"))

    def label(self, clip: int) -> str:
        """Return the clip's number, which is enough: a run has one dataset."""
        return f"{clip:05d}"

    def ready(self) -> list[int]:
        """Return the clips whose crops are on disk."""
        return [
            c
            for c in range(self.clips)
            if all(self._path_of(f"crops{t}", c).exists() for t in range(UTTERANCES))
        ]

    @property
    def files(self) -> int:
        """How many `prepare` makes."""
        return self.tracks + UTTERANCES * self.clips

    def prepare(self, on_file: Callable[[], None] = lambda: None) -> None:
        """Make all files that are missing."""
        for track in range(self.tracks):
            self.audio(track)
            on_file()
        for clip in range(self.clips):
            for utterance in range(UTTERANCES):
                self.crops(clip, utterance)
                on_file()

    def _path_of(self, kind: str, index: int) -> Path:
        return self.folder / kind / f"{index:05d}.npy"


def save(path: Path, array: Array) -> None:
    """Write an array; the file appears only when it is complete."""
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not `replacing`: it lists the folder for abandoned files, for each of tens of thousands of arrays.
    with partial_path(path) as partial:
        np.save(partial, array)
        os.replace(partial, path)


def render(seed: int, mouth: MouthTrack, recipe: DataRecipe) -> Array:
    """Draw a clip straight into its aligned crops, (N, R, R, 3) uint8.

    The head is drawn at the pixels of the crop before it is made square, which is what warping a sharp frame
    gives; alignment errors and grain are drawn from the seed.
    """
    rng = np.random.default_rng([seed, 23])
    identity, motion = Identity.random(seed), Motion(seed)
    head, backdrop = Head(identity), paint_backdrop(identity, FRAME, FRAME)
    times = np.arange(len(mouth)) / recipe.fps
    poses, blinks, gazes = motion.poses(times), motion.blinks(times), motion.gazes(times)
    matrices = _draw_alignments(head, poses, recipe.resolution, rng)
    grain = float(rng.uniform(0, GRAIN))
    faces = []
    for k, (pose, matrix) in enumerate(zip(poses, matrices, strict=True)):
        image = warp_crop(backdrop, matrix, crop_size(recipe.resolution)) / np.float32(255)
        gaze = float(gazes[k, 0]), float(gazes[k, 1])
        head.draw(image, _invert(matrix), pose, Expression(mouth[k], float(blinks[k]), gaze))
        image += rng.standard_normal((*image.shape[:2], 1), dtype=np.float32) * np.float32(grain / 255)
        face = crop_face(np.clip(image, 0, 1), np.eye(2, 3), recipe.resolution)
        faces.append(np.rint(face).astype(np.uint8))
    return np.stack(faces)


def _draw_alignments(
    head: Head, poses: list[Pose], resolution: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Return maps from pixels of the frame to pixels of the crop, (N, 2, 3), with the errors of a face mesh."""
    points = np.stack([head.points(pose) for pose in poses]) * UNIT + CENTRE
    size = np.array(crop_size(resolution))
    # A face mesh errs alike throughout a clip and a little more from frame to frame.
    errors = rng.uniform(-1, 1, 4) * BIAS + rng.standard_normal((len(poses), 4)) * JITTER
    scale, angle = 1 + errors[:, 0], errors[:, 1]
    cos, sin = scale * np.cos(angle), scale * np.sin(angle)
    turn = np.stack([np.stack([cos, -sin], -1), np.stack([sin, cos], -1)], 1)  # (N, 2, 2)
    matrices = fit_similarity(points, resolution) - [[[0, 0, size[0] / 2], [0, 0, size[1] / 2]]]
    matrices = np.einsum("nij,njk->nik", turn, matrices)
    matrices[:, :, 2] += size / 2 + errors[:, 2:] * size  # turned and scaled about the middle of the crop
    return matrices


def _invert(matrix: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return the map from pixels of the crop to head units, (2, 3)."""
    inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
    inverse[:, 2] -= CENTRE
    return np.asarray(inverse / UNIT)
