"""Speech that is fitted into its place."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsync_core.data import Waveform
from latentsync_core.dub import fit_speech
from latentsync_core.dub.fit import _resize
from latentsync_core.errors import InputError, OptionError
from latentsync_core.media import change_tempo

RATE = 16000


def voice(seconds, hertz=200, rate=RATE):
    """A hum with harmonics, as loud as speech, swelling four times a second."""
    t = np.arange(round(seconds * rate)) / rate
    tone = sum(np.sin(2 * np.pi * hertz * k * t) / k for k in (1, 2, 3, 5, 8))
    return 0.15 * tone * (1 - 0.3 * np.cos(2 * np.pi * 4 * t))


def say(*lengths, rate=RATE, channels=1, hertz=200):
    """Speech and pauses by turns, of so many seconds; a little noise throughout."""
    parts = [
        voice(n, hertz, rate) if i % 2 == 0 else np.zeros(round(n * rate)) for i, n in enumerate(lengths)
    ]
    samples = np.concatenate(parts)
    samples = samples + np.random.default_rng(0).normal(0, 1e-4, len(samples))
    return Waveform(np.repeat(samples[None], channels, 0).astype("f4"), rate)


def spoken_stretches(waveform):
    """The lengths in seconds of what is loud and what is not, by the envelope."""
    hop = waveform.sample_rate // 100
    samples = waveform.samples[0, : waveform.samples.shape[1] // hop * hop]
    loud = np.abs(samples.reshape(-1, hop)).max(1) > 0.01
    edges = np.flatnonzero(np.diff(loud)) + 1
    return np.diff([0, *edges, len(loud)]) / 100


def pitch(samples, rate):
    spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
    return np.argmax(spectrum) * rate / len(samples)


@pytest.mark.parametrize("seconds, pause", [(2.3, 0.3), (2.2, 0.2), (2.8, 0.8), (2.95, 0.95)])
def test_pauses_give_way_first_and_speech_stays_sample_for_sample(seconds, pause):
    given = say(1, 0.5, 1)
    fitted, note = fit_speech(given, seconds)
    assert fitted.samples.shape == (1, round(seconds * RATE))
    np.testing.assert_allclose(spoken_stretches(fitted), [1, pause, 1], atol=0.03)
    assert np.array_equal(fitted.samples[:, :16000], given.samples[:, :16000])
    assert np.array_equal(fitted.samples[:, -16000:], given.samples[:, -16000:])
    word = "shorter" if seconds < 2.5 else "longer"
    assert (
        note
        == f"the speech is fitted from 2.50 to {seconds:.2f} s: pauses {abs(2.5 - seconds):.2f} s {word}."
    )


@pytest.mark.parametrize(
    "seconds, words",
    [(1.99, "0.34 s shorter, speech 9.1% faster"), (3.15, "0.46 s longer, speech 8.5% slower")],
)
def test_then_the_tempo_with_its_pitch(seconds, words):
    given = say(1, 0.5, 1)
    fitted, note = fit_speech(given, seconds)
    assert fitted.samples.shape[1] == round(seconds * RATE)
    speech, pause, last = spoken_stretches(fitted)
    assert speech == pytest.approx(last, abs=0.04) and speech + last == pytest.approx(
        seconds - pause, abs=0.02
    )
    assert pitch(fitted.samples[0, : int(speech * RATE)], RATE) == pytest.approx(200, abs=2)
    assert words in note


@pytest.mark.parametrize("seconds", [0.5, 1.8, 4.0, 100.0])
def test_else_it_stays_and_says_so(seconds):
    given = say(1, 0.5, 1)
    fitted, note = fit_speech(given, seconds)
    assert fitted is given and "so it stays as it is" in note and f"{seconds:.2f} s" in note


def test_what_fits_already_is_not_touched():
    given = say(1)
    assert fit_speech(given, 1.0) == (given, "")
    assert fit_speech(given, 1.00001) == (given, "")


def test_silence_and_noise_change_their_tempo_only_within_reason():
    for samples in (np.zeros((1, RATE)), np.random.default_rng(0).normal(0, 0.1, (1, RATE))):
        waveform = Waveform(samples.astype("f4"), RATE)
        assert fit_speech(waveform, 0.95)[0].samples.shape == (1, 15200)
        assert fit_speech(waveform, 2.0)[0] is waveform


@given(
    lengths=st.lists(st.floats(0.05, 0.8), min_size=1, max_size=5),
    factor=st.floats(0.5, 2),
    rate=st.sampled_from([8000, 22050, 48000]),
    channels=st.sampled_from([1, 2, 6]),
)
@settings(deadline=None, max_examples=30)
def test_length_channels_and_range_hold(lengths, factor, rate, channels):
    given = say(*lengths, rate=rate, channels=channels)
    seconds = given.duration * factor
    fitted, note = fit_speech(given, seconds)
    assert fitted.sample_rate == rate and len(fitted.samples) == channels
    if fitted is not given:
        assert fitted.samples.shape[1] == round(seconds * rate) and note
    assert np.abs(fitted.samples).max() <= 1


@given(count=st.integers(0, 60), size=st.integers(0, 150), fade=st.integers(0, 12))
def test_pauses_are_resized_without_a_jump(count, size, fade):
    level = np.linspace(0, 0.1, count, dtype=np.float32)[None]
    resized = _resize(level, size, fade)
    assert resized.shape == (1, size)
    if count > 1 and size > 1:
        assert resized[0, -1] == level[0, -1] and (size < 2 * fade + 2 or resized[0, 0] == level[0, 0])
        assert 0 <= resized.min() and resized.max() <= np.float32(0.1)


@pytest.mark.parametrize("tempo", [0.9, 1.0, 1.1])
def test_tempo(tempo):
    changed = change_tempo(Waveform(voice(2)[None].repeat(2, 0).astype("f4"), RATE), tempo)
    assert changed.samples.shape[0] == 2 and changed.duration == pytest.approx(2 / tempo, abs=0.03)
    assert pitch(changed.samples[1], RATE) == pytest.approx(200, abs=2)


def test_what_is_refused():
    for seconds in (0, -1, float("nan"), float("inf")):
        with pytest.raises(InputError, match="seconds > 0"):
            fit_speech(say(1), seconds)
    with pytest.raises(OptionError, match=r"tempo takes 0\.5\.\.2"):
        change_tempo(say(1), 3)
