"""Measures a finished model with the real pipeline, on people, voices and sentences that were never trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..data import Array, Clip, Waveform
from ..faces.align import smooth_matrices
from ..faces.crop import crop_face
from ..faces.mask import keep_mask
from ..models.bundle import LipSyncModels
from ..options import Options
from ..pipeline import lip_sync
from ..synthetic import MouthTrack, SyntheticClip, mono_16k, speak, talking_clip
from .reader import read_mouth
from .vae import to_pixels
from .voices import SAMPLE_RATE, TEST_SENTENCES, TEST_VOICES

FIRST_SEED = 60_000
"""Identities from here on are seen by no stage of training, not even by its scores."""
SPOKEN, SILENT = 2.6, 0.8
"""Seconds of speech and of silence after it."""
MAX_LAG = 8


@dataclass(frozen=True, eq=False)
class Case:
    """One person who says A, and how they would look saying B."""

    source: SyntheticClip
    truth: SyntheticClip
    speech: Waveform
    """B."""


@dataclass(frozen=True)
class Verdict:
    """What was measured on one case; correlations are of openness, read off the result's crops."""

    new: float
    """With the mouth of B."""
    old: float
    """With the mouth of A."""
    common: float
    """Of the true mouths of A and B."""
    ceiling: float
    """Of the reader on true frames with B."""
    lag: int
    """Frames by which the result comes late."""
    gain: float
    silent: float
    """Mean openness in silence."""
    jitter: float
    """Change of the mouth from frame to frame in silence, against that of the truth."""
    psnr: float
    """Against the truth inside the mask, in dB."""


def case(number: int) -> Case:
    """Case `number`, always the same."""
    rng = np.random.default_rng([number, 25])
    said, new = (_speech(rng, number + shift) for shift in (2, 0))
    seed = FIRST_SEED + number
    source, truth = talking_clip(seed, said), talking_clip(seed, new)
    return Case(source, truth, Waveform(new[None], SAMPLE_RATE))


def _speech(rng: np.random.Generator, number: int) -> npt.NDArray[np.float32]:
    sentence, voice = TEST_SENTENCES[number % 5], TEST_VOICES[number % 4]
    said = mono_16k(speak(sentence, voice, int(rng.integers(130, 170)), int(rng.integers(30, 70))))
    samples = np.zeros(round((SPOKEN + SILENT) * SAMPLE_RATE), np.float32)
    spoken = said[: round(SPOKEN * SAMPLE_RATE)]
    samples[: len(spoken)] = spoken
    return samples


def perform(given: Case, models: LipSyncModels, options: Options) -> list[Array]:
    """The frames that the pipeline makes of a case."""
    return list(lip_sync(given.source, given.speech, models, options))


def judge(given: Case, result: list[Array], reader: nn.Module) -> Verdict:
    """Measure a result, (H, W, 3) uint8 a frame."""
    made, true = mouth_crops(given.source, result), mouth_crops(given.source, _frames(given.truth))
    told, best = (read_mouth(reader, to_pixels(c))[:, 0] for c in (made, true))
    new, old = (c.truth[0].mouth.openness[: len(result)] for c in (given.truth, given.source))
    silent = _silence(given.truth.truth[0].mouth)[: len(result)]
    painted = (1 - keep_mask(made.shape[1]))[None, ..., None]
    square = (((made.astype(np.float32) - true) / 127.5) ** 2 * painted).sum() / (
        painted.sum() * 3 * len(made)
    )
    return Verdict(
        new=_correlation(told, new),
        old=_correlation(told, old),
        common=_correlation(old, new),
        ceiling=_correlation(best, new),
        lag=_lag(told, new),
        gain=float(np.polyfit(new, told, 1)[0]),
        silent=float(told[silent].mean()),
        jitter=_change(made, silent) / _change(true, silent),
        psnr=float(10 * np.log10(4 / max(square, 1e-8))),
    )


def mouth_crops(clip: SyntheticClip, frames: list[Array], resolution: int = 128) -> npt.NDArray[np.uint8]:
    """The aligned faces of frames that show the person of `clip` in their true place, (N, R, R, 3)."""
    matrices = smooth_matrices(clip.truth[0].points, clip.times, resolution)
    pairs = zip(frames, matrices, strict=False)
    return np.stack([np.rint(crop_face(f, m, resolution)).astype(np.uint8) for f, m in pairs])


def _frames(clip: Clip) -> list[Array]:
    return list(clip.read(range(len(clip.times))))


def _silence(mouth: MouthTrack) -> npt.NDArray[np.bool_]:
    """Frames at rest, away from any movement."""
    rest = mouth.openness < 0.02
    return np.asarray(np.convolve(rest, np.ones(5), "same") == 5)


def _change(crops: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_]) -> float:
    size = crops.shape[1]
    mouths = crops[:, round(0.58 * size) : round(0.92 * size), round(0.25 * size) : round(0.75 * size)]
    steps = np.abs(np.diff(mouths.astype(np.float32), axis=0)).mean((1, 2, 3))
    return float(steps[where[1:]].mean())


def _correlation(a: Array, b: Array) -> float:
    return float(np.corrcoef(a, b)[0, 1])


def _lag(told: Array, true: Array) -> int:
    """The shift in frames at which two curves agree best."""

    def at(lag: int) -> float:
        late, early = (
            told[max(0, lag) : len(told) + min(0, lag)],
            true[max(0, -lag) : len(true) - max(0, lag)],
        )
        return _correlation(late, early)

    return max(range(-MAX_LAG, MAX_LAG + 1), key=at)


def cases(count: int) -> Iterator[Case]:
    """The first `count` cases."""
    return (case(number) for number in range(count))


@torch.inference_mode()
def verdicts(
    count: int, models: LipSyncModels, reader: nn.Module, options: Options
) -> Iterator[tuple[Case, list[Array], Verdict]]:
    """Every case with its result and verdict."""
    for given in cases(count):
        result = perform(given, models, options)
        yield given, result, judge(given, result, reader)
