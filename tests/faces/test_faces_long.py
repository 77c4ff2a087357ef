"""Long clips: scenes found in chunks, looks that are shared, and what a frame costs in memory and time."""

import time
import tracemalloc
from fractions import Fraction
from importlib import import_module

import numpy as np
import pytest

from latentsync_core.faces import Face, scenes, survey
from latentsync_core.faces.cuts import find_cuts, find_inserts
from latentsync_core.faces.dissolve import find_blends
from latentsync_core.faces.scenes import SceneFinder
from latentsync_core.faces.share import LookSharer

LOOK = 795


def moving(count, seed=0):
    """Thumbnails with noise, a cut every 90 frames, a single other frame every 130 and a dissolve every 200."""
    random = np.random.default_rng(seed)
    images = random.integers(0, 200, (count // 90 + 1, 24, 24))[np.arange(count) // 90].astype(float)
    for first in range(60, count - 40, 200):
        part = np.linspace(0, 1, 20)[:, None, None]
        images[first : first + 20] = (1 - part) * images[first - 1] + part * images[first + 20].T
        images[first + 20 : (first // 90 + 1) * 90] = images[first + 20].T
    images[45::130] = random.integers(0, 200, (24, 24))
    return (images + random.integers(0, 3, images.shape)).astype(np.uint8)


@pytest.mark.parametrize("count", [1, 2, 40, 500, 700])
def test_scenes_are_found_in_chunks_as_in_one_go(monkeypatch, count):
    monkeypatch.setattr(scenes, "_CHUNK", 64)
    images = moving(count)
    finder, new = SceneFinder(25.0), []
    for first in range(0, count, 16):
        finder.add(list(images[first : first + 16]))
        new.append(finder.take_new())
    found = finder.finish()
    new.append(finder.take_new())
    blends = find_blends(images, 25.0)
    assert np.array_equal(found.cuts, find_cuts(images))
    assert np.array_equal(found.inserts, find_inserts(images))
    assert [reach for reach, _ in found.blends] == [reach for reach, _ in blends]
    for (_, part), (_, whole) in zip(found.blends, blends, strict=True):
        assert np.array_equal(part, whole)
    assert np.array_equal(np.concatenate([cuts for cuts, _ in new]), found.cuts)
    assert np.array_equal(np.concatenate([mask for _, mask in new]), np.any([m for _, m in blends], axis=0))
    if count == 700:
        assert len(found.cuts) >= 7 and len(found.inserts) >= 3 and found.blends[0][1].any()
        assert max(len(mask) for _, mask in new) < 200  # and not all at the end


PERSONS = np.random.default_rng(0).normal(0, 20, (2, LOOK))


def face(person, frame, noise=1.0, x=15.0):
    look = PERSONS[person] + np.random.default_rng(frame).normal(0, noise, LOOK)
    points = np.array([[x + 5, 20], [x + 25, 20], [x + 15, 35.0]])
    return Face.of(
        points, np.array([x, 10, x + 30, 50.0]), 0.99, np.rint(look).clip(-127, 127).astype(np.int8), 0.1, 2.0
    )


def share(faces, cuts=(), blended=()):
    mask = np.zeros(len(faces), bool)
    mask[list(blended)] = True
    LookSharer(faces, 25.0).advance(np.array(cuts, np.int64), mask)
    return [frame[0].look for frame in faces]


def test_looks_are_shared_where_nothing_happens():
    looks = share([[face(0, i)] for i in range(200)])
    assert len({id(look) for look in looks[40:160]}) <= 11  # one in half a second
    assert len({id(look) for look in looks[170:]}) == 30  # what follows the last frames is not known yet


@pytest.mark.parametrize("event", ["blend", "other", "second"])
def test_looks_are_kept_around_what_may_be_a_change(event):
    faces = [[face(int(event == "other" and i >= 100), i)] for i in range(200)]
    if event == "second":
        faces[100] = [face(1, 0, x=60.0), *faces[100]]
    looks = share(faces, blended=[100] if event == "blend" else ())
    assert len({id(look) for look in looks[70:130]}) == 60
    assert len({id(look) for look in looks[40:60]}) < 5


def test_no_look_is_shared_across_a_cut():
    looks = share([[face(0, i)] for i in range(200)], cuts=[100])
    assert looks[100] is not looks[99] and looks[101] is looks[100]


class NoisyClip:
    """Frames of noise, made when they are read."""

    fps, height, width = Fraction(25), 64, 64

    def __init__(self, count):
        self.times, self.duration = np.arange(count) / 25, count / 25

    def read(self, indices):
        for index in indices:
            random = np.random.default_rng(index)
            yield np.full((64, 64, 3), 40 + 97 * (index // 300) % 150, np.uint8) + random.integers(
                0, 9, (64, 64, 1), np.uint8
            )


class KnownFaces:
    """A finder that finds one face in every frame; another person's in every other scene of 300 frames."""

    def __init__(self):
        self.count = 0

    def find(self, batch, thorough=False):
        self.count += len(batch)
        return [[face(i // 300 % 2, i)] for i in range(self.count - len(batch), self.count)]

    def find_others(self, *_):
        return []

    def measure(self, frames, rois):
        return [None] * len(rois)


def survey_long(count):
    """Return the memory that is held when all frames are read, and the seconds that it takes."""
    held = []

    def note(done, total):
        if done == total:
            held.append(tracemalloc.get_traced_memory()[0])

    tracemalloc.start()
    begun = time.process_time()
    found = survey(NoisyClip(count), KnownFaces(), note)
    seconds = time.process_time() - begun
    tracemalloc.stop()
    assert len(found.tracks) == 2 and found.cuts.tolist() == list(range(300, count, 300))
    assert sum(track.found.sum() for track in found.tracks) == count
    return held[0], seconds


def test_a_frame_of_a_long_clip_costs_little_memory_and_the_same_time(monkeypatch):
    """Without what tells whether mouths are covered, which is for 15000 frames of any clip: 1 kB each."""
    monkeypatch.setattr(import_module("latentsync_core.faces.survey"), "_DESCRIBED", 1)
    (short, quick), (long, slow) = (
        survey_long(1000),
        survey_long(2024),
    )  # both end at the same place of a chunk
    assert (long - short) / 1024 < 800
    assert slow / 2024 < 1.7 * quick / 1000
