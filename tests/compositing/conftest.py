"""A drawn person, whose true place, mouth and grain are known."""

from dataclasses import replace
from functools import cache

import numpy as np
import pytest

from latentsync_core.compositing import blend_mask
from latentsync_core.faces import crop_face, crop_size, keep_mask, smooth_matrices
from latentsync_lab.synthetic import SyntheticClip, bundled_speech, talking_clip

FRAMES = 20


class Drawn:
    """Frames without grain, and their crops."""

    def __init__(self, seed, resolution, frames=FRAMES):
        clip = talking_clip(seed, bundled_speech().samples[0, 8000:40000], size=(480, 480))
        clip = SyntheticClip(replace(clip.scene, grain=0.0))
        self.frames = list(clip.read(range(frames)))
        self.matrices = smooth_matrices(clip.truth[0].points, clip.times, resolution)[:frames]
        self.keep, self.size = keep_mask(resolution), crop_size(resolution)
        self.mask = blend_mask(self.keep, 0.06)
        pairs = zip(self.frames, self.matrices, strict=True)
        self.crops = np.stack([crop_face(frame, matrix, resolution) for frame, matrix in pairs])


@pytest.fixture(scope="session")
def drawn():
    """Returns the drawn person of a seed at a resolution, each drawn once."""
    return cache(Drawn)
