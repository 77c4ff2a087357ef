"""A short synthetic clip, a sentence and a small untrained checkpoint, as files."""

from fractions import Fraction

import numpy as np
import pytest
from support.sounds import write_wav

from latentsync_core import Waveform, open_writer
from latentsync_lab.fresh import write_untrained
from latentsync_lab.synthetic import bundled_speech, talking_clip


@pytest.fixture(scope="session")
def files(tmp_path_factory):
    """A folder with video.mkv (20 frames at 25 fps with audio), speech.wav and checkpoint/."""
    folder = tmp_path_factory.mktemp("with space and ünïcode")
    said = bundled_speech("a")
    said = Waveform(np.ascontiguousarray(said.samples[:, 4000:16800]), said.sample_rate)
    clip = talking_clip(3, said, size=(192, 192))
    with open_writer(folder / "video.mkv", 192, 192, Fraction(25), audio=said) as writer:
        for seconds, frame in zip(clip.times, clip.read(range(20)), strict=True):
            writer.write(frame, float(seconds))
    write_wav(folder / "speech.wav", bundled_speech("b").samples[0, 8000:18000])
    write_untrained(folder / "checkpoint", resolution=64)
    return folder
