"""A short synthetic clip, a sentence and a small untrained checkpoint, as files."""

import hashlib
from fractions import Fraction

import numpy as np
import pytest
from support.sounds import write_wav

from latentsync_core import FileClip, Waveform, open_writer, speakers
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


@pytest.fixture(scope="session", autouse=True)
def found_once():
    """Look for the faces of a file once in all tests of the command line: `tests/faces` looks for them anew."""
    look, known = speakers.survey, {}

    def find(clip, finder, on_progress=None, place=None):
        if not isinstance(clip, FileClip) or not clip.path.is_file():
            return look(clip, finder, on_progress, place)
        key = hashlib.sha256(clip.path.read_bytes()).digest(), clip.identity.endswith("deinterlaced"), place
        if key not in known:
            known[key] = look(clip, finder, on_progress, place)
        elif on_progress is not None:
            on_progress(len(clip), len(clip))
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(speakers, "survey", find)
        yield
