"""Who is who by looks: other light and framing, cuts that nobody saw, dissolves."""

import cv2
import numpy as np
import pytest
from face_scenes import ListClip

from latentsync_core.data import Waveform
from latentsync_core.faces import choose, survey
from latentsync_core.faces.dissolve import find_blends, find_changes
from latentsync_core.faces.look import likeness
from latentsync_core.faces.track import link
from latentsync_core.pipeline import make_plan
from latentsync_lab.synthetic import bundled_speech, talking_clip

FRAMES = 48


@pytest.fixture(scope="module")
def heads():
    """Two drawn persons, (FRAMES, 200, 200, 3) each."""
    said = bundled_speech("a").samples[0, : FRAMES * 640]
    return [list(talking_clip(seed, said, size=(200, 200)).read(range(FRAMES))) for seed in (3, 8)]


def mix(heads, length):
    """One head that turns into the other over so many frames around the middle."""
    parts = np.clip((np.arange(FRAMES) - FRAMES / 2 + length / 2) / max(length, 1), 0, 1)
    return [cv2.addWeighted(a, 1 - w, b, w, 0) for a, b, w in zip(*heads, parts.tolist(), strict=True)]


@pytest.fixture(scope="module")
def dissolved(heads, finder):
    clip = ListClip(mix(heads, 16))
    return clip, survey(clip, finder)


def test_a_dissolve_has_two_persons(dissolved):
    _, found = dissolved
    assert len(found.tracks) == 2
    (cut,) = found.cuts.tolist()
    assert abs(cut - FRAMES / 2) <= 4
    seen = sorted((np.flatnonzero(track.found).tolist() for track in found.tracks), key=min)
    assert seen == [list(range(cut)), list(range(cut, FRAMES))]


def test_the_mouth_fades_out_over_a_dissolve(dissolved):
    clip, found = dissolved
    first = next(number for number, track in enumerate(found.tracks, 1) if track.found[0])
    noise = np.random.default_rng(0).standard_normal((1, FRAMES * 640)).astype(np.float32) / 10
    plan = make_plan(clip, Waveform(noise, 16000), track=choose(found, first))
    (cut,) = found.cuts.tolist()
    assert (plan.strength[: cut - 10] == 1).all() and (plan.strength[cut:] == 0).all()
    assert plan.strength[cut - 1] <= 0.4
    fading = plan.strength[cut - 8 : cut]
    assert ((fading > 0) & (fading < 1)).sum() >= 4 and (np.diff(fading) < 0.15).all()
    assert set(plan.reasons[cut:]) == {"another person"}


def test_a_cut_that_was_not_seen_parts_two_persons(heads, finder):
    a, b = (finder.find(frames[:12]) for frames in heads)
    persons, jumps = link(a + b, [], 12)
    assert [sorted(person.faces) for person in persons] == [[*range(12)], [*range(12, 24)]] and jumps == [12]
    persons, jumps = link(a + b + a, [], 12)
    assert [len(person.faces) for person in persons] == [24, 12] and jumps == [12, 24]


SHOTS = {
    "dark": lambda frame: frame * 0.5,
    "warm": lambda frame: frame * [1.15, 1, 0.75],
    "from the side": lambda frame: frame * np.linspace(0.5, 1.3, frame.shape[1])[None, :, None],
    "gamma": lambda frame: 255 * (frame / 255) ** 1.8,
    "far": lambda frame: cv2.copyMakeBorder(
        cv2.resize(frame, None, fx=0.6, fy=0.6, interpolation=cv2.INTER_AREA),
        40,
        40,
        40,
        40,
        cv2.BORDER_REFLECT,
    ),
}


@pytest.mark.parametrize("name", SHOTS)
def test_a_person_is_known_again_in_another_shot(heads, finder, name):
    other_shot = [np.clip(SHOTS[name](frame), 0, 255).astype(np.uint8) for frame in heads[0][30:34]]
    faces = finder.find([*heads[0][:4], *heads[1][:4], *other_shot])
    persons, _ = link(faces, [4, 8], 12)
    assert [sorted(person.faces) for person in persons] == [[0, 1, 2, 3, 8, 9, 10, 11], [4, 5, 6, 7]]


def looks_of(*persons, count=12):
    """Looks of persons one after the other, each a vector with a little noise."""
    rng = np.random.default_rng(5)
    means = rng.standard_normal((max(persons) + 1, 80))
    return np.concatenate([means[p] + 0.1 * rng.standard_normal((count, 80)) for p in persons])


def test_changes_of_looks():
    looks = looks_of(0, 1, 0)
    assert [change.middle for change in find_changes(np.arange(36), looks, [])] == [12, 24]
    assert list(find_changes(np.arange(24), looks_of(0, 0), [])) == []


def test_a_face_that_is_hidden_for_a_moment_stays_itself():
    looks = looks_of(0, 0, 1)
    looks[10:14] = looks[24:28]
    assert list(find_changes(np.arange(24), looks[:24], [])) == []


def test_a_slow_change_of_looks_is_a_dissolve_only_where_the_image_blends():
    looks = looks_of(0, 1)
    part = np.clip((np.arange(24) - 6) / 12, 0, 1)[:, None]
    looks = (1 - part) * looks[0] + part * looks[-1]
    blend = (6, np.abs(np.arange(24) - 12) < 3)
    (change,) = find_changes(np.arange(24), looks, [blend])
    assert abs(change.middle - 12) <= 1 and change.first < 10 and change.mixed.max() > 0.8
    assert list(find_changes(np.arange(24), looks, [(6, np.zeros(24, bool))])) == []


def test_blends_are_told_from_motion():
    rng = np.random.default_rng(2)
    a, b = cv2.GaussianBlur(rng.uniform(0, 255, (2, 24, 24)).transpose(1, 2, 0), (0, 0), 2).transpose(2, 0, 1)
    part = np.clip((np.arange(40) - 14) / 12, 0, 1)[:, None, None]
    (six, short), (twelve, medium), (_, long) = find_blends(((1 - part) * a + part * b).astype(np.uint8), 25)
    assert (six, twelve) == (6, 12) and short[20] and medium[20]
    assert not short[:10].any() and not short[30:].any() and not long.any()
    moving = np.stack([np.roll(a, i // 2, 1) for i in range(40)]).astype(np.uint8)
    assert not any(mask.any() for _, mask in find_blends(moving, 25))


def test_likeness():
    looks = np.array([[3, 4], [4, -3]], np.int8)
    assert np.allclose(likeness(looks, looks), np.eye(2)) and likeness(looks[0], looks[0]) == pytest.approx(1)
