"""Surveys of whole clips, and the choice of the speaker."""

import numpy as np
import pytest
from face_scenes import ListClip, face_at, scene

from latentsync_core.data import FaceTrack
from latentsync_core.errors import FaceError, InputError, OptionError
from latentsync_core.faces import Survey, choose, draw_faces, survey


class FakeFinder:
    """Finds the given faces, frame by frame; `hidden` ones only by a thorough search."""

    def __init__(self, faces, hidden=()):
        self.faces, self.hidden, self.thorough_calls = faces, hidden, 0

    def find(self, frames, thorough=False):
        self.thorough_calls += thorough
        numbers = [int(frame[0, 0, 0]) for frame in frames]
        return [self.hidden[n] if thorough and self.hidden else self.faces[n] for n in numbers]

    def find_others(self, frame, known, place=None):
        return []

    def measure(self, frames, rois):
        return [None] * len(rois)


def numbered_clip(count):
    """Frames that carry their number in a corner."""
    frames = np.full((count, 20, 30, 3), 100, np.uint8)
    frames[:, 0, 0, 0] = np.arange(count)
    return ListClip(list(frames))


def two_persons(count=40):
    """Person 0 is small and always there, person 1 is big, to the right, and there half of the time."""
    return [
        [face_at(100 + i, 100)] + ([face_at(500, 120, size=250, person=1)] if i < count // 2 else [])
        for i in range(count)
    ]


def test_the_clip_is_read_once_and_progress_is_told():
    clip, seen = numbered_clip(40), []
    found = survey(clip, FakeFinder(two_persons()), lambda done, total: seen.append((done, total)))
    assert clip.reads == 1 and seen == [(0, 40), (16, 40), (32, 40), (40, 40)]
    assert found.boxes.shape == (2, 40, 4)
    assert [t.found.sum() for t in found.tracks] == [20, 40]  # the greater area comes first
    assert np.isnan(found.tracks[0].points[20:]).all() and (found.tracks[0].scores[20:] == 0).all()
    assert np.isnan(found.boxes[0, 20:]).all()


def test_progress_may_cancel():
    class Stop(Exception):
        pass

    def cancel(done, total):
        raise Stop

    with pytest.raises(Stop):
        survey(numbered_clip(40), FakeFinder(two_persons()), cancel)


@pytest.mark.parametrize(
    "speaker, index",
    [
        ("auto", 0),
        ("largest", 0),
        (1, 0),
        (2, 1),
        ("left", 1),
        ("right", 0),
        ((120.0, 90.0), 1),
        ((700.0, 20.0), 0),
        ((0.0, 0.0), 1),
        ((20.0, 40.0, 180.0, 160.0), 1),
        ((300.0, 0.0, 700.0, 300.0), 0),
    ],
)
def test_choose(speaker, index):
    found = survey(numbered_clip(40), FakeFinder(two_persons()))
    assert picked(found, speaker) == index + 1


def picked(found, speaker):
    """The number of the one person that is chosen."""
    track = choose(found, speaker)
    (number,) = track.choice.scenes[0].persons
    assert np.array_equal(track.points, found.tracks[number - 1].points, equal_nan=True)
    assert np.array_equal(track.others, ~np.isnan(np.delete(found.boxes, number - 1, 0)[..., 0]).all(0))
    return number


def test_two_numbers_are_joined_by_hand():
    """The first named counts where both are seen; nothing is bridged from one to the other."""
    faces = [
        [face_at(100, 100)] * (i < 15) + [face_at(500, 120, size=250, person=1)] * (i >= 12)
        for i in range(30)
    ]
    found = survey(numbered_clip(30), FakeFinder(faces))
    track = choose(found, "2+1")
    assert track.found.all() and track.cuts == (15,) and np.flatnonzero(track.others).tolist() == [12, 13, 14]
    assert (track.points[:15, 2, 0] == 100).all() and (track.points[15:, 2, 0] == 500).all()
    assert choose(found, "1+2").cuts == (12,)
    assert str(track.choice) == "speaker, of 2 found: person 2+1, as asked for"
    with pytest.raises(FaceError, match="Face 3 was asked for; 2 found"):
        choose(found, "1+3")


def test_a_bystander_is_neither_left_nor_right():
    faces = two_persons()
    faces[3] = [*faces[3], face_at(10, 10, size=20, person=2), face_at(900, 10, size=20, person=3)]
    found = survey(numbered_clip(40), FakeFinder(faces))
    assert len(found.tracks) == 4
    assert picked(found, "left") == 2 and picked(found, "right") == 1


@pytest.mark.parametrize("speaker", [0, 3, -1])
def test_a_number_that_nobody_has(speaker):
    with pytest.raises(FaceError, match="2 found"):
        choose(survey(numbered_clip(40), FakeFinder(two_persons())), speaker)


def test_the_box_is_that_of_the_greatest_mean_overlap():
    """One person is in the box half of the time, the other near it always; the frames without one do not count."""
    faces = [
        [face_at(100, 100)] + ([face_at(220, 100, size=90, person=1)] if i < 10 else []) for i in range(40)
    ]
    found = survey(numbered_clip(40), FakeFinder(faces))
    box = tuple(np.nanmean(found.boxes[1], axis=0).tolist())
    assert picked(found, box) == 2
    assert picked(found, (box[0] - 60, box[1], box[2], box[3])) == 2
    assert picked(found, (0.0, 0.0, 150.0, 200.0)) == 1


@pytest.mark.parametrize("point", [(5000.0, 0.0), (100.0, 262.0), (900.0, 120.0)])
def test_a_point_further_than_a_face_s_size_from_every_face_is_refused(point):
    found = survey(numbered_clip(40), FakeFinder(two_persons()))
    with pytest.raises(FaceError, match=r"No face is at the point .* never comes nearer than \d+ pixels"):
        choose(found, point)


def test_a_point_where_somebody_walks_by_is_theirs():
    """Far from where they are on average, while another stands nearer than that, but not near."""
    faces = [[face_at(100 + 30 * i, 100), face_at(400, 700, person=1)] for i in range(40)]
    found = survey(numbered_clip(40), FakeFinder(faces))
    track = choose(found, (120.0, 100.0))
    assert np.allclose(track.points[0, 2], [100, 110])


def test_the_points_in_a_box_are_where_those_of_a_face_are(finder):
    """Of a head that is found; the box is its own, and no survey knows it."""
    (face,) = finder.find([scene((1, 240, 180, 250, 0))])[0]
    empty = survey(ListClip([scene()] * 2), finder)
    track = choose(empty, tuple(face.box.tolist()))
    assert np.abs(track.points[0] - face.points).max() < 0.09 * (face.box[3] - face.box[1])


def test_a_box_that_no_face_touches_is_a_face_itself():
    found = survey(numbered_clip(40), FakeFinder(two_persons()))
    track = choose(found, (12.0, 0.0, 30.0, 19.0))
    assert track.found.all() and (track.points == track.points[0]).all()
    assert (track.size, track.cuts) == ((20, 30), tuple(found.cuts))
    assert "the given box" in str(track.choice)
    assert ([12, 0] < track.points[0]).all() and (track.points[0] < [30, 19]).all()


@pytest.mark.parametrize(
    "speaker", ["middle", "1+", "+1", True, 1.5, (1, 2, 3), None, (5, 0, 5, 9), (0, np.nan, 5, 9)]
)
def test_a_speaker_of_no_known_kind(speaker):
    with pytest.raises(OptionError, match="speaker.* takes"):
        choose(survey(numbered_clip(40), FakeFinder(two_persons())), speaker)


def test_no_face_anywhere(finder):
    found = survey(ListClip([scene(size=(60, 80))] * 3), finder)
    assert found.tracks == () and found.boxes.shape == (0, 3, 4)
    assert choose(found, (10.0, 10.0, 50.0, 55.0)).found.all()
    with pytest.raises(FaceError, match="found in 3 frames"):
        choose(found)


def test_a_few_probes_decide_whether_empty_frames_are_searched_thoroughly():
    nothing = [[] for _ in range(48)]
    finder = FakeFinder(nothing)
    survey(numbered_clip(48), finder)
    assert finder.thorough_calls == 9  # 3 in each batch of 16
    hidden = [[face_at(100, 100)] if i < 20 else [] for i in range(48)]
    found = survey(numbered_clip(48), FakeFinder(nothing, hidden))
    assert found.tracks[0].found.sum() == 20


def test_a_clip_that_ends_early_is_refused():
    clip = numbered_clip(10)
    clip.times = np.arange(12) / 25
    clip.read = lambda indices: iter(clip.frames)
    with pytest.raises(InputError, match="12 times but 10 frames"):
        survey(clip, FakeFinder(two_persons()))


def test_at_most_sixteen_persons():
    faces = [[face_at(300 * k, 100, size=100 + k, person=k) for k in range(20)] for _ in range(4)]
    found = survey(numbered_clip(4), FakeFinder(faces))
    assert len(found.tracks) == 16 and (np.diff(found.areas) < 0).all()


@pytest.mark.parametrize(
    "boxes, cuts",
    [((1, 4, 4), []), ((1, 5, 3), []), ((2, 5, 4), []), ((1, 5, 4), [3, 2]), ((1, 5, 4), [5])],
)
def test_survey_checks_itself(boxes, cuts):
    track = FaceTrack.from_points(np.zeros((5, 3, 2)))
    with pytest.raises(InputError):
        Survey((track,), np.zeros(boxes), np.array(cuts, np.int64))


def test_painted_heads_that_cross_with_a_cut_and_a_cutaway(finder):
    def shot(i):
        return scene((0, 110 + 8 * i, 190, 180, 0), (1, 390 - 8 * i, 150, 150, 0), size=(360, 500))

    cutaway = scene((2, 250, 180, 300, 5), size=(360, 500), background=(200, 60, 30))
    frames = [shot(i) for i in range(10)] + [cutaway] * 5 + [shot(i) for i in range(6, 30)]
    found = survey(ListClip(frames), finder)
    assert found.cuts.tolist() == [10, 15]
    assert all(track.cuts == (10, 15) for track in found.tracks)
    assert len(found.tracks) == 3
    guest, *walkers = sorted(found.tracks, key=lambda track: track.found.sum())
    assert guest.found[10:15].all() and guest.found.sum() == 5
    ways = sorted(float(track.points[-1, 2, 0] - track.points[0, 2, 0]) for track in walkers)
    assert np.allclose(ways, [-8 * 29, 8 * 29], atol=6)


@pytest.mark.parametrize("white", [255, 1.0])
def test_draw_faces(finder, white):
    frame = scene((1, 240, 180, 250, 0))
    frame = frame if white == 255 else frame.astype(np.float32) / 255
    found = survey(ListClip([frame, scene()]), finder)
    before = frame.copy()
    drawn = draw_faces(frame, found, 0)
    assert drawn.dtype == frame.dtype and drawn.shape == frame.shape and np.array_equal(frame, before)
    assert drawn.max() <= white and (drawn != frame).any(-1).mean() > 0.005
    x, y = found.tracks[0].points[0, 2].round().astype(int)
    assert np.allclose(drawn[y, x], np.array([64, 220, 90]) * white / 255)
    assert np.array_equal(draw_faces(scene(), found, 1), scene())
