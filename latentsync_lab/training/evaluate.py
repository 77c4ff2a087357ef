"""Measures what the pipeline made of a test case, against the truth that only synthetic people have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from latentsync_core.data import Array, FloatArray
from latentsync_core.diffusion.latents import LatentCodec
from latentsync_core.faces import FaceFinder, crop_face, keep_mask, measure_openings, smooth_matrices
from latentsync_core.metrics.image import psnr
from latentsync_core.metrics.temporal import measure_changes, mouth_part

from ..synthetic import MouthTrack, SyntheticClip
from ..truth import best_lag, correlation, gain
from .cases import Case, Results
from .mouth_regressor import read_mouth
from .vae import to_pixels

RESOLUTION = 128
"""Of the crops that are measured, in pixels."""


@dataclass(frozen=True, eq=False)
class Evaluators:
    """The networks that results are evaluated with."""

    mouth_regressor: nn.Module
    """Reads the mouth off a crop, see `MouthRegressor`."""
    finder: FaceFinder
    """A second opinion, which has never seen a synthetic face."""
    vae: nn.Module
    """The evaluated model's own, for what it loses by itself."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Openness of the mouth in every frame of a case, each (N,)."""

    new: FloatArray
    """True, of B."""
    old: FloatArray
    """True, of A."""
    predicted: FloatArray
    """Read off the result."""
    mute: FloatArray
    """Read off the result without audio."""
    shuffled: FloatArray
    """Read off the result with the wrong audio."""
    best: FloatArray
    """Read off true frames."""
    mesh: FloatArray
    """The result's inner lips as the face mesh sees them, in its units; NaN where it finds no face."""
    mesh_best: FloatArray
    """The same of true frames."""


@dataclass(frozen=True)
class Evaluation:
    """What was measured on one case; correlations are of openness, over frames."""

    new: float
    """With the mouth of B."""
    old: float
    """With the mouth of A."""
    common: float
    """Of the true mouths of A and B."""
    ceiling: float
    """Of the mouth regressor on true frames with B."""
    mesh_new: float
    """As `new`, read by the face mesh."""
    mesh_old: float
    mesh_ceiling: float
    mute: float
    """Of the result without audio with B; of a mouth that rests, it is that of the regressor's noise."""
    mute_motion: float
    """How much the mouth moves without audio, as a fraction of B's standard deviation."""
    shuffled: float
    """Of the result with the wrong audio with B."""
    lag: int
    """Frames by which the result comes late."""
    gain: float
    """How far the mouth opens, against the truth."""
    silent: float
    """Mean openness in silence, as a fraction of the range of B's mouth."""
    jitter: float
    """Change of the mouth from frame to frame in silence, against that of the truth."""
    psnr: float
    """Against the truth inside the mask, in dB."""
    vae_psnr: float
    """The same of true frames that only went through the autoencoder."""


def evaluate(case: Case, results: Results, evaluators: Evaluators) -> tuple[Evaluation, Curves]:
    """Measure the results of a case."""
    true_frames = list(case.truth.read(range(len(case.truth.times))))
    output, true = (mouth_crops(case.source, frames) for frames in (results.new, true_frames))
    curves = _read_curves(case, results, true_frames, evaluators)
    silent = _find_silence(case.truth.truth[0].mouth)
    painted = torch.from_numpy(1 - keep_mask(RESOLUTION))
    evaluation = Evaluation(
        new=correlation(curves.predicted, curves.new),
        old=correlation(curves.predicted, curves.old),
        common=correlation(curves.old, curves.new),
        ceiling=correlation(curves.best, curves.new),
        mesh_new=correlation(curves.mesh, curves.new),
        mesh_old=correlation(curves.mesh, curves.old),
        mesh_ceiling=correlation(curves.mesh_best, curves.new),
        mute=correlation(curves.mute, curves.new),
        mute_motion=float(np.std(curves.mute) / np.std(curves.new)),
        shuffled=correlation(curves.shuffled, curves.new),
        lag=best_lag(curves.predicted, curves.new),
        gain=gain(curves.predicted, curves.new),
        silent=float(curves.predicted[silent].mean() / np.ptp(curves.new)),
        jitter=_measure_change(output, silent) / _measure_change(true, silent),
        psnr=psnr(to_pixels(output), to_pixels(true), painted),
        vae_psnr=psnr(_autoencode(evaluators.vae, to_pixels(true)), to_pixels(true), painted),
    )
    return evaluation, curves


def _read_curves(case: Case, results: Results, true_frames: list[Array], evaluators: Evaluators) -> Curves:
    predicted, mute, wrong, best = (
        read_mouth(evaluators.mouth_regressor, to_pixels(mouth_crops(case.source, frames)))[:, 0]
        for frames in (results.new, results.mute, results.shuffled, true_frames)
    )
    matrices = true_matrices(case.source)
    return Curves(
        new=case.truth.truth[0].mouth.openness,
        old=case.source.truth[0].mouth.openness,
        predicted=predicted,
        mute=mute,
        shuffled=wrong,
        best=best,
        mesh=measure_openings(evaluators.finder, results.new, matrices, RESOLUTION),
        mesh_best=measure_openings(evaluators.finder, true_frames, matrices, RESOLUTION),
    )


def true_matrices(clip: SyntheticClip) -> npt.NDArray[np.float64]:
    """Return maps from the frames of a clip to its crops, (N, 2, 3), by where the person truly is."""
    return smooth_matrices(clip.truth[0].points, clip.times, RESOLUTION)


def mouth_crops(clip: SyntheticClip, frames: list[Array]) -> npt.NDArray[np.uint8]:
    """Return the aligned faces of frames that show the person of `clip` in their true place, (N, R, R, 3)."""
    pairs = zip(frames, true_matrices(clip), strict=False)
    return np.stack([np.rint(crop_face(f, m, RESOLUTION)).astype(np.uint8) for f, m in pairs])


def _find_silence(mouth: MouthTrack) -> npt.NDArray[np.bool_]:
    """Find frames at rest, away from any movement."""
    rest = mouth.openness < 0.02
    return np.asarray(np.convolve(rest, np.ones(5), "same") == 5)


def _measure_change(crops: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_]) -> float:
    """Measure the jitter of the mouth in the frames named."""
    return float(measure_changes(mouth_part(to_pixels(crops))).numpy()[where[1:]].mean())


@torch.inference_mode()
def _autoencode(vae: nn.Module, pixels: Tensor) -> Tensor:
    codec = LatentCodec(vae)
    return codec.decode(codec.encode(pixels)).clamp(-1, 1)
