"""Who speaks, by the clip's own audio: two drawn people who take turns."""

import logging
from dataclasses import replace

import numpy as np
import pytest

from latentsync_core.data import SPEECH_RATE, FaceTrack, Waveform
from latentsync_core.errors import MediaError
from latentsync_core.faces import Survey
from latentsync_core.media import TensorClip
from latentsync_core.metrics.active_speaker import detect_speaker
from latentsync_core.speakers import choose_speaker, find_face
from latentsync_lab.synthetic import Identity, Motion, Person, Scene, Silence, SyntheticClip, bundled_speech

TURN = 55
"""Frames in which one of them speaks, and the other keeps silent."""
SIZE = (320, 180)


def draw_turn(speaking):
    """One scene, in which the person of that index speaks."""
    seconds = TURN / 25
    people = tuple(
        Person(
            Identity.random(seed),
            bundled_speech(voice).samples[0, 8000:],
            (SIZE[0] * x, 90),
            44,
            Motion(seed),
        )
        for seed, voice, x in ((3, "a", 0.27), (8, "b", 0.73))
    )
    return SyntheticClip(Scene(people, 25, TURN, SIZE, (Silence(0, seconds, 1 - speaking),), seed=speaking))


@pytest.fixture(scope="module")
def dialogue():
    """Person 1, on the left, speaks for a scene, then person 2."""
    turns = [draw_turn(0), draw_turn(1)]
    frames = np.stack([frame for turn in turns for frame in turn.read(range(TURN))])
    audio = np.concatenate([turn.speech(i).samples[0] for i, turn in enumerate(turns)])
    tracks = tuple(
        FaceTrack(
            np.concatenate([turn.truth[person].points for turn in turns]),
            np.ones(2 * TURN),
            (TURN,),
            openings=np.concatenate([turn.truth[person].mouth.openness for turn in turns]) / 5,
        )
        for person in (0, 1)
    )
    low, high = (np.stack([edge(track.points, axis=1) for track in tracks]) for edge in (np.min, np.max))
    found = Survey(tracks, np.concatenate([low - 20, high + 20], -1), np.array([TURN]))
    return TensorClip(frames, 25, Waveform(audio[None], SPEECH_RATE)), found


def test_the_lips_that_fit_the_audio_speak(dialogue):
    clip, found = dialogue
    calls = []
    track = choose_speaker(clip, found, progress=lambda *call: calls.append(call))
    first, second = track.choice.scenes
    assert [(s.first, s.last, s.persons, s.by) for s in (first, second)] == [
        (0, TURN - 1, (1,), "synchrony"),
        (TURN, 2 * TURN - 1, (2,), "synchrony"),
    ]
    assert min(first.sure, second.sure) > 0.9 and track.choice.note == ""
    assert calls == [("speaker", 1, 2), ("speaker", 2, 2)]
    assert np.array_equal(track.points[:TURN], found.tracks[0].points[:TURN])
    assert np.array_equal(track.points[TURN:], found.tracks[1].points[TURN:]) and track.others.all()


def test_without_a_syncnet_the_mouth_that_opens_with_the_audio_speaks(dialogue):
    clip, found = dialogue
    choice = detect_speaker(clip, found, clip.read_own_audio(), ())
    assert [(s.persons, s.by) for s in choice.scenes] == [((1,), "opening"), ((2,), "opening")]
    assert all(0.8 <= scene.sure < 1 for scene in choice.scenes)


def test_a_scene_that_does_not_tell_has_the_usual_speaker(dialogue):
    clip, found = dialogue
    short = replace(found, cuts=np.array([TURN, TURN + 40, TURN + 45]))
    hidden = found.boxes.copy()
    hidden[0, TURN + 45 :] = np.nan
    choice = detect_speaker(clip, replace(short, boxes=hidden), clip.read_own_audio(), ())
    told = [(s.first, s.persons, s.by) for s in choice.scenes]
    assert told[0] == (0, (1,), "opening") and told[1] == (TURN, (2,), "opening")
    assert told[2:] == [(TURN + 40, (1,), "elsewhere"), (TURN + 45, (), "nobody")]


@pytest.mark.parametrize("audio", [None, Waveform(np.zeros((1, 70400), np.float32), SPEECH_RATE)])
def test_without_words_the_largest_face_speaks(dialogue, audio):
    clip, found = dialogue
    quiet = TensorClip(np.stack(list(clip.read(range(2 * TURN)))), 25, audio)
    (scene,) = (choice := choose_speaker(quiet, found).choice).scenes
    assert (scene.persons, scene.by, scene.sure) == ((1,), "area", None)
    assert choice.note in str(choice)
    assert ("no audio of the clip's own" in choice.note) == (audio is None)


def test_who_is_asked_for_speaks_whatever_is_heard(dialogue):
    clip, found = dialogue
    for asked, number in (("largest", 1), (2, 2), ("right", 2)):
        (scene,) = choose_speaker(clip, found, asked).choice.scenes
        assert scene.persons == (number,)


def test_damaged_audio_is_said_so_and_stops_nothing(dialogue, caplog):
    clip, found = dialogue

    class Damaged(TensorClip):
        def read_own_audio(self):
            raise MediaError("a.mp4 has damaged audio.")

    frames = np.stack(list(clip.read(range(2 * TURN))))
    with caplog.at_level(logging.WARNING):
        assert choose_speaker(Damaged(frames, 25), found).choice.scenes[0].by == "area"
    assert "a.mp4 has damaged audio" in caplog.text


def test_one_person_needs_no_audio(dialogue):
    clip, _ = dialogue

    class Deaf(TensorClip):
        def read_own_audio(self):
            raise AssertionError

    frames = np.stack(list(clip.read(range(3))))[:, :, :160]
    (scene,) = find_face(Deaf(frames, 25)).choice.scenes
    assert (scene.persons, scene.by) == ((1,), "only")
