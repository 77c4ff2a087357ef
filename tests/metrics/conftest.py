"""A clip of a talking head, as frames in memory, its audio, and its view."""

import numpy as np
import pytest
import torch
from stand_ins import Redness, speaker, true_track

from latentsync_core.media import TensorClip
from latentsync_core.metrics.view import look


@pytest.fixture(scope="session")
def scene():
    drawn, audio = speaker()
    clip = TensorClip(torch.from_numpy(np.stack(list(drawn.read(range(75))))), 25)
    clip.truth = drawn.truth
    return clip, audio, look(clip, Redness(), true_track(drawn))
