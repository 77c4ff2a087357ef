"""Linking faces to persons, with faces made by hand."""

import numpy as np
from face_scenes import face_at, scene

from latentsync_core.faces.cuts import find_cuts, find_inserts, make_thumbnail
from latentsync_core.faces.track import link


def positions(person):
    return {index: face.box[0] + 50 for index, face in person.faces.items()}


def test_two_faces_that_cross_keep_their_identity():
    paths = [(100 + 10 * i, 500 - 10 * i) for i in range(41)]
    frames = [[face_at(a, 200, person=0), face_at(b, 240, person=1)] for a, b in paths]
    persons, jumps = link(frames, [], 12)
    assert jumps == [] and len(persons) == 2
    assert [positions(p)[40] - positions(p)[0] for p in persons] == [400, -400]


def test_crossing_twins_are_told_apart_by_their_motion():
    paths = [(100 + 10 * i, 510 - 10 * i) for i in range(42)]
    frames = [[face_at(a, 200), face_at(b, 200)][:: (-1) ** i] for i, (a, b) in enumerate(paths)]
    persons, _ = link(frames, [], 12)
    assert sorted(positions(p)[41] - positions(p)[0] for p in persons) == [-410, 410]


def test_a_bigger_face_that_appears_takes_nothing_over():
    frames = [
        [face_at(200, 200)] + ([face_at(600, 300, size=300, person=1)] if i > 5 else []) for i in range(12)
    ]
    persons, _ = link(frames, [], 12)
    assert [len(p.faces) for p in persons] == [12, 6]


def test_a_hidden_face_is_followed_through_its_gap():
    frames = [[] if 10 <= i < 15 else [face_at(100 + 12 * i, 200)] for i in range(30)]
    persons, jumps = link(frames, [], 12)
    assert len(persons) == 1 and jumps == [] and len(persons[0].faces) == 25


def test_a_person_who_returns_after_a_cutaway_is_recognised():
    frames = [[face_at(200, 200)]] * 10 + [[face_at(220, 210, person=1)]] * 10 + [[face_at(600, 400)]] * 10
    persons, jumps = link(frames, [10, 20], 12)
    assert [sorted(p.faces) for p in persons] == [[*range(10), *range(20, 30)], [*range(10, 20)]]
    assert set(jumps) <= {20}


def test_other_persons_at_the_same_place_after_a_cut_are_other_persons():
    frames = [[face_at(200, 200, person=i // 10)] for i in range(30)]
    assert len(link(frames, [10, 20], 12)[0]) == 3


def test_an_unseen_cut_is_reported_as_a_jump():
    frames = [[face_at(200, 200)]] * 10 + [[face_at(600, 200)]] * 10
    persons, jumps = link(frames, [], 12)
    assert len(persons) == 1 and jumps == [10]


def test_nobody():
    assert link([[], [], []], [1], 12) == ([], [])


def thumbnails(values):
    rng = np.random.default_rng(1)
    pattern = rng.integers(0, 200, (max(values) + 1, 24, 24))
    return np.stack([pattern[v] + rng.integers(0, 3, (24, 24)) for v in values]).astype(np.uint8)


def test_cuts():
    assert find_cuts(thumbnails([0] * 10 + [1] * 10 + [2] * 10)).tolist() == [10, 20]


def test_neither_a_flash_nor_steady_change_is_a_cut():
    assert find_cuts(thumbnails([0] * 10 + [1] + [0] * 10)).size == 0
    assert find_cuts(np.stack([np.full((24, 24), 5 * i, np.uint8) for i in range(40)])).size == 0


def test_single_frames_of_another_scene_are_inserts():
    assert find_inserts(thumbnails([0] * 10 + [1] + [0] * 10)).tolist() == [10]
    assert find_inserts(thumbnails([0, 1] + [0] * 5 + [2, 0])).tolist() == [1, 7]
    assert find_inserts(thumbnails([0] * 10 + [1] + [2] * 10)).size == 0  # a scene of one frame
    assert find_inserts(thumbnails([0] * 10 + [1, 1] + [0] * 10)).size == 0
    assert find_inserts(thumbnails([1] + [0] * 10 + [1])).size == 0


def test_cuts_of_very_short_clips():
    for count in range(1, 6):
        assert find_cuts(thumbnails([0] * count)).size == find_inserts(thumbnails([0] * count)).size == 0


def test_thumbnails_of_any_frame():
    assert make_thumbnail(np.full((1, 1, 3), 77, np.uint8)).shape == (24, 24)
    frame = scene((0, 240, 180, 300, 0))
    difference = make_thumbnail(frame).astype(int) - make_thumbnail(frame.astype(np.float32) / 255)
    assert np.abs(difference).max() <= 1
    assert (make_thumbnail(np.full((30, 30, 3), np.nan, np.float32)) == 0).all()
