"""Frames without a face between frames that show it: looked at again, held, and left alone where something else is."""

from dataclasses import replace

import numpy as np
import pytest
from face_scenes import ListClip, face_at

from latentsync_core.data import FaceTrack
from latentsync_core.faces import choose, hold_place, survey
from latentsync_core.faces.gaps import look_again
from latentsync_core.faces.track import Person
from latentsync_lab.synthetic import Cutaway, talking_clip


class Misses:
    """A finder whose detector sees nobody in the given frames."""

    def __init__(self, finder, missed):
        self.finder, self.missed, self.number, self.measured = finder, missed, 0, 0

    def find(self, frames, thorough=False):
        found = self.finder.find(frames, thorough)
        if not thorough:
            numbers = range(self.number, self.number + len(frames))
            self.number += len(frames)
            found = [[] if i in self.missed else faces for i, faces in zip(numbers, found, strict=True)]
        return [[] for _ in frames] if thorough else found

    def find_others(self, frame, known, place=None):
        return []

    def measure(self, frames, rois):
        self.measured += len(rois)
        return self.finder.measure(frames, rois)


def drawn(*events, seconds=1.2):
    speech = np.random.default_rng(0).normal(0, 0.1, round(16000 * seconds))
    return talking_clip(4, speech, size=(240, 240), events=events)


def test_a_face_that_the_detector_missed_is_found_where_it_should_be(finder):
    clip, missed = drawn(), range(10, 18)
    whole, found = choose(survey(clip, finder)), choose(survey(clip, Misses(finder, missed)))
    assert found.found.all() and not found.cuts
    assert np.abs(found.points - whole.points)[10:18].max() < 1.5
    assert (found.scores[10:18] > 0.5).all() and not np.isnan(found.yaw).any()


def test_gaps_that_are_too_long_are_not_looked_at(finder):
    misses = Misses(finder, range(2, 28))
    track = choose(survey(drawn(), misses))
    assert track.found.sum() == 4 and misses.measured == 0


@pytest.mark.parametrize("frames", [1, 2, 5])
def test_frames_that_show_something_else_are_left_alone(finder, frames):
    """A cut-away of one frame too, which is not smoothed over: the face goes on behind it."""
    clip = drawn(Cutaway(0.4, 0.4 + 0.04 * frames))
    track = choose(survey(clip, finder))
    hidden = list(range(10, 10 + frames))
    assert np.flatnonzero(~track.found).tolist() == hidden and track.cuts == (10, 10 + frames)
    assert (hold_place(track, clip.times).found == track.found).all()


def test_a_flash_is_no_insert(finder):
    frames = list(drawn(seconds=0.8).read(range(20)))
    frames[10] = np.minimum(frames[10].astype(int) * 1.6 + 40, 255).astype(np.uint8)
    track = choose(survey(ListClip(frames), finder))
    assert track.found.all() and track.cuts == ()


def seen_between(face, other=None, cuts=()):
    """The frames of a gap of three in which `look_again` sees a person, where the mesh returns `face`."""
    person = Person({0: face_at(100, 100), 4: face_at(108, 100)}, np.zeros((1, 231)))
    bystander = Person({2: other} if other else {}, np.zeros((1, 231)))

    class Finder:
        def measure(self, frames, rois):
            return [face] * len(rois)

    clip = ListClip([np.zeros((8, 8, 3), np.uint8)] * 10)
    found = list(look_again(clip, Finder(), [person, bystander], np.array(cuts, int)))
    assert all(who is person for who, *_ in found)
    return [index for _, index, _ in found]


def test_only_the_same_face_in_its_place_counts():
    face = face_at(104, 100)
    assert seen_between(face) == [1, 2, 3]
    assert seen_between(None) == []
    assert seen_between(replace(face, look=face_at(0, 0, person=1).look)) == []
    assert seen_between(face_at(180, 100)) == []
    assert seen_between(face, other=face_at(110, 100, person=1)) == [1, 3]
    assert seen_between(face, cuts=[4]) == [] and seen_between(face, cuts=[5]) == [1, 2, 3]


def test_places_are_held_through_short_gaps_in_a_scene():
    times = np.arange(140) / 25
    whole = np.ones((140, 3, 2)) * times[:, None, None] * 100
    points = whole.copy()
    missing = [*range(3), *range(10, 34), *range(40, 65), *range(80, 84), *range(137, 140)]
    points[missing] = np.nan
    held = hold_place(FaceTrack(points, np.ones(140), cuts=(82, 100)), times).points
    # 24 frames lie within a second, 25 do not; nothing is brought over the cut.
    absent = np.flatnonzero(np.isnan(held[:, 0, 0])).tolist()
    assert absent == list(range(40, 65))
    assert np.allclose(held[10:34], whole[10:34]) and np.allclose(held[:3], whole[3])
    assert np.allclose(held[80:82], whole[79]) and np.allclose(held[82:84], whole[84])
    assert np.allclose(held[137:], whole[136])


def test_a_scene_without_the_face_stays_empty():
    points = np.full((20, 3, 2), np.nan)
    points[15] = 1
    held = hold_place(FaceTrack(points, np.ones(20), cuts=(10,)), np.arange(20) / 25)
    assert np.flatnonzero(held.found).tolist() == list(range(10, 20))
