"""The test set that a finished model is evaluated on: people, voices and sentences that were never trained on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentsync_core.data import SPEECH_RATE, Array, Waveform
from latentsync_core.models.bundle import LipSyncModels
from latentsync_core.options import Options
from latentsync_core.pipeline import lip_sync
from latentsync_core.speakers import find_face

from ..synthetic import SyntheticClip, mono_16k, speak, talking_clip
from .voices import TEST_SENTENCES, TEST_VOICES

FIRST_SEED = 60_000
"""Identities from here on are seen by no stage of training, not even by its scores."""
SPOKEN, SILENT = 2.6, 0.8
"""Seconds of speech and of silence after it."""
PIECE = 0.2
"""Seconds of audio that stay together when it is shuffled."""


@dataclass(frozen=True, eq=False)
class Case:
    """A clip of a person who says A, and the true clip of the same person saying B."""

    source: SyntheticClip
    truth: SyntheticClip
    speech: Waveform
    """B."""


@dataclass(frozen=True, eq=False)
class Results:
    """What the pipeline makes of a case, frame by frame, each (H, W, 3) uint8."""

    new: list[Array]
    """With B."""
    mute: list[Array]
    """With silence."""
    shuffled: list[Array]
    """With the pieces of B in another order."""


def make_case(number: int) -> Case:
    """Make case `number`, always the same."""
    rng = np.random.default_rng([number, 25])
    old, new = (_speak(rng, number + shift) for shift in (2, 0))
    seed = FIRST_SEED + number
    source, truth = talking_clip(seed, old), talking_clip(seed, new)
    return Case(source, truth, Waveform(new[None], SPEECH_RATE))


def _speak(rng: np.random.Generator, number: int) -> npt.NDArray[np.float32]:
    sentence, voice = TEST_SENTENCES[number % 5], TEST_VOICES[number % 4]
    speech = mono_16k(speak(sentence, voice, int(rng.integers(130, 170)), int(rng.integers(30, 70))))
    samples = np.zeros(round((SPOKEN + SILENT) * SPEECH_RATE), np.float32)
    spoken = speech[: round(SPOKEN * SPEECH_RATE)]
    samples[: len(spoken)] = spoken
    return samples


def shuffle(speech: Waveform) -> Waveform:
    """Return the pieces of the audio in another order, always the same."""
    pieces = np.array_split(speech.samples, round(speech.duration / PIECE), axis=1)
    order = np.random.default_rng(26).permutation(len(pieces))
    return Waveform(np.concatenate([pieces[k] for k in order], axis=1), speech.sample_rate)


def perform(case: Case, models: LipSyncModels, options: Options) -> Results:
    """Run the pipeline on a case: with its speech, with silence, and with shuffled speech."""
    track = find_face(case.source)
    silence = Waveform(np.zeros_like(case.speech.samples), case.speech.sample_rate)
    audios = case.speech, silence, shuffle(case.speech)
    return Results(
        *([np.asarray(f) for f in lip_sync(case.source, audio, models, options, track)] for audio in audios)
    )
