"""The true mouth of a synthetic speaker: a documented, deterministic function of the audio."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from transformers.audio_utils import mel_filter_bank

from latentsync_core.data import SPEECH_RATE, Array, FloatArray
from latentsync_core.errors import InputError

HOP, WINDOW, BANDS = 160, 400, 80
"""Whisper's log-mel: 100 spectra a second, 25 ms Hann windows, 80 Slaney bands to 8 kHz (openai/whisper, audio.py)."""
FLOOR = 1e-6
"""Mel power below which a whole clip counts as silence; full-scale speech peaks near 1e2."""


@dataclass(frozen=True)
class MouthShape:
    """The mouth in one frame, every number in 0..1."""

    openness: float = 0.0
    """0 closed .. 1 wide open."""
    spread: float = 0.0
    """0 at rest .. 1 drawn wide as in "ee"."""
    roundness: float = 0.0
    """0 at rest .. 1 rounded as in "oo"."""

    @property
    def teeth(self) -> float:
        """How much of the teeth shows between the lips: all when spread, little when rounded."""
        shows = min(max((self.openness - 0.05) / 0.12, 0.0), 1.0)
        return shows * (1 - 0.75 * self.roundness) * (0.82 + 0.18 * self.spread)

    @property
    def tongue(self) -> float:
        """How much of the tongue shows: only in a mouth open past a quarter, less when rounded."""
        return min(max((self.openness - 0.25) / 0.5, 0.0), 1.0) * (1 - 0.5 * self.roundness)


@dataclass(frozen=True, eq=False)
class MouthTrack:
    """The mouth in every frame of a clip: three arrays of shape (N,), float32 in 0..1, as in MouthShape."""

    openness: FloatArray
    spread: FloatArray
    roundness: FloatArray

    def __post_init__(self) -> None:
        shapes = {np.shape(a) for a in (self.openness, self.spread, self.roundness)}
        if len(shapes) != 1 or len(next(iter(shapes))) != 1:
            raise InputError(f"MouthTrack takes three arrays of one shape (N,), got {sorted(shapes)}.")
        if not all(np.all((a >= 0) & (a <= 1)) for a in (self.openness, self.spread, self.roundness)):
            raise InputError("MouthTrack takes values in 0..1; clip them first.")

    def __len__(self) -> int:
        return len(self.openness)

    def __getitem__(self, index: int) -> MouthShape:
        return MouthShape(
            float(self.openness[index]), float(self.spread[index]), float(self.roundness[index])
        )

    @property
    def shapes(self) -> list[MouthShape]:
        """One MouthShape a frame."""
        return [self[k] for k in range(len(self))]


def mouth_from_speech(samples: Array, times: npt.ArrayLike) -> MouthTrack:
    """Compute the mouth that belongs to speech, at the given times.

    samples: (n,) float at 16 kHz, any gain. times: (N,) seconds, normally the middle of every frame.
    Levels are log10 of mel power relative to the loudest spectrum of the whole clip, so that the result
    does not depend on the gain (but does depend on where the clip is cut). The mouth is open when there is
    power around the first formant of open vowels (450-1300 Hz), and the more so the more of it lies there
    than below (150-450 Hz); any vowel opens it a little. It is spread when the second formant is high
    (1700-3400 Hz against 800-1600 Hz: "ee") and round when it is low and the first is low too ("oo").
    Movements are smoothed over 32 and 40 ms (Gaussian). Silence, also outside the audio, is a closed
    mouth at rest. The constants were set on espeak-ng's voices so that openness has its 75th percentile
    near 0.4 and its 95th near 0.9; "oo" and "ee" reach roundness and spread of 0.7 and more.
    """
    if np.ndim(samples) != 1:
        raise InputError(f"mouth_from_speech takes mono samples of shape (n,), got {np.shape(samples)}.")
    levels = _mel_levels(np.asarray(samples, np.float64))
    openness, spread, roundness = _articulate(levels)
    moments = np.arange(len(levels)) * HOP / SPEECH_RATE
    at = np.asarray(times, np.float64)
    return MouthTrack(*(_sample(at, moments, v) for v in (openness, spread, roundness)))


def _sample(at: FloatArray, moments: FloatArray, values: FloatArray) -> FloatArray:
    return np.interp(at, moments, values, left=0, right=0).astype(np.float32)


def _mel_levels(samples: FloatArray) -> FloatArray:
    """Return log10 of mel power over that of the loudest spectrum, (T, 80), at least -8; all -8 in silence."""
    padded = np.pad(samples, WINDOW // 2)
    frames = np.lib.stride_tricks.sliding_window_view(padded, WINDOW)[::HOP]
    hann = np.hanning(WINDOW + 1)[:-1]
    power = np.abs(np.fft.rfft(frames * hann)) ** 2
    mel = power @ _mel_filters()  # (T, 201) @ (201, 80)
    peak = mel.max()
    if peak < FLOOR:
        return np.full(mel.shape, -8.0)
    return np.log10(np.maximum(mel / peak, 1e-8))


def _mel_filters() -> FloatArray:
    return np.asarray(
        mel_filter_bank(WINDOW // 2 + 1, BANDS, 0, SPEECH_RATE / 2, SPEECH_RATE, "slaney", "slaney")
    )


def _band_level(levels: FloatArray, low: float, high: float) -> FloatArray:
    """Return the level of the mean power between two frequencies (Hz), (T,)."""
    filters = _mel_filters()
    frequencies = np.linspace(0, SPEECH_RATE / 2, len(filters))
    centres = (frequencies @ filters) / filters.sum(0)
    return np.log10((10 ** levels[:, (centres >= low) & (centres < high)]).mean(1))


def _articulate(levels: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Compute openness, spread and roundness, each (T,), from the mel levels (T, 80)."""
    below, first, back, front = (
        _band_level(levels, *hz) for hz in ((150, 450), (450, 1300), (800, 1600), (1700, 3400))
    )
    voiced = np.clip((_band_level(levels, 150, 4000) + 3.2) / 0.6, 0, 1)
    lowered = 1 / (1 + np.exp(-2 * (first - below + 0.35)))
    vowel = np.clip((np.maximum(back, front) + 3.0) / 0.8, 0, 1)
    openness = voiced * np.clip((first + 3.4) / 1.9, 0, 1) * (0.35 + 0.65 * lowered)
    # After smoothing, a threshold closes the mouth between words; any vowel keeps it a little open.
    openness = np.maximum(1.3 * _smooth(openness, 3.2) - 0.12, 0.16 * _smooth(voiced * vowel, 3.2))
    spread = voiced * np.clip((front - back) / 2.2, 0, 1)
    roundness = voiced * np.clip((below - first) / 1.6, 0, 1) * np.clip((0.9 - front + back) / 1.1, 0, 1)
    return np.clip(openness, 0, 1), 0.9 * _smooth(spread, 4.0), 0.9 * _smooth(vowel * roundness, 4.0)


def _smooth(values: FloatArray, sigma: float) -> FloatArray:
    """Smooth by a Gaussian; sigma in spectra of 10 ms; the ends are held."""
    reach = int(4 * sigma)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma) ** 2)
    return np.convolve(np.pad(values, reach, mode="edge"), kernel / kernel.sum(), mode="valid")
