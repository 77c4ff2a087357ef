"""The mouth does not depend on how loud the speech is; `exact` takes it as it is, as upstream does."""

import numpy as np
import pytest
from support.runs import FAST, clip_of, track_of
from support.tiny import golden_pipeline_models

from latentsync_core import Options, Waveform, lip_sync, make_plan
from latentsync_lab.synthetic import bundled_speech

FRAMES = 20


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


def speech_at(db):
    samples = bundled_speech("a").samples[:, 4000:16800]
    return Waveform(samples * np.float32(10 ** (db / 20)), 16_000)


def result(models, db, preset):
    options = Options.preset(preset, missing_face="keep", length="silence", **FAST)
    return np.stack(list(lip_sync(clip_of(FRAMES), speech_at(db), models, options, track_of(FRAMES))))


@pytest.mark.parametrize("db", [-40, -20, 12])
def test_the_result_is_the_same_however_loud_the_speech_is(models, db):
    usual, other = (result(models, level, "balanced").astype(int) for level in (0, db))
    assert np.abs(usual - other).max() <= 1


def test_exact_hears_speech_as_it_is(models):
    usual, quiet = (result(models, level, "exact").astype(int) for level in (0, -40))
    assert np.abs(usual - quiet).max() > 1


def test_quiet_speech_counts_as_speech():
    plans = [
        make_plan(clip_of(FRAMES), speech_at(db), Options(silence="keep"), track_of(FRAMES))
        for db in (0, -45)
    ]
    assert plans[0].reasons == plans[1].reasons and plans[1].reasons.count("resync") >= 15
