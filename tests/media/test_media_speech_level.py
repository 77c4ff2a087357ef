"""Speech at one loudness for the encoder: the same at every level, and only speech is made louder."""

import numpy as np
import pytest

from latentsync_core.data import Waveform
from latentsync_core.media import loudness, to_mono_16k, to_speech_16k
from latentsync_core.media.speech_level import MAX_GAIN_DB, SPEECH_LUFS
from latentsync_lab.synthetic import bundled_speech

RATE = 16_000
RNG = np.random.default_rng(3)


def decibels(db):
    return np.float32(10 ** (db / 20))


def mono(samples):
    return Waveform(np.asarray(samples, np.float32)[None], RATE)


@pytest.fixture(scope="module", params=["a", "b"])
def speech(request):
    return bundled_speech(request.param)


def leveled(samples, db=0.0):
    return to_speech_16k(mono(samples * decibels(db)))


def gain_db(samples):
    """By how many dB the samples were made louder."""
    return 20 * np.log10(np.abs(leveled(samples)).max() / np.abs(samples).max())


@pytest.mark.parametrize("db", [20, 0, -10, -20, -40, -45])
def test_speech_of_every_level_gets_one_level(speech, db):
    samples = speech.samples[0]
    np.testing.assert_allclose(leveled(samples, db), leveled(samples), atol=1e-4)
    assert loudness(mono(leveled(samples, db))) == pytest.approx(SPEECH_LUFS, abs=1.5)


def test_speech_of_16_bit_at_minus_40_db_gets_one_level(speech):
    samples = speech.samples[0]
    stored = np.rint(samples * decibels(-40) * 32768) / 32768
    assert (
        np.abs(leveled(stored) - leveled(samples)).max() < 100 / 32768
    )  # half a step of 16 bit, 40 dB louder


def test_usual_speech_is_hardly_changed(speech):
    assert abs(gain_db(speech.samples[0])) < 3


@pytest.mark.parametrize("seconds", [1, 5, 60])
def test_silence_around_speech_does_not_count(speech, seconds):
    samples = speech.samples[0]
    silence = np.zeros(seconds * RATE, np.float32)
    assert gain_db(np.concatenate([silence, samples, silence])) == pytest.approx(gain_db(samples), abs=0.5)


def test_a_noise_floor_in_long_pauses_does_not_count(speech):
    samples = speech.samples[0] * decibels(-20)
    noise = RNG.standard_normal(30 * RATE + len(samples)).astype(np.float32) * decibels(-75)
    noise[10 * RATE : 10 * RATE + len(samples)] += samples
    assert gain_db(noise) == pytest.approx(gain_db(samples), abs=1)


def test_a_bang_does_not_count(speech):
    """A door that slams 30 dB above the speech."""
    samples = speech.samples[0] * decibels(-40)
    with_bang = samples.copy()
    with_bang[20_000:21_500] += RNG.uniform(-0.05, 0.05, 1500).astype(np.float32)
    ratio = np.abs(leveled(with_bang)[40_000:]).max() / np.abs(leveled(samples)[40_000:]).max()
    assert 20 * np.log10(ratio) == pytest.approx(0, abs=1.5)


def test_a_constant_offset_and_rumble_do_not_count(speech):
    samples = speech.samples[0] * decibels(-30)
    rumble = 0.05 + 0.02 * np.sin(2 * np.pi * 12 * np.arange(len(samples)) / RATE)
    peak = np.abs(samples).max() * decibels(gain_db(samples))
    got = leveled((samples + rumble).astype(np.float32))
    steps = np.abs(np.diff(got)).max() / np.abs(np.diff(leveled(samples))).max()
    assert steps == pytest.approx(1, abs=0.1) and peak > 0.3


@pytest.mark.parametrize("seconds", [0.02, 0.05, 0.2, 0.45])
@pytest.mark.parametrize("db", [0, -40])
def test_very_short_speech_gets_one_level(speech, seconds, db):
    samples = speech.samples[0][8000 : 8000 + round(seconds * RATE)]
    np.testing.assert_allclose(leveled(samples, db), leveled(samples), atol=1e-4)


@pytest.mark.parametrize(
    "samples",
    [
        np.zeros(RATE, np.float32),
        np.zeros(320, np.float32),
        RNG.standard_normal(5 * RATE).astype(np.float32) * decibels(-60),
        np.float32(0.001) * np.sin(2 * np.pi * 100 * np.arange(5 * RATE, dtype=np.float32) / RATE),
        RNG.integers(-1, 2, 5 * RATE).astype(np.float32) / 32768,
        np.full(RATE, 0.25, np.float32),
    ],
    ids=["silence", "short silence", "noise", "hum", "dither", "constant"],
)
def test_what_is_no_speech_is_not_made_louder(samples):
    got = leveled(samples)
    assert np.isfinite(got).all() and np.abs(got).max() <= np.abs(samples).max() * 1.001


def test_the_gain_has_a_limit(speech):
    assert gain_db(speech.samples[0] * decibels(-90)) == pytest.approx(MAX_GAIN_DB, abs=0.01)


def test_samples_beyond_full_scale_are_not_clipped(speech):
    samples = speech.samples[0]
    np.testing.assert_allclose(leveled(samples, 30), leveled(samples), atol=1e-4)


def test_channels_are_mixed_before_they_are_measured(speech):
    """A voice on one side of stereo is as loud to the encoder as one in the middle."""
    samples = speech.samples[0]
    one_side = Waveform(np.stack([samples, np.zeros_like(samples)]), RATE)
    np.testing.assert_allclose(to_speech_16k(one_side), leveled(samples), atol=1e-4)


def test_it_is_as_long_as_the_plain_mix(speech):
    high = Waveform(np.repeat(speech.samples, 3, axis=1), 48_000)
    assert len(to_speech_16k(high)) == len(to_mono_16k(high))
