import json
from dataclasses import replace

import numpy as np
import pytest
import torch
from stand_ins import Redness, shifted, speaker, true_track

from latentsync_core.data import FaceTrack, Waveform
from latentsync_core.errors import FaceError, InputError
from latentsync_core.metrics import score
from latentsync_core.metrics.score import measure_level, measure_sync
from latentsync_core.metrics.sync import LEAST_CONFIDENCE, reach_of
from latentsync_core.metrics.view import look
from latentsync_core.models.syncnet import KNOWS
from latentsync_core.weights import find_syncnet, load_syncnet
from latentsync_lab.truth import correlation


@pytest.fixture
def no_mesh(monkeypatch):
    """Saves the time of FaceMesh where the opening of the mouth does not matter."""
    monkeypatch.setattr(
        "latentsync_core.metrics.view.measure_openings", lambda _, frames, *more: np.zeros(len(frames))
    )


@pytest.mark.parametrize("late", [-10, -4, 0, 3, 10])
def test_a_sound_that_comes_late_has_a_negative_offset(scene, late):
    _, audio, view = scene
    curve = measure_sync(view, shifted(audio, late).samples[0], Redness())
    assert abs(curve.offset + late) <= 1
    assert curve.confidence > 0.2 and curve.reach == 15


def test_moving_the_sound_by_the_offset_brings_it_into_sync(scene):
    _, audio, view = scene
    late = shifted(audio, 6)
    mended = shifted(late, measure_sync(view, late.samples[0], Redness()).offset)
    assert abs(measure_sync(view, mended.samples[0], Redness()).offset) <= 1


def test_score_finds_the_face_itself_and_measures_the_mouth(scene):
    clip, audio, _ = scene
    stages = []
    result = score(clip, audio, Redness(), progress=lambda *step: stages.append(step))
    assert abs(result.offset) <= 1 and result.found == 1
    assert correlation(result.opening, clip.truth[0].mouth.openness) > 0.9
    assert len(result.level) == len(result.opening) == len(result.times) == 75
    assert correlation(result.level, clip.truth[0].mouth.openness) > 0.5
    assert 0.1 < result.jitter < 20
    assert stages[-1] == ("look", 75, 75) and stages[0][0] == "survey"


@pytest.mark.parametrize("fps", [15, 50])
def test_other_frame_rates_are_seen_at_25(fps, no_mesh):
    clip, audio = speaker(fps=fps)
    result = score(clip, shifted(audio, 5), Redness(), track=true_track(clip))
    assert len(result.opening) == 75
    assert abs(result.offset + 5) <= 1


def test_frames_are_read_in_parts_without_a_difference(scene, monkeypatch):
    clip, _, view = scene
    monkeypatch.setattr(type(view.scene).chunks, "__defaults__", (7,))
    again = look(clip, Redness(), true_track(clip))
    torch.testing.assert_close(again.mouths, view.mouths)
    assert again.starts.tolist() == view.starts.tolist() == list(range(60))
    np.testing.assert_allclose(again.opening, view.opening, atol=1e-6)
    assert again.jitter == pytest.approx(view.jitter)


def test_windows_without_the_face_are_left_out(scene, no_mesh):
    clip, audio, _ = scene
    points = clip.truth[0].points.copy()
    points[20:40] = np.nan
    view = look(clip, Redness(), FaceTrack.from_points(points))
    assert view.starts.tolist() == [*range(5), *range(40, 60)]
    assert (~view.scene.found).sum() == 20
    assert measure_sync(view, audio.samples[0], Redness()).windows == 5
    points[0:] = np.nan
    points[:10] = clip.truth[0].points[:10]
    with pytest.raises(FaceError, match="nowhere in view for 16 frames .* found in 10 of 75 frames"):
        look(clip, Redness(), FaceTrack.from_points(points))


def test_reach_shrinks_with_the_clip(scene, caplog):
    assert [reach_of(n) for n in (26, 31, 46, 61, 1000)] == [5, 5, 10, 15, 15]
    with pytest.raises(InputError, match=r"at least 26 frames at 25 a second \(1.04 s\).*got 25"):
        reach_of(25)
    _, audio, view = scene
    curve = measure_sync(view, audio.samples[0, : 46 * 640], Redness())
    assert (curve.reach, curve.windows) == (10, 11)
    assert not caplog.text  # the score itself says so


