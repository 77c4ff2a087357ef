"""Measures a finished model with the real pipeline, on people, voices and sentences that were never trained on."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..data import Array, Clip, Waveform
from ..faces import FaceFinder, crop_face, keep_mask, mouth_openings, smooth_matrices
from ..metrics.image import psnr
from ..metrics.temporal import changes, mouth_part
from ..metrics.truth import best_lag, correlation, gain
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
RESOLUTION = 128
"""Of the crops that are measured, in pixels."""


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
    mesh: float
    """The same, but measured by FaceMesh in the result's frames: a second witness."""
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
    matrices = true_matrices(given.source)
    painted = torch.from_numpy(1 - keep_mask(made.shape[1]))
    return Verdict(
        new=correlation(told, new),
        mesh=correlation(mouth_openings(FaceFinder(), result, matrices[: len(result)], RESOLUTION), new),
        old=correlation(told, old),
        common=correlation(old, new),
        ceiling=correlation(best, new),
        lag=best_lag(told, new),
        gain=gain(told, new),
        silent=float(told[silent].mean()),
        jitter=_change(made, silent) / _change(true, silent),
        psnr=psnr(to_pixels(made), to_pixels(true), painted),
    )


def true_matrices(clip: SyntheticClip) -> npt.NDArray[np.float64]:
    """From the frames of a clip to its crops, (N, 2, 3), where the person truly is."""
    return smooth_matrices(clip.truth[0].points, clip.times, RESOLUTION)


def mouth_crops(clip: SyntheticClip, frames: list[Array]) -> npt.NDArray[np.uint8]:
    """The aligned faces of frames that show the person of `clip` in their true place, (N, R, R, 3)."""
    pairs = zip(frames, true_matrices(clip), strict=False)
    return np.stack([np.rint(crop_face(f, m, RESOLUTION)).astype(np.uint8) for f, m in pairs])


def _frames(clip: Clip) -> list[Array]:
    return list(clip.read(range(len(clip.times))))


def _silence(mouth: MouthTrack) -> npt.NDArray[np.bool_]:
    """Frames at rest, away from any movement."""
    rest = mouth.openness < 0.02
    return np.asarray(np.convolve(rest, np.ones(5), "same") == 5)


def _change(crops: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_]) -> float:
    """Jitter of the mouth in the frames named."""
    return float(changes(mouth_part(to_pixels(crops))).numpy()[where[1:]].mean())


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
