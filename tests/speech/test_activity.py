"""Pauses are found against the noise floor, whatever the noise, and speech is not taken for one."""

import numpy as np
import pytest

from latentsync_core.speech import detect_speech
from latentsync_lab.synthetic import bundled_speech, mono_16k

RATE, HOP = 16_000, 160
LEAST_FOUND, MOST_FALSE = 0.9, 0.02


def sentences(pauses):
    """Bundled sentences with a pause after each; and their levels every 10 ms, in dB below the loud parts."""
    said = [mono_16k(bundled_speech(name)) for name in "ab"]
    parts = [
        part for i, seconds in enumerate(pauses) for part in (said[i % 2], np.zeros(round(seconds * RATE)))
    ]
    clean = np.concatenate(parts).astype(np.float32)
    clean = clean[: len(clean) // HOP * HOP]
    level = 10 * np.log10(np.square(clean.reshape(-1, HOP)).mean(1) + 1e-12)
    return clean, level - np.percentile(level, 95)


def noise(kind, count):
    """Noise of power 1 whose spectrum falls by 0, 3 or 6 dB an octave; or the hum of mains."""
    if kind == "hum":
        t = np.arange(count) / RATE
        made = sum(np.sin(2 * np.pi * 50 * k * t + k) / k for k in (1, 2, 3, 5, 7))
    else:
        spectrum = np.fft.rfft(np.random.default_rng(0).standard_normal(count))
        bins = np.maximum(np.arange(len(spectrum)), 30 * count // RATE)
        made = np.fft.irfft(spectrum / bins ** {"white": 0, "pink": 0.5, "brown": 1}[kind], count)
    return made / made.std()


def at_snr(clean, level, kind, snr):
    spoken = clean.reshape(-1, HOP)[level > -35]
    return (clean + noise(kind, len(clean)) * np.sqrt(np.square(spoken).mean()) * 10 ** (-snr / 20)).astype(
        np.float32
    )


def is_pause(level):
    """Level below -35 dB for at least 0.3 s."""
    quiet, pause = level < -35, np.zeros(len(level), bool)
    edges = np.flatnonzero(np.diff(quiet, prepend=False, append=False))
    for first, end in edges.reshape(-1, 2):
        pause[first:end] = end - first >= 30
    return pause


@pytest.mark.parametrize("kind", ["white", "pink", "brown", "hum"])
@pytest.mark.parametrize("snr", [30, 20])
def test_pauses_are_found_in_noise(kind, snr):
    clean, level = sentences((1.0, 0.4, 2.0))
    said = detect_speech(at_snr(clean, level, kind, snr), (np.arange(len(level)) + 0.5) * HOP / RATE)
    pause, spoken = is_pause(level), level > -30
    assert (~said)[pause].mean() >= LEAST_FOUND
    assert (~said)[spoken].mean() <= MOST_FALSE


def test_a_floor_that_rises_within_the_recording_is_followed():
    clean, level = sentences((1.0, 1.0) * 4)
    sound = clean + noise("pink", len(clean)) * np.where(np.arange(len(clean)) < len(clean) / 2, 1e-4, 1e-2)
    said = detect_speech(sound.astype(np.float32), (np.arange(len(level)) + 0.5) * HOP / RATE)
    pause, spoken = is_pause(level), level > -30
    late = np.arange(len(level)) > len(level) * 0.8  # the floor of ten seconds around has risen by then
    assert (~said)[pause & late].mean() >= LEAST_FOUND
    assert (~said)[spoken].mean() <= MOST_FALSE


def test_noise_in_which_nobody_speaks_is_no_pause():
    hiss = (noise("pink", 5 * RATE) * 0.01).astype(np.float32)
    assert detect_speech(hiss, np.arange(0.1, 4.9, 0.04)).all()


def test_a_click_is_not_speech():
    clean, level = sentences((3.0,))
    first = np.flatnonzero(level > -35)[-1] * HOP + RATE
    clean[first : first + HOP] = 0.5
    assert not detect_speech(clean, np.array([(first + HOP / 2) / RATE])).any()
