"""A part put back into its clip: the audio."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import tone

from latentsync_core.data import Waveform
from latentsync_core.errors import InputError, OptionError
from latentsync_core.media import mix


def audio(seconds=1.0, rate=8000, channels=2, level=0.4):
    return Waveform(tone(seconds, rate, channels) * np.float32(level / 0.5), rate)


@given(
    mode=st.sampled_from(["replace", "mix", "duck"]),
    start=st.floats(0, 1.5, width=32),
    seconds=st.floats(0, 1, width=32),
    fade=st.floats(0, 0.5, width=32),
    new_rate=st.sampled_from([8000, 11025, 48000]),
    channels=st.tuples(*[st.sampled_from([1, 2, 6])] * 2),
    level=st.sampled_from([0.3, 1.0]),
)
@settings(deadline=None, max_examples=60)
def test_length_rate_channels_and_everything_outside_stay(
    mode, start, seconds, fade, new_rate, channels, level
):
    original, new = audio(1.2, 8000, channels[0]), audio(seconds, new_rate, channels[1], level)
    kept = original.samples.copy()
    result = mix(original, new, mode, start, fade=fade)
    first = round(start * 8000)
    last = first + round(new.samples.shape[1] * 8000 / new_rate)
    n = original.samples.shape[1]
    assert result.sample_rate == 8000 and result.samples.shape == (channels[0], max(n, last))
    assert np.array_equal(original.samples, kept)
    assert np.array_equal(result.samples[:, : min(first, n)], kept[:, :first])
    assert np.array_equal(result.samples[:, last:], kept[:, last:])
    assert not result.samples[:, n:first].any()
    assert np.abs(result.samples[:, first:last]).max(initial=0) <= 1


@pytest.mark.parametrize("mode, under", [("replace", 0.0), ("mix", 1.0), ("duck", 0.25)])
def test_what_remains_of_the_original_under_the_new_audio(mode, under):
    original, new = audio(), audio(0.5)
    result = mix(original, new, mode, 0.25, duck_db=20 * np.log10(4), fade=0.1)
    wanted = original.samples[:, 2000:6000] * np.float32(under) + new.samples
    middle = slice(800, -800)
    np.testing.assert_allclose(result.samples[:, 2000:6000][:, middle], wanted[:, middle], atol=1e-6)


def test_replaced_audio_is_the_new_one_sample_for_sample():
    new = audio(0.5)
    assert np.array_equal(mix(audio(), new, "replace", 0.25, fade=0).samples[:, 2000:6000], new.samples)


def test_the_original_fades_without_a_step():
    original = Waveform(np.full((1, 8000), 0.5, np.float32), 8000)
    result = mix(original, Waveform(np.zeros((1, 4000), np.float32), 8000), "replace", 0.25, fade=0.1)
    steps = np.abs(np.diff(result.samples[0]))
    assert steps.max() < 0.5 / 800 * 1.1 and result.samples[0, 2800:5200].max() == 0
    shortest = mix(original, Waveform(np.zeros((1, 4000), np.float32), 8000), "duck", 0.25, fade=9)
    assert shortest.samples[0].argmin() == pytest.approx(4000, abs=1)


def test_loud_sums_are_lowered_as_one():
    loud = Waveform(np.full((1, 8000), 0.9, np.float32), 8000)
    result = mix(loud, Waveform(np.full((1, 4000), 0.9, np.float32), 8000), "mix", 0.25, fade=0.01)
    np.testing.assert_allclose(result.samples[0, 2100:5900], 1.0, atol=1e-6)
    quiet = mix(audio(level=0.3), audio(0.5, level=0.3), "mix", 0.25)
    wanted = audio(level=0.3).samples[:, 2000:6000] + audio(0.5, level=0.3).samples
    np.testing.assert_allclose(quiet.samples[:, 2000:6000], wanted, atol=1e-6)


def test_new_audio_takes_the_rate_and_channels_of_the_original():
    mono = audio(0.5, 48000, 1)
    result = mix(audio(rate=16000), mono, "replace", 0.25, fade=0)
    wanted = audio(0.5, 16000, 1).samples[0]
    for channel in result.samples[:, 4000:12000]:
        assert np.abs(channel - wanted)[50:-50].max() < 2e-3


def test_silence_on_either_side():
    original, new = audio(), audio(0.5)
    assert mix(None, None) is None and mix(original, None, "mix", 3) is original
    alone = mix(None, new, "duck", 0.5)
    assert alone.sample_rate == 8000 and not alone.samples[:, :4000].any()
    assert np.array_equal(alone.samples[:, 4000:], new.samples)


def test_other_values_are_refused():
    for mode, decibels in (("add", 6), ("duck", -1), ("duck", float("nan"))):
        with pytest.raises(OptionError, match="takes"):
            mix(audio(), audio(), mode, duck_db=decibels)
    for start, fade in ((-1, 0), (0, -1), (float("nan"), 0), (0, float("inf"))):
        with pytest.raises(InputError, match="seconds >= 0"):
            mix(audio(), audio(), start=start, fade=fade)
