"""Dubs of drawn scenes by nano: each mouth follows its own line and no other, and the rest is the film's own."""

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

from latentsync_core import Options, Waveform, load_models
from latentsync_core.data import SPEECH_RATE
from latentsync_lab.synthetic import bundled_speech

SECONDS = 2.4


@pytest.fixture(scope="module")
def scenes():
    path = Path(__file__).resolve().parents[1] / "benchmarks" / "dubbing.py"
    spec = importlib.util.spec_from_file_location("benchmark_dubbing", path)
    module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    yield module
    del sys.modules[spec.name]


@pytest.fixture(scope="module")
def nano():
    return load_models("nano", device="cpu")


def part(name, start, seconds=SECONDS):
    first = round(start * SPEECH_RATE)
    return bundled_speech(name).samples[0, first : first + round(seconds * SPEECH_RATE)]


@pytest.mark.slow
@pytest.mark.parametrize("scene", ["row", "crossing", "cuts"])
def test_each_of_two_who_speak_at_once_follows_its_own_line(scenes, nano, scene):
    film = scenes.Film(scenes.SCENES[scene](3, [part("b", 1.2), part("a", 1.4)], SECONDS))
    lines = [
        film.say(person, Waveform(part(name, start, 1.8)[None], SPEECH_RATE), begin, str(person + 1))
        for person, (name, start, begin) in enumerate([("a", 0.3, 0.2), ("b", 0.4, 0.48)])
    ]
    dub, frames = scenes.dub_film(film, lines, Options.preset("draft"), nano)
    for line in scenes.follow_lines(film, lines, dub, frames):
        assert line.shown > 10 and line.own >= 0.85 and not line.leaked > 0.2, line
    assert scenes.count_strange_lips(film, lines, frames) == 0
    assert np.array_equal(frames[:4], film.frames[:4]) and dub.problems == ()
