"""The mouth as a function of the audio."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsync_core.errors import InputError
from latentsync_lab.synthetic import MouthTrack, bundled_speech, mono_16k, mouth_from_speech, speak
from latentsync_lab.synthetic import speech as speech_module

TIMES = (np.arange(100) + 0.5) / 25
KINDS = ("openness", "spread", "roundness")


@pytest.fixture(scope="module", params=["a", "b"])
def sentence(request):
    return bundled_speech(request.param).samples[0]


def vowel(formants, seconds=0.6):
    """A buzz of 120 Hz through resonances at (hertz, gain)."""
    t = np.arange(round(seconds * 16000)) / 16000
    harmonics = np.arange(1, 60) * 120
    gains = sum(g / (1 + ((harmonics - f) / 90) ** 2) for f, g in formants) + 1e-4
    return (gains[:, None] * np.sin(2 * np.pi * harmonics[:, None] * t)).sum(0).astype(np.float32)


def mouth_of(samples):
    middle = mouth_from_speech(samples, np.array([len(samples) / 32000]))
    return {kind: float(getattr(middle, kind)[0]) for kind in KINDS}


def test_vowels_have_their_shapes():
    ah = mouth_of(vowel([(750, 1.0), (1200, 0.7), (2500, 0.05)]))
    ee = mouth_of(vowel([(280, 1.0), (2300, 0.25), (3000, 0.2)]))
    oo = mouth_of(vowel([(300, 1.0), (850, 0.15), (2300, 0.003)]))
    assert ah["openness"] > 0.8 and ah["spread"] < 0.1 and ah["roundness"] < 0.1
    assert ee["spread"] > 0.6 and ee["roundness"] < 0.1 and 0.05 < ee["openness"] < 0.4
    assert oo["roundness"] > 0.5 and oo["spread"] < 0.1 and oo["openness"] < 0.5


def test_speech_uses_the_whole_range(sentence):
    openness = mouth_from_speech(sentence, TIMES[TIMES < len(sentence) / 16000]).openness
    assert 0.2 < np.percentile(openness, 75) < 0.55
    assert 0.8 < np.percentile(openness, 95) <= 1


def test_silence_closes_the_mouth(sentence):
    paused = np.concatenate([sentence, np.zeros(16000, np.float32)])
    pause = len(sentence) / 16000 + np.linspace(0.2, 3, 20)
    during = np.linspace(0, 1, 20)
    hiss = 1e-6 * np.random.default_rng(0).standard_normal(16000)
    nothing = ((np.zeros(16000), during), (np.zeros(0), during), (hiss, during), (paused, pause))
    for samples, times in nothing:
        mouth = mouth_from_speech(samples, times)
        assert all((getattr(mouth, kind) == 0).all() for kind in KINDS)


@settings(max_examples=8, deadline=None)
@given(st.floats(0.02, 50))
def test_gain_changes_nothing(gain):
    samples = bundled_speech("a").samples[0][:24000]
    quiet, loud = (mouth_from_speech(s, TIMES) for s in (samples, samples.astype(np.float64) * gain))
    for kind in KINDS:
        np.testing.assert_allclose(getattr(loud, kind), getattr(quiet, kind), atol=1e-5)


def test_times_can_be_any(sentence):
    whole = mouth_from_speech(sentence, TIMES)
    some = mouth_from_speech(sentence, TIMES[::-7])
    for kind in KINDS:
        np.testing.assert_array_equal(getattr(some, kind), getattr(whole, kind)[::-7])


def test_teeth_and_tongue_need_an_open_mouth():
    track = MouthTrack(np.array([0, 0.3, 1.0]), np.array([1, 1, 0.0]), np.array([0, 0, 0.0]))
    closed, spread, wide = track.shapes
    assert closed.teeth == closed.tongue == 0
    assert spread.teeth == 1 and spread.tongue < 0.1
    assert wide.tongue == 1


def test_wrong_input_is_refused():
    with pytest.raises(InputError, match="mono"):
        mouth_from_speech(np.zeros((2, 100)), TIMES)
    with pytest.raises(InputError, match=r"0\.\.1"):
        MouthTrack(np.array([1.1]), np.array([0.0]), np.array([0.0]))
    with pytest.raises(InputError, match="shape"):
        MouthTrack(np.zeros(2), np.zeros(2), np.zeros(3))


def test_bundled_speech():
    voices = [bundled_speech(name) for name in "ab"]
    assert all(s.sample_rate == 16000 and s.samples.shape[0] == 1 and 3 < s.duration < 5 for s in voices)
    assert all(0.5 < np.abs(s.samples).max() < 0.95 for s in voices)
    assert sum((speech_module.SPEECH_FOLDER / f"{n}.flac").stat().st_size for n in "ab") < 250_000
    with pytest.raises(InputError, match="bundled"):
        bundled_speech("c")


def test_mono_16k_mixes_and_resamples():
    t = np.arange(44100) / 44100
    left = np.sin(2 * np.pi * 440 * t).astype(np.float32)
    mixed = mono_16k(speech_module.Waveform(np.stack([left, np.zeros_like(left)]), 44100))
    assert abs(len(mixed) - 16000) <= 2
    middle = slice(2000, 14000)
    expected = 0.5 * np.sin(2 * np.pi * 440 * np.arange(len(mixed)) / 16000)
    assert np.abs(mixed - expected)[middle].max() < 5e-3


def test_speak_without_espeak_says_what_to_do(monkeypatch):
    monkeypatch.setattr(speech_module, "ESPEAK", "no-such-program")
    with pytest.raises(InputError, match="Install it"):
        speak("hello")


def test_speak_checks_its_numbers():
    with pytest.raises(InputError, match="speed"):
        speak("hello", speed=10)


@pytest.fixture
def espeak(tmp_path, monkeypatch):
    """A stand-in for espeak-ng that answers as its script says."""

    def install(script):
        program = tmp_path / "espeak"
        program.write_text(f"#!/bin/sh\n{script}\n")
        program.chmod(0o755)
        monkeypatch.setattr(speech_module, "ESPEAK", str(program))

    return install


def test_speak_reads_what_espeak_wrote(espeak):
    espeak(f"cat '{speech_module.SPEECH_FOLDER / 'a.flac'}'")
    np.testing.assert_array_equal(speak("-v is no option here").samples, bundled_speech("a").samples)


def test_speak_passes_on_what_went_wrong(espeak):
    espeak("echo no such voice >&2; exit 1")
    with pytest.raises(InputError, match="no such voice"):
        speak("hello", voice="klingon")
    espeak("echo this is no audio")
    with pytest.raises(speech_module.MediaError):
        speak("hello")
