"""Surveys come back from disk as they were."""

from dataclasses import fields
from types import SimpleNamespace

import numpy as np
import pytest
from face_scenes import ListClip

from latentsync_core import TensorClip
from latentsync_core.faces import FaceFinder, SurveyStore, survey
from latentsync_lab.synthetic import bundled_speech, talking_clip


@pytest.fixture(scope="module")
def clip():
    frames = talking_clip(3, bundled_speech("a"), size=(160, 160)).read(range(12))
    return TensorClip(np.stack(list(frames)), 25)


def same(a, b):
    if hasattr(a, "__dataclass_fields__"):
        return all(same(getattr(a, field.name), getattr(b, field.name)) for field in fields(a))
    if isinstance(a, np.ndarray):
        return a.dtype == b.dtype and np.array_equal(a, b, equal_nan=a.dtype.kind == "f")
    if isinstance(a, tuple) and a and hasattr(a[0], "__dataclass_fields__"):
        return len(a) == len(b) and all(map(same, a, b))
    return a == b


def test_a_survey_comes_back_whole(clip, tmp_path):
    found = survey(clip, FaceFinder())
    SurveyStore(tmp_path, clip).save(found)
    assert same(SurveyStore(tmp_path, clip).load(), found)
    other = TensorClip(np.stack(list(clip.read(range(11)))), 25)
    assert SurveyStore(tmp_path, other).load() is None
    assert SurveyStore(tmp_path, clip, (3.0, 4.0)).load() is None  # it may see a face there


def test_a_survey_without_anybody_comes_back(tmp_path):
    clip = TensorClip(np.full((3, 32, 32, 3), 90, np.uint8), 25)
    found = survey(clip, SimpleNamespace(find=lambda frames, thorough=False: [[] for _ in frames]))
    SurveyStore(tmp_path, clip).save(found)
    assert same(SurveyStore(tmp_path, clip).load(), found)


def test_clips_of_unknown_frames_are_not_kept(tmp_path):
    clip = ListClip([np.full((32, 32, 3), 90, np.uint8)] * 3)
    found = survey(clip, SimpleNamespace(find=lambda frames, thorough=False: [[] for _ in frames]))
    SurveyStore(tmp_path, clip).save(found)
    assert SurveyStore(tmp_path, clip).load() is None and list(tmp_path.iterdir()) == []
