"""The bundled model: it is whole, it is what its report says, and a mouth follows new words with it."""

import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from latentsync_core import Options, Waveform, lip_sync, load_models, make_plan, plan_sync, render
from latentsync_core.data import Window
from latentsync_core.faces import FaceFinder, measure_openings, smooth_matrices
from latentsync_core.plan.layout import fill_window
from latentsync_core.weights.locate import NANO_FOLDER
from latentsync_lab.synthetic import bundled_speech, mono_16k, talking_clip

LEAST_CORRELATION = 0.85
"""Of the mesh's opening with the true one; 0.95 was measured."""
MOST_SILENT = 0.08
"""Opening in silence, as a fraction of what the mesh measures in the widest true mouth; -0.01 was measured."""
PERSON = 60_100
"""Neither trained on nor in the test set of nano's evaluator."""
SECONDS, SILENCE = 1.6, 0.6
REPORT = Path(__file__).resolve().parents[1] / "docs" / "nano"


def cut_speech(name, start):
    """Cut `SECONDS` of a bundled sentence, and add silence, mono at 16 kHz."""
    first = round(start * 16_000)
    said = mono_16k(bundled_speech(name))[first : first + round(SECONDS * 16_000)]
    return np.pad(said, (0, round(SILENCE * 16_000)))


@pytest.fixture(scope="module")
def models():
    return load_models("nano", device="cpu")


@pytest.fixture(scope="module")
def clips():
    return talking_clip(PERSON, cut_speech("a", 1.0)), talking_clip(PERSON, cut_speech("b", 1.2))


@pytest.fixture(scope="module")
def result(clips, models):
    return run(clips[0], models, clips[1].speech())


def run(clip, models, speech):
    options = Options.preset("draft", length="cut_off")
    return list(lip_sync(clip, speech, models, options, clip.truth[0].track))


def test_weights_are_small_and_those_of_the_report():
    files = sorted(NANO_FOLDER.rglob("*.safetensors"))
    assert sum(path.stat().st_size for path in files) <= 12e6
    report = (REPORT / "README.md").read_text(encoding="utf-8")
    named = {
        name: digest for digest, name in re.findall(r"^    ([0-9a-f]{64})  (\S+)$", report, re.MULTILINE)
    }
    digests = {
        p.relative_to(NANO_FOLDER).as_posix(): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
    }
    assert named == digests
    assert "not for real people" in (NANO_FOLDER / "README.md").read_text(encoding="utf-8")


def test_measured_figures_are_there():
    measured = json.loads((REPORT / "measured.json").read_text(encoding="utf-8"))
    assert len(measured["people"]) >= 20
    assert all(row["met"] in (True, False, None) for row in measured["figures"])


def test_it_says_what_it_is(models):
    assert models.name == "nano" and "not for real people" in models.note
    assert (models.resolution, models.window_frames) == (128, 16)


def test_the_mouth_follows_the_new_words_and_rests_in_silence(clips, result):
    source, truth = clips
    opening = truth.truth[0].mouth.openness[: len(result)]
    matrices = smooth_matrices(source.truth[0].points[: len(result)], source.times[: len(result)], 128)
    measured, best = (
        measure_openings(FaceFinder(), frames, matrices, 128)
        for frames in (result, list(truth.read(range(len(result)))))
    )
    assert np.corrcoef(measured, opening)[0, 1] > LEAST_CORRELATION
    rest = np.convolve(opening < 0.02, np.ones(5), "same") == 5
    assert rest.sum() > 5
    assert (measured[rest].mean() - best[rest].mean()) / np.ptp(best) < MOST_SILENT


def test_the_same_seed_gives_the_same_frames(clips, models):
    short = Waveform(clips[1].speech().samples[:, :6400], 16_000)
    first, second = (run(clips[0], models, short) for _ in range(2))
    assert len(first) == 10 and all((a == b).all() for a, b in zip(first, second, strict=True))


def test_quiet_speech_opens_the_mouth_as_far(clips, models):
    """40 dB quieter and stored in 16 bit, the mouths are the same."""
    loud = clips[1].speech().samples[:, 3200:12800]
    quiet = np.rint(loud * np.float32(0.01) * 32768).astype(np.float32) / 32768
    usual, faint = (
        np.stack(run(clips[0], models, Waveform(s, 16_000))).astype(np.int16) for s in (loud, quiet)
    )
    still = np.stack(list(clips[0].read(range(len(usual))))).astype(np.int16)
    assert np.abs(usual - faint).mean() < 0.05 * np.abs(usual - still).mean()


@pytest.mark.slow
def test_few_frames_get_the_mouth_that_they_have_among_their_neighbours(clips, models):
    """Four frames between others that pass through: the network sees a whole window."""
    clip, speech = clips[0], clips[1].speech()
    options = Options(steps=4, sampler="dpm++", length="cut_off")
    plan = make_plan(clip, speech, options, clip.truth[0].track)
    few = Window(np.arange(20, 24), np.ones(4, np.float32), 0)
    whole = Window(np.arange(14, 30), np.isin(np.arange(14, 30), few.frames).astype(np.float32), 0)
    scene = np.ones(len(plan), bool), np.zeros(len(plan), bool)
    filled = fill_window(few, 16, plan.times, *scene)
    assert np.array_equal(filled.frames, whole.frames) and np.array_equal(filled.weights, whole.weights)
    among, alone = (mouths_of(clip, speech, models, options, plan, window) for window in (filled, few))
    usual = mouths_of(clip, speech, models, options, plan, replace(whole, weights=np.ones(16, np.float32)))
    assert (
        np.array_equal(among, usual) and np.abs(alone - usual).mean() > 0.1
    )  # of all pixels; 0.21 was measured


def mouths_of(clip, speech, models, options, plan, window):
    """Return the frames 20..23 where that window alone is denoised."""
    strength = np.zeros(len(plan), np.float32)
    strength[window.frames[window.weights > 0]] = 1
    dub = plan_sync(clip, speech, options, clip.truth[0].track, models=models)
    line = replace(dub.lines[0], plan=replace(plan, windows=(window,), strength=strength))
    frames = list(render(replace(dub, lines=(line,)), models))
    return np.stack(frames[20:24]).astype(np.float32)
