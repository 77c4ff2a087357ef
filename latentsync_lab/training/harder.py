"""A second, harder test set: fast, reverberant, foreign and quiet speech, by voices that are in no other set."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from latentsync_core.data import SPEECH_RATE, Waveform

from ..synthetic import mono_16k, speak, talking_clip
from .cases import FIRST_SEED, SILENT, SPOKEN, Case
from .voices import TEST_SENTENCES

FIRST_HARDER_SEED = FIRST_SEED + 500

USUAL, FAST = 150, 240
"""Words a minute."""
REVERBERATION = 0.8
"""Seconds in which an echo falls by 60 dB; direct speech and echoes are equally strong, as far off in a bare room."""
QUIET = 10 ** (-40 / 20)

ENGLISH = ("en-029+ed", "en-us-nyc+belinda", "en-gb-x-gbcwmd+benjamin")
"""Voices that open the mouth about as far as the others do; some of espeak-ng's hardly open it."""
FOREIGN = (
    ("sv", "Vi åker till sjön på lördag och badar länge innan solen går ner."),
    ("tr", "Bugün hava çok güzel, birlikte parka gidip biraz yürüyelim."),
    ("hi", "आज मौसम बहुत अच्छा है, चलो हम सब बाहर घूमने चलते हैं।"),
)
"""Voices whose language no training voice has, and what they say."""
KINDS = ("fast", "reverberant", "foreign", "quiet")
HARDER_CASES = 3 * len(KINDS)


@dataclass(frozen=True, eq=False)
class HarderCase(Case):
    """A case whose new speech is of one of KINDS."""

    kind: str


def make_harder_case(number: int) -> HarderCase:
    """Make case `number`, always the same; the true mouth follows the speech without its echoes."""
    kind, seed = KINDS[number % len(KINDS)], FIRST_HARDER_SEED + number
    voice = number // len(KINDS) % 3
    old = _speak(TEST_SENTENCES[(number + 2) % 5], ENGLISH[(voice + 1) % 3], USUAL)
    if kind == "foreign":
        language, text = FOREIGN[voice]
        new = _speak(text, language, USUAL)
    else:
        new = _speak(TEST_SENTENCES[number % 5], ENGLISH[voice], FAST if kind == "fast" else USUAL)
    recorded = {"reverberant": _add_reverberation, "quiet": _attenuate}.get(kind, np.asarray)(new)
    source, truth = talking_clip(seed, old), talking_clip(seed, new)
    return HarderCase(source, truth, Waveform(recorded[None], SPEECH_RATE), kind)


def _speak(text: str, voice: str, speed: int) -> npt.NDArray[np.float32]:
    """Speak the first seconds of a text, followed by silence."""
    said = mono_16k(speak(text, voice, speed))[: round(SPOKEN * SPEECH_RATE)]
    return np.pad(said, (0, round((SPOKEN + SILENT) * SPEECH_RATE) - len(said)))


def _add_reverberation(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Add the echoes of a bare room: noise of falling strength (Moorer 1979)."""
    times = np.arange(round(REVERBERATION * SPEECH_RATE)) / SPEECH_RATE
    echoes = np.random.default_rng(27).standard_normal(len(times)) * 10 ** (-3 * times / REVERBERATION)
    echoes /= np.sqrt((echoes**2).sum())
    size = len(samples) + len(echoes)
    echoed = np.fft.irfft(np.fft.rfft(samples, size) * np.fft.rfft(echoes, size), size)[: len(samples)]
    return (samples + echoed).astype(np.float32)


def _attenuate(samples: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    return samples * np.float32(QUIET)
