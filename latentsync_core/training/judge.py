"""Measures what the pipeline made of a test case, against the truth that only synthetic people have."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import nn

from ..data import Array, FloatArray
from ..diffusion.latents import LatentCodec, to_crops
from ..faces import FaceFinder
from ..faces.align import smooth_matrices
from ..faces.crop import crop_face
from ..faces.mask import keep_mask
from ..synthetic import MouthTrack, SyntheticClip
from .cases import Case, Results
from .reader import read_mouth
from .vae import to_pixels

MAX_LAG = 8


@dataclass(frozen=True, eq=False)
class Judges:
    """What looks at results."""

    reader: nn.Module
    """Tells the mouth from a crop, see `MouthReader`."""
    finder: FaceFinder
    """A second opinion, which has never seen a synthetic face."""
    vae: nn.Module
    """The judged model's own, for what it loses by itself."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Openness of the mouth in every frame of a case, each (N,)."""

    new: FloatArray
    """True, of B."""
    old: FloatArray
    """True, of A."""
    told: FloatArray
    """Read off the result."""
    mute: FloatArray
    """Read off the result without sound."""
    shuffled: FloatArray
    """Read off the result with a wrong sound."""
    best: FloatArray
    """Read off true frames."""
    mesh: FloatArray
    """The result's inner lips as the face mesh sees them, in its units; NaN where it finds no face."""
    mesh_best: FloatArray
    """The same of true frames."""


@dataclass(frozen=True)
class Verdict:
    """What was measured on one case; correlations are of openness, over frames."""

    new: float
    """With the mouth of B."""
    old: float
    """With the mouth of A."""
    common: float
    """Of the true mouths of A and B."""
    ceiling: float
    """Of the reader on true frames with B."""
    mesh_new: float
    """As `new`, read by the face mesh."""
    mesh_old: float
    mesh_ceiling: float
    mute: float
    """Of the result without sound with B."""
    shuffled: float
    """Of the result with a wrong sound with B."""
    lag: int
    """Frames by which the result comes late."""
    gain: float
    """How far the mouth opens, against the truth."""
    silent: float
    """Mean openness in silence, as a share of the range of B's mouth."""
    jitter: float
    """Change of the mouth from frame to frame in silence, against that of the truth."""
    psnr: float
    """Against the truth inside the mask, in dB."""
    vae_psnr: float
    """The same of true frames that only went through the autoencoder."""


def judge(given: Case, results: Results, judges: Judges) -> tuple[Verdict, Curves]:
    """Measure a case."""
    true_frames = list(given.truth.read(range(len(given.truth.times))))
    made, true = (mouth_crops(given.source, frames) for frames in (results.new, true_frames))
    curves = _curves(given, results, true_frames, judges)
    silent = _silence(given.truth.truth[0].mouth)
    verdict = Verdict(
        new=correlation(curves.told, curves.new),
        old=correlation(curves.told, curves.old),
        common=correlation(curves.old, curves.new),
        ceiling=correlation(curves.best, curves.new),
        mesh_new=correlation(curves.mesh, curves.new),
        mesh_old=correlation(curves.mesh, curves.old),
        mesh_ceiling=correlation(curves.mesh_best, curves.new),
        mute=correlation(curves.mute, curves.new),
        shuffled=correlation(curves.shuffled, curves.new),
        lag=_lag(curves.told, curves.new),
        gain=float(np.polyfit(curves.new, curves.told, 1)[0]),
        silent=float(curves.told[silent].mean() / np.ptp(curves.new)),
        jitter=_change(made, silent) / _change(true, silent),
        psnr=_psnr(made, true),
        vae_psnr=_psnr(_through(judges.vae, true), true),
    )
    return verdict, curves


def _curves(given: Case, results: Results, true_frames: list[Array], judges: Judges) -> Curves:
    told, mute, wrong, best = (
        read_mouth(judges.reader, to_pixels(mouth_crops(given.source, frames)))[:, 0]
        for frames in (results.new, results.mute, results.shuffled, true_frames)
    )
    return Curves(
        new=given.truth.truth[0].mouth.openness,
        old=given.source.truth[0].mouth.openness,
        told=told,
        mute=mute,
        shuffled=wrong,
        best=best,
        mesh=judges.finder.openings(results.new),
        mesh_best=judges.finder.openings(true_frames),
    )


def mouth_crops(clip: SyntheticClip, frames: list[Array], resolution: int = 128) -> npt.NDArray[np.uint8]:
    """The aligned faces of frames that show the person of `clip` in their true place, (N, R, R, 3)."""
    matrices = smooth_matrices(clip.truth[0].points, clip.times, resolution)
    pairs = zip(frames, matrices, strict=False)
    return np.stack([np.rint(crop_face(f, m, resolution)).astype(np.uint8) for f, m in pairs])


def correlation(a: FloatArray, b: FloatArray) -> float:
    """Pearson's, over the frames in which both are known."""
    known = ~np.isnan(a + b)
    return float(np.corrcoef(a[known], b[known])[0, 1])


def _silence(mouth: MouthTrack) -> npt.NDArray[np.bool_]:
    """Frames at rest, away from any movement."""
    rest = mouth.openness < 0.02
    return np.asarray(np.convolve(rest, np.ones(5), "same") == 5)


def _change(crops: npt.NDArray[np.uint8], where: npt.NDArray[np.bool_]) -> float:
    size = crops.shape[1]
    mouths = crops[:, round(0.58 * size) : round(0.92 * size), round(0.25 * size) : round(0.75 * size)]
    steps = np.abs(np.diff(mouths.astype(np.float32), axis=0)).mean((1, 2, 3))
    return float(steps[where[1:]].mean())


def _psnr(crops: Array, true: Array) -> float:
    """Of crops (N, R, R, 3) in 0..255 inside the mask."""
    painted = 1 - keep_mask(true.shape[1])[None, ..., None]
    square = ((crops.astype(np.float32) - true) ** 2 * painted).sum() / (painted.sum() * 3 * len(true))
    return float(10 * np.log10(255**2 / max(square, 1e-4)))


@torch.inference_mode()
def _through(vae: nn.Module, crops: npt.NDArray[np.uint8]) -> npt.NDArray[np.float32]:
    codec = LatentCodec(vae)
    return to_crops(codec.decode(codec.encode(to_pixels(crops)))).clip(0, 255)


def _lag(told: FloatArray, true: FloatArray) -> int:
    """The shift in frames at which two curves agree best."""

    def at(lag: int) -> float:
        late, early = (
            told[max(0, lag) : len(told) + min(0, lag)],
            true[max(0, -lag) : len(true) - max(0, lag)],
        )
        return correlation(late, early)

    return max(range(-MAX_LAG, MAX_LAG + 1), key=at)
