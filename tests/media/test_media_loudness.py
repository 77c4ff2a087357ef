"""Loudness by ITU-R BS.1770-4: against FFmpeg's meter and the test signals of EBU Tech 3341, some shortened."""

from fractions import Fraction

import av
import numpy as np
import pytest

from latentsync_core.data import Waveform
from latentsync_core.errors import OptionError
from latentsync_core.media import loudness, normalize, read_audio

LAYOUTS = {1: "mono", 2: "stereo", 6: "5.1"}


def sine(*parts, hertz=1000, rate=48000, channels=2):
    """Stretches of a tone, each (dBFS of its peak, seconds)."""
    level = np.concatenate([np.full(round(rate * seconds), 10 ** (db / 20)) for db, seconds in parts])
    wave = level * np.sin(2 * np.pi * hertz * np.arange(len(level)) / rate)
    return Waveform(np.tile(wave, (channels, 1)).astype(np.float32), rate)


def noise(seconds, rate, channels):
    """Noise whose level moves, so that the gates have work to do."""
    random = np.random.default_rng(7)
    level = np.repeat(random.uniform(0, 0.3, int(seconds * 4)) ** 2, rate // 4)
    return Waveform((random.standard_normal((channels, len(level))) * level).astype(np.float32), rate)


def ffmpeg_loudness(waveform):
    graph, rate, layout = av.filter.Graph(), waveform.sample_rate, LAYOUTS[len(waveform.samples)]
    source = graph.add_abuffer(sample_rate=rate, format="fltp", layout=layout, time_base=Fraction(1, rate))
    graph.link_nodes(source, graph.add("ebur128", "metadata=1"), graph.add("abuffersink")).configure()
    frame = av.AudioFrame.from_ndarray(waveform.samples, format="fltp", layout=layout)
    frame.sample_rate, frame.pts, frame.time_base = rate, 0, Fraction(1, rate)
    graph.push(frame)
    graph.push(None)
    value = None
    while True:
        try:
            value = graph.pull().metadata.get("lavfi.r128.I", value)
        except av.error.EOFError:
            return float(value)


@pytest.mark.skipif(not hasattr(av.AudioFrame, "metadata"), reason="this PyAV does not show what filters say")
@pytest.mark.parametrize("rate", [16000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", LAYOUTS)
def test_as_ffmpeg_measures(rate, channels):
    audio = noise(12.3, rate, channels)
    assert loudness(audio) == pytest.approx(ffmpeg_loudness(audio), abs=0.02)


@pytest.mark.parametrize(
    "parts, lufs",
    [
        ([(-23, 20)], -23),
        ([(-33, 20)], -33),
        ([(-36, 10), (-23, 30), (-36, 10)], -23),
        ([(-72, 10), (-36, 10), (-23, 30), (-36, 10), (-72, 10)], -23),
        ([(-26, 20), (-20, 20.1), (-26, 20)], -23),
    ],
)
def test_signals_of_ebu_tech_3341(parts, lufs):
    assert loudness(sine(*parts)) == pytest.approx(lufs, abs=0.1)


def test_one_channel_of_a_full_tone():
    """BS.1770-4: 0 dBFS at 997 Hz in one channel measures -3.01 LUFS."""
    assert loudness(sine((0, 5), hertz=997, channels=1)) == pytest.approx(-3.01, abs=0.02)


@pytest.mark.parametrize("lufs", [-16, -23, -40])
def test_normalised_audio_has_the_loudness_asked_for(lufs, real_speech):
    for audio in (sine((-50, 3)), noise(6, 44100, 2), read_audio(real_speech)):
        result = normalize(audio, lufs)
        assert result.samples.dtype == np.float32 and result.samples.shape == audio.samples.shape
        peak = np.abs(result.samples).max()
        assert peak <= 10 ** (-1 / 20) + 1e-6
        assert loudness(result) == pytest.approx(lufs, abs=0.01) or (
            peak == pytest.approx(10 ** (-1 / 20)) and loudness(result) < lufs
        )


def test_peaks_limit_the_gain():
    audio = sine((-40, 2))
    audio.samples[:, 1000] = 0.5
    result = normalize(audio, -10)
    gain = result.samples[:, 1000] / 0.5
    np.testing.assert_allclose(result.samples, audio.samples * gain[0], rtol=1e-5)
    assert result.samples.max() == pytest.approx(10 ** (-1 / 20))


@pytest.mark.parametrize("samples", [0, 1, 100, 48000])
def test_silence_stays_as_it_is(samples):
    silence = Waveform(np.full((2, samples), 1e-5, np.float32), 48000)
    assert loudness(silence) == -np.inf and normalize(silence, -16) is silence


def test_short_audio_has_a_loudness():
    assert -40 < loudness(sine((-20, 0.1))) < loudness(sine((-20, 0.3))) < -20


@pytest.mark.parametrize("lufs", [1, -71, float("nan")])
def test_other_values_are_refused(lufs):
    with pytest.raises(OptionError, match="lufs takes"):
        normalize(sine((-20, 1)), lufs)
