"""Folders with audio, for cue sheets."""

import sys
from pathlib import Path

import numpy as np

from latentsync_core.dub import read_cues

sys.path.insert(0, str(Path(__file__).parents[1] / "media"))
from media_files import make_audio  # noqa: E402


def write_audio(path, seconds=1.0, rate=8000):
    path.parent.mkdir(parents=True, exist_ok=True)
    samples = np.sin(np.arange(round(seconds * rate)) / 7).astype("f4")[None] / 2
    return make_audio(path, "pcm_s16le", samples, rate)


def read(folder, name, content, *args, **options):
    """Write a sheet and read it."""
    path = folder / name
    path.write_text(content, "utf-8")
    return read_cues(path, *args, **options)


def messages(sheet):
    return [str(problem) for problem in sheet.problems]
