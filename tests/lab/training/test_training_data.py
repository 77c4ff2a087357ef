from dataclasses import replace

import numpy as np
import pytest

from latentsync_core.faces import crop_face, fit_similarity
from latentsync_lab.synthetic import MouthTrack, talking_clip
from latentsync_lab.training import data, voices
from latentsync_lab.training.data import SyntheticDataset, identity_seed, render
from latentsync_lab.training.recipes import NANO


def mouth(openness):
    values = np.asarray(openness, np.float32)
    return MouthTrack(values, 0 * values, 0 * values)


def test_training_and_test_data_have_nothing_in_common():
    assert not set(voices.TRAIN_VOICES) & set(voices.TEST_VOICES)
    train, test = ({identity_seed(k, t) for k in range(10_000)} for t in (False, True))
    assert not train & test


def test_crops_agree_with_those_of_a_rendered_video(monkeypatch):
    monkeypatch.setattr(data, "BIAS", (0, 0, 0, 0))
    monkeypatch.setattr(data, "JITTER", (0, 0, 0, 0))
    monkeypatch.setattr(data, "GRAIN", 0.0)
    clip = talking_clip(7, np.zeros(16_000, np.float32))
    frame = next(clip.read([0]))
    points = clip.truth[0].points[:1]
    expected = crop_face(frame, fit_similarity(points, 128)[0], 128)
    recipe = replace(NANO.data, clip_frames=1)
    drawn = render(7, mouth([0.0]), recipe)[0].astype(np.float32)
    # the clip's motion is sampled in the middle of a frame, a training clip's at its start; grain is 2 levels
    assert np.abs(drawn - expected).mean() < 5
    assert np.corrcoef(drawn.ravel(), expected.ravel())[0, 1] > 0.98


def test_utterances_differ_in_the_mouth_alone():
    recipe = replace(NANO.data, clip_frames=2)
    closed, opened = (render(3, mouth([v, v]), recipe).astype(int) for v in (0.0, 1.0))
    changed = np.abs(closed - opened).mean(-1)[0]
    assert changed[75:115, 44:84].mean() > 10
    assert changed[:48].mean() < 1


def test_crops_are_made_once_and_kept(store, monkeypatch):
    first = store.crops(0)
    monkeypatch.setattr(data, "render", lambda *args: pytest.fail("made again"))
    assert first.shape == (18, 128, 128, 3) and first.dtype == np.uint8
    assert np.array_equal(SyntheticDataset(store.folder.parent, store.recipe).crops(0), first)


def test_utterances_say_different_parts(store):
    first, second = store.utterances(1)
    assert (first.track, first.start) != (second.track, second.start)
    assert store.times(first)[0] == first.start
    assert len(store.mouth(first)) == 18
