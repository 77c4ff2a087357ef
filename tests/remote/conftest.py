"""The fake host as a fixture, and small media to send to it."""

import os
from pathlib import Path

import pytest
from remote.fake_wavespeed import FakeWaveSpeed, demo_audio, demo_video

# asked for by name only: it needs a key and the network
collect_ignore = [] if os.environ.get("WAVESPEED_LIVE") == "1" else ["test_remote_live.py"]


@pytest.fixture
def fake():
    """A fake WaveSpeed without faults; append to `fake.faults` for others."""
    with FakeWaveSpeed() as server:
        yield server


@pytest.fixture(scope="session")
def clip(tmp_path_factory) -> Path:
    """One second of h264 video, 64 x 64, 5 frames a second, no audio."""
    return demo_video(tmp_path_factory.mktemp("remote") / "clip.mp4")


@pytest.fixture(scope="session")
def speech(tmp_path_factory) -> Path:
    """Two seconds of WAV audio."""
    return demo_audio(tmp_path_factory.mktemp("remote") / "speech.wav", length=2.0)
