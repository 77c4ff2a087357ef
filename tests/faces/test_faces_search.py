"""Where whole frames are not enough: close-ups, small faces beside large ones, and faces at a given place."""

import numpy as np
import pytest
from face_scenes import ListClip, face_at, scene

from latentsync_core.faces import survey
from latentsync_core.faces.search import FaceSearch

LARGE, SMALL = (0, 250, 330, 420, 0), (1, 1000, 250, 80, 0)
SIZE = (640, 1200)


def centres(faces):
    return sorted(((face.box[:2] + face.box[2:]) / 2).round().tolist() for face in faces)


@pytest.mark.parametrize("size, side", [((480, 480), 1000), ((480, 640), 1300), ((640, 360), 1300)])
@pytest.mark.parametrize("number", [0, 1])
def test_a_face_as_large_as_the_frame(finder, size, number, side):
    height, width = size
    frame = scene((number, width / 2, height / 2, side, 0), size=size)
    (face,) = finder.find([frame])[0]
    expected = finder.find(
        [scene((number, 600, 600, side, 0), size=(1200, 1200))]
    )[0][0].points - [600 - width / 2, 600 - height / 2]  # fmt: skip
    assert np.abs(face.points - expected).max() < 0.03 * side


def test_a_small_face_beside_a_large_one(finder):
    frame = scene(LARGE, SMALL, size=SIZE)
    known = finder.find([frame])[0]
    assert len(known) == 1
    assert np.allclose(centres(finder.find_others(frame, known)), [[1000, 250]], atol=12)
    assert finder.find_others(scene(LARGE, size=SIZE), known) == []


def test_a_tiny_face_is_found_at_a_place(finder):
    tiny = (2, 900, 200, 46, 0)
    frame = scene(LARGE, tiny, size=(900, 1600))
    known = finder.find([frame])[0]
    assert finder.find_others(frame, known) == []
    for place in ((905, 190), (878, 178, 922, 222)):
        assert np.allclose(centres(finder.find_others(frame, known, place)), [[900, 200]], atol=8)


def test_a_small_face_is_followed_from_scene_to_scene(finder):
    """It moves 6 pixels a frame, is there before the first closer look that sees it, and is gone after a cut."""

    def shot(k, small=True):
        walker = [(1, 800 + 6 * k, 250, 80, 0)] if small else []
        return scene(LARGE, *walker, size=SIZE)

    frames = [shot(k, small=k < 12) for k in range(14)]
    frames += [scene((2, 500, 300, 300, 0), size=SIZE, background=(200, 60, 30))] * 4
    found = survey(ListClip(frames), finder)
    seen = [track.found.sum() for track in found.tracks]
    assert seen[0] == 14 and found.tracks[0].points[0, 2, 0] < 400
    walker = next(track for track in found.tracks if 700 < np.nanmean(track.points[:, 2, 0]) < 900)
    assert walker.found.tolist() == [True] * 12 + [False] * 6
    assert np.allclose(np.diff(walker.points[:12, 2, 0]), 6, atol=2)
    assert walker.scores[:12].min() > 0.9


class FakeFinder:
    """Finds a large face in each frame, and others where a closer look is taken while they are there."""

    def __init__(self, present):
        self.present, self.looks, self.places = present, [], []

    def find(self, frames, thorough=False):
        return [[face_at(100, 100)] for _ in frames]

    def find_others(self, frame, known, place=None):
        self.looks.append(int(frame[0, 0, 0]))
        self.places.append(place)
        return [] if len(known) > 1 else self._seen(frame)

    def measure(self, frames, rois):
        return [(self._seen(frame) or [None])[0] for frame, _ in zip(frames, rois, strict=True)]

    def _seen(self, frame):
        return [face_at(500, 50, size=20, person=1)] if int(frame[0, 0, 0]) in self.present else []


def search(finder, count=64, starts=(), period=20, place=None):
    frames = np.zeros((count, 8, 8, 3), np.uint8)
    frames[:, 0, 0, 0] = np.arange(count)
    seeker = FaceSearch(finder, period, place)
    found = []
    for first in range(0, count, 16):
        here = {start - first for start in starts}
        found += seeker.find(list(frames[first : first + 16]), here)
    return [number for number, faces in enumerate(found) if len(faces) == 2]


def test_closer_looks_are_few():
    finder = FakeFinder(present=())
    assert search(finder, starts=(30, 31)) == []
    assert finder.looks == [0, 20, 30, 31, 51]


def test_a_face_is_followed_in_both_directions():
    assert search(FakeFinder(present=range(64))) == list(range(64))
    # Seen by the look at frame 20: back to where the batch begins, on for as long as it is there.
    assert search(FakeFinder(present=range(5, 40))) == list(range(16, 40))
    assert search(FakeFinder(present=range(5, 40)), starts=(19,)) == list(range(19, 40))


def test_a_place_is_handed_on_to_every_closer_look():
    finder = FakeFinder(present=())
    search(finder, place=(3.0, 4.0))
    assert finder.places == [(3.0, 4.0)] * 4