def test_track_of_another_clip(scene):
    clip, audio, _ = scene
    with pytest.raises(InputError, match="The face track has 3 frames, but the clip has 75"):
        score(clip, audio, Redness(), track=FaceTrack.from_points(np.zeros((3, 3, 2))))


def test_report_and_json(scene, no_mesh):
    clip, audio, _ = scene
    result = score(clip, shifted(audio, 4), Redness(), track=true_track(clip), against=clip)
    offset = result.offset
    assert f"the audio comes {-offset} frames ({-offset / 25:.2f} s) too late: advance it" in str(result)
    assert "PSNR" in str(result) and "short" not in str(result)
    curve = replace(result.curve, cosines=result.curve.cosines[::-1])
    assert f"{-offset} frames ({-offset / 25:.2f} s) too early: delay it" in str(replace(result, curve=curve))
    saved = json.loads(json.dumps(replace(result, opening=result.opening + [np.nan] * 75).to_json()))
    assert saved["offset_frames"] == offset and saved["opening"] == [None] * 75
    assert len(saved["curve"]["cosines"]) == 31


def test_a_low_confidence_is_no_verdict(scene, no_mesh):
    """No advice in words, no offset in figures, but the curve and what the evaluator knows are there."""
    clip, audio, _ = scene
    result = score(clip, shifted(audio, 4), Redness(), track=true_track(clip))
    assert result.offset is not None and "no verdict" not in str(result)
    flat = replace(result.curve, cosines=result.curve.cosines * 0.2)
    assert 0 < flat.confidence < LEAST_CONFIDENCE and flat.offset == result.offset
    unsure = replace(result, curve=flat)
    said, saved = str(unsure), unsure.to_json()
    assert "no verdict" in said and "no verdict" in flat.title
    assert not any(
        word in said for word in ("delay", "advance", "too early", "too late", "fits the mouth", "offset")
    )
    assert saved["offset_frames"] is None and saved["offset_seconds"] is None
    assert saved["confidence"] == pytest.approx(flat.confidence, abs=1e-4)
    assert len(saved["curve"]["cosines"]) == 31


def test_an_evaluator_says_what_it_knows(scene, no_mesh):
    clip, audio, _ = scene
    result = score(clip, audio, Redness(), track=true_track(clip))
    assert "the evaluator knows babble" in str(result) and "weights get 1.6 --syncnet" in str(result)
    published = replace(result, knows=KNOWS)
    assert f"the evaluator knows {KNOWS}" in str(published) and "weights get" not in str(published)
    assert "drawn heads" in load_syncnet(find_syncnet("nano")).knows


def test_quiet_audio_scores_as_loud_audio_does(scene, no_mesh):
    """The bundled evaluator's confidence fell from 0.56 to 0 for the same audio at -40 dB."""
    clip, audio, _ = scene
    usual, quiet = (
        score(clip, Waveform(audio.samples * np.float32(gain), 16_000), Redness(), track=true_track(clip))
        for gain in (1, 0.01)
    )
    np.testing.assert_allclose(quiet.curve.cosines, usual.curve.cosines, atol=1e-3)
    assert quiet.level.max() == pytest.approx(usual.level.max() - 40, abs=0.1)


def test_level_of_known_sounds():
    tone = np.sin(2 * np.pi * 500 * np.arange(1280) / 16_000)
    levels = measure_level(np.concatenate([tone, 0.1 * tone]).astype(np.float32), 5)
    assert levels == pytest.approx([-3.01, -3.01, -23.01, -23.01, -100], abs=0.01)
    assert measure_level(np.ones(3000, np.float32), 2) == pytest.approx([0, 0])


def test_silent_and_too_short_sounds(scene, no_mesh):
    clip, audio, view = scene
    assert measure_sync(view, np.zeros(48_000, np.float32), Redness()).confidence < 0.01
    with pytest.raises(InputError, match="at least 26 frames"):
        score(clip, Waveform(audio.samples[:, :16_000], 16_000), Redness(), track=true_track(clip))
