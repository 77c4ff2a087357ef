from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from latentsync_core.data import Waveform
from latentsync_core.faces import FaceFinder, measure_openings
from latentsync_core.options import Options
from latentsync_core.weights import load_models
from latentsync_lab.fresh import write_untrained
from latentsync_lab.synthetic import talking_clip
from latentsync_lab.training.cases import Case, Results, perform, shuffle
from latentsync_lab.training.evaluate import RESOLUTION, Evaluators, evaluate, true_matrices
from latentsync_lab.training.mouth_regressor import read_mouth


def vowels(rate, seconds=1.4):
    """Speech that opens and closes the mouth `rate` times a second, and then is silent."""
    times = np.arange(int(seconds * 16_000)) / 16_000
    loud = np.clip(np.sin(2 * np.pi * rate * times), 0, 1) * (times < 0.7 * seconds)
    return (0.4 * loud * np.sin(2 * np.pi * 700 * times)).astype(np.float32)


class Redness(nn.Module):
    """A stand-in for the mouth regressor: an open mouth of these speakers is redder than their skin."""

    def __init__(self, device="cpu"):
        super().__init__()
        self.place = nn.Parameter(torch.zeros(1, device=device))

    def forward(self, crops):
        size = crops.shape[-1]
        mouth = crops[:, :, round(0.66 * size) : round(0.8 * size), round(0.4 * size) : round(0.6 * size)]
        red = (mouth[:, 0] - mouth[:, 1]).mean((1, 2))
        return red[:, None].expand(-1, 3)


class Elsewhere(Redness):
    """A regressor on a device that takes crops from there only."""

    def forward(self, crops):
        assert crops.device == self.place.device
        return super().forward(torch.zeros(crops.shape))


def test_the_regressor_gets_crops_on_its_own_device():
    assert read_mouth(Elsewhere("meta"), torch.zeros(70, 3, 64, 64)).shape == (70, 3)


@pytest.fixture(scope="module")
def case():
    said, new = vowels(2.0), vowels(3.1)
    return Case(talking_clip(7, said), talking_clip(7, new), Waveform(new[None], 16_000))


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return load_models(write_untrained(tmp_path_factory.mktemp("evaluate") / "nano"), device="cpu")


@pytest.fixture(scope="module")
def evaluate_result(case, models):
    evaluators, source = Evaluators(Redness(), FaceFinder(), models.vae), frames(case.source)
    return lambda result: evaluate(case, Results(result, source, source), evaluators)


def frames(clip):
    return list(clip.read(range(len(clip.times))))


def test_the_truth_follows_the_new_audio(case, evaluate_result):
    evaluation, curves = evaluate_result(frames(case.truth))
    assert evaluation.new == pytest.approx(evaluation.ceiling) and evaluation.new > 0.9
    assert evaluation.mesh_new == pytest.approx(evaluation.mesh_ceiling) and evaluation.mesh_new > 0.9
    assert evaluation.old < 0.5 and evaluation.mesh_old < 0.5 and evaluation.lag == 0
    assert evaluation.mute == evaluation.shuffled < 0.5 and evaluation.mute_motion > evaluation.gain / 2
    assert evaluation.jitter == pytest.approx(1)
    assert evaluation.psnr > 60 > 30 > evaluation.vae_psnr
    assert len(curves.predicted) == len(curves.mesh) == len(case.truth.times)


def test_the_source_follows_the_old_audio(case, evaluate_result):
    evaluation, _ = evaluate_result(frames(case.source))
    assert evaluation.old > 0.9 > 0.5 > evaluation.new
    assert evaluation.mesh_old > 0.9 > 0.5 > evaluation.mesh_new
    assert evaluation.psnr < 40


def test_lateness_is_found(case, evaluate_result):
    late = frames(case.truth)
    assert evaluate_result([late[0]] * 3 + late[:-3])[0].lag == 3


def test_frames_without_a_face_are_left_out(case):
    blank = np.zeros_like(frames(case.truth)[0])
    matrices = true_matrices(case.truth)[:3]
    openings = measure_openings(FaceFinder(), [blank, *frames(case.truth)[:2]], matrices, RESOLUTION)
    assert np.isnan(openings).tolist() == [True, False, False]


def test_shuffled_audio_has_the_same_pieces_elsewhere():
    audio = Waveform(np.repeat(np.arange(10, dtype=np.float32), 3200)[None], 16_000)
    mixed = shuffle(audio)
    assert sorted(mixed.samples[0]) == sorted(audio.samples[0]) and len(set(mixed.samples[0, :3200])) == 1
    assert not np.array_equal(mixed.samples, audio.samples)
    assert np.array_equal(mixed.samples, shuffle(audio).samples)


@torch.inference_mode()
def test_the_pipeline_is_run_with_three_audios(case, models):
    short = vowels(3.1, 0.4)
    short_case = replace(case, source=talking_clip(7, short), speech=Waveform(short[None], 16_000))
    results = perform(short_case, models, Options.preset("draft", steps=1, guidance=1.0))
    assert len(results.new) == len(results.mute) == len(results.shuffled) == 10
    assert any((a != b).any() for a, b in zip(results.new, results.mute, strict=True))
