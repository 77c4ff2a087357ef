"""Two people cross: who is followed through it is in no other scene, and a face between both is put in its place."""

from fractions import Fraction

import numpy as np
from face_scenes import face_at

from latentsync_core.faces import choose, survey
from latentsync_core.faces.gaps import return_strays, take_strays
from latentsync_core.faces.track import Person, link
from latentsync_lab.synthetic import Identity, Motion, Scene, SyntheticClip, Walk
from latentsync_lab.synthetic import Person as Actor

LOOKS = np.zeros((1, 231))
NO_CUTS = np.array([], np.int64)


def walkers(strays=()):
    """A person who walks 5 pixels a frame and one who is hidden by that one; strays: frames, and pixels off the path."""
    off = dict(strays)
    front = {i: face_at(500 - 5 * i + off.get(i, 0), 200) for i in range(60)}
    rear = {i: face_at(200 + 5 * i, 200, person=1) for i in range(60) if not 22 <= i < 38}
    return [Person(front, LOOKS), Person(rear, LOOKS)]


def test_a_face_between_two_that_cross_is_taken_out_and_has_its_place_at_last():
    persons = walkers({36: 9, 37: 30, 50: 8}.items())
    strays = take_strays(persons, NO_CUTS)
    assert [(person is persons[0], index) for person, index, _ in strays] == [(True, 36), (True, 37)]
    persons[0].faces[37] = found = face_at(314, 200)
    return_strays(strays, NO_CUTS)
    assert persons[0].faces[37] is found and len(persons[0].faces) == 60
    middle = persons[0].faces[36].points.mean(0)
    assert np.abs(middle - face_at(319.5, 200).points.mean(0)).max() < 1e-9


def test_faces_that_walk_and_jitter_stay_where_they_were_measured():
    rng = np.random.default_rng(0)
    persons = walkers({i: float(rng.normal(0, 1)) for i in range(60)}.items())
    assert take_strays(persons, NO_CUTS) == []
    before, after = (
        {i: face_at(x, 200) for i in frames} for x, frames in ((100, range(20)), (500, range(20, 40)))
    )
    other = Person({i: face_at(140, 200, person=1) for i in range(22)}, LOOKS)
    assert take_strays([Person(before | after, LOOKS), other], np.array([20])) == []
    alone = walkers({30: 20}.items())[:1]
    assert take_strays(alone, NO_CUTS) == []


def test_a_jump_of_one_person_is_none_of_another_who_is_followed_through_it():
    frames = [[face_at(200 + i, 200), face_at(600 if i < 10 else 900, 400, person=1)] for i in range(20)]
    (one, two), jumps = link(frames, [], 12)
    assert (one.jumps, two.jumps, jumps) == ([], [10], [10])


def test_the_one_in_front_is_followed_through_a_crossing(finder):
    said = np.random.default_rng(0).normal(0, 0.05, 32000).astype(np.float32)
    cast = tuple(
        Actor(Identity.random(300 + i), said, (100 + 200 * i, 120), 56, Motion(300 + i)) for i in range(2)
    )
    walks = Walk(0.1, 1.5, 0, way=200), Walk(0.1, 1.5, 1, way=-200)
    clip = SyntheticClip(Scene(cast, Fraction(25), 40, (400, 240), walks, seed=3))
    found = survey(clip, finder)
    for truth, last in zip(clip.truth, (100, 300), strict=True):
        near = [np.abs(track.points[[2, 37]] - truth.points[[2, 37]]).max() for track in found.tracks]
        assert np.nanmin(near) < 6, (near, last)
    front = choose(found, tuple(clip.truth[1].points[2].mean(0)))
    off = np.abs(front.points - clip.truth[1].points).mean((1, 2))
    assert not front.cuts and front.found.all() and off.max() < 4
