"""The tracks of speech for training, and those that are held out for tests.

The hold-out rule: tests use TEST_VOICES and TEST_SENTENCES, training TRAIN_VOICES and random words of WORDS;
no voice is in both. Identities are held out in the same way, see `data.identity_seed`.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from latentsync_core.data import SPEECH_RATE

from ..synthetic import mono_16k, speak

LONG_SECONDS = 30.0
SHORT_SECONDS = (4.0, 12.0)

PAUSES = (0.1, 0.15, 0.3, 0.5, 0.9, 1.6, 3.0)
"""Seconds between two sentences."""

TRAIN_VOICES = (
    "en-us", "en-gb", "en-us+m1", "en-us+m3", "en-gb+m4", "en-us+m6", "en-us+f1", "en-us+f2", "en-gb+f3",
    "en-us+f4", "fr", "de", "es", "it", "en-gb+m2", "fr+f2", "es+m3", "pl", "it+f4", "pt", "de+f1",
)  # fmt: skip
"""Voices of other languages read English words with their own phonemes."""
TEST_VOICES = ("en-gb-scotland+m7", "en-us+f5", "en-us+m5", "en-gb-x-rp+f4")

WORDS = """
    a about above after again air all always and any apple are arm ask autumn away baby back bad bag ball banana bath
    be beach beautiful because before below big bird black blue boat book bottle box boy bread bring brother brown
    brush busy but buy call calm came camp can car cat chair cheese child choose church city clean clock cloud coat
    coffee cold come cool cow cup dark day deep dinner do dog door down dream drink dry each ear early easy eat egg
    eight evening every eye face fair fall family far farm father few fire fish five floor flower food foot for four
    fox friend from fruit full game garden girl give glass go gold good grass great green ground hand happy hat head
    hear heavy her high hill home hot hour house how ice if jump just keep key king kitchen knee know lake lamp large
    laugh leaf learn leave left letter light like lip listen long look loud love low make man many map market may me
    meet milk minute moon morning mother mountain mouse mouth move much music my name near need never new night nine
    no noise north nose not now number oil old on one onion open or orange our out over page paint paper park people
    piano pink place play please pool poor pull push quick quiet quite rain read red remember rice river road room
    round run sad salt sand saw say school sea see seven she ship shoe shop short show silver sing sister six sky
    sleep slow small snow soft some song soon soup south spoon spring star stone story street sugar summer sun sweet
    table talk tall tea ten thank that the there they thing think this three time to today tomato tomorrow too town
    tree true two under up use valley very voice wait walk wall warm wash watch water we week well west what wheel
    when where white who why wide wind window winter woman wood word work yellow yes you young
""".split()

TEST_SENTENCES = (
    "This sentence was never used while the model was learning to speak.",
    "Our robot could pour a cup of lemonade, then wave goodbye to Emma and Paul.",
    "Some voices are high, others are low, but every mouth must keep in time.",
    "Ah, oh, ee, oo: open your mouth as widely as you can, and then close it again.",
    "Money may purchase a meal, though hope and honour are worth more.",
)


def train_track(seed: int) -> npt.NDArray[np.float32]:
    """Speak a track for training, (n,) at 16 kHz: 4 to 30 s of one voice with pauses, noise and a random tone."""
    rng = np.random.default_rng([seed, 20])
    return _make_track(rng, TRAIN_VOICES, _draw_sentence)


def test_track(seed: int) -> npt.NDArray[np.float32]:
    """Speak a track for tests, in the same way, with held-out voices and sentences."""
    rng = np.random.default_rng([seed, 21])
    return _make_track(rng, TEST_VOICES, lambda r: str(r.choice(TEST_SENTENCES)))


def _draw_sentence(rng: np.random.Generator) -> str:
    return " ".join(rng.choice(WORDS, rng.integers(4, 12)))


def _make_track(
    rng: np.random.Generator, voices: tuple[str, ...], sentence: Callable[[np.random.Generator], str]
) -> npt.NDArray[np.float32]:
    voice, speed, pitch = str(rng.choice(voices)), int(rng.integers(115, 190)), int(rng.integers(20, 80))
    length = round((LONG_SECONDS if rng.random() < 0.5 else rng.uniform(*SHORT_SECONDS)) * SPEECH_RATE)
    parts = [_make_silence(rng)]
    while sum(map(len, parts)) < length:
        said = mono_16k(speak(sentence(rng), voice, speed, pitch))
        parts += [said * np.float32(rng.uniform(0.5, 1.0)), _make_silence(rng)]
    return _simulate_recording(np.concatenate(parts)[:length], rng)


def _make_silence(rng: np.random.Generator) -> npt.NDArray[np.float32]:
    return np.zeros(int(rng.choice(PAUSES) * SPEECH_RATE), np.float32)


def _simulate_recording(
    samples: npt.NDArray[np.float32], rng: np.random.Generator
) -> npt.NDArray[np.float32]:
    """Change noise, tone and gain as another microphone and room would."""
    if rng.random() < 0.6:
        noise = rng.standard_normal(len(samples), dtype=np.float32)
        samples = samples + noise * np.float32(10 ** rng.uniform(-4.5, -2.8))
    if rng.random() < 0.5:
        samples = samples + np.float32(rng.uniform(-0.5, 0.5)) * np.concatenate([[0], samples[:-1]])
    gain = rng.uniform(0.3, 1.0) / max(1e-3, float(np.abs(samples).max()))
    return np.asarray(samples * np.float32(gain), np.float32)
