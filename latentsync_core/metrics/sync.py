"""Synchrony of mouth and audio, measured by a SyncNet: confidence and offset over a clip."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from ..data import SPEECH_RATE
from ..errors import InputError

# Wav2Lip's mel spectrogram, on which the published SyncNet was trained.
MEL_FFT, MEL_HOP = 800, 200
MEL_BANDS, LOWEST_HZ, HIGHEST_HZ = 80, 55.0, 7600.0
PREEMPHASIS = 0.97
REFERENCE_DB, LEAST_DB, LIMIT = 20.0, -100.0, 4.0

MEL_RATE = SPEECH_RATE / MEL_HOP
"""80 spectra a second."""
FRAMES = 16
"""Frames that the network sees at once."""
FPS = 25

MEL_LENGTH = math.ceil(FRAMES / 5 * 16)
"""52 spectra beside 16 frames (bytedance/LatentSync a229c39, syncnet_dataset.py)."""
MAX_OFFSET, LEAST_OFFSET = 15, 5
"""Frames by which audio is shifted at most, and at least."""
LEAST_CONFIDENCE = 0.3
"""Below this a curve says nothing. By the bundled SyncNet, on clips of 4 to 6 s: drawn heads and their own words 0.53
to 0.55, other words at most 0.24, a video of a person, on whom it was not trained, at most 0.12."""
LEAST_FRAMES = FRAMES + 2 * LEAST_OFFSET
BATCH = 16


def sync_mel(samples: npt.NDArray[np.float32]) -> Tensor:
    """Compute SyncNet's mel spectrogram of audio (n,) at 16 kHz, shape (80, 1 + n // 200), in -4..4.

    Raises InputError below 200 samples, or for another shape.
    """
    if samples.ndim != 1 or samples.size < MEL_HOP:
        raise InputError(f"sync_mel takes mono samples of shape (n,), n >= {MEL_HOP}, got {samples.shape}.")
    audio = torch.from_numpy(np.asarray(samples, np.float64))
    audio = torch.cat([audio[:1], audio[1:] - PREEMPHASIS * audio[:-1]])
    window = torch.hann_window(MEL_FFT, dtype=torch.float64)
    spectrum = torch.stft(
        F.pad(audio, (MEL_FFT // 2, MEL_FFT // 2)),
        MEL_FFT,
        MEL_HOP,
        MEL_FFT,
        window,
        center=False,
        return_complex=True,
    )
    bank = mel_filter_bank(
        MEL_FFT // 2 + 1, MEL_BANDS, LOWEST_HZ, HIGHEST_HZ, SPEECH_RATE, "slaney", "slaney"
    )
    mel = torch.from_numpy(bank).T @ spectrum.abs()
    level = 20 * torch.log10(mel.clamp(min=1e-5)) - REFERENCE_DB
    return (2 * LIMIT * (level - LEAST_DB) / -LEAST_DB - LIMIT).clamp(-LIMIT, LIMIT).float()


def mel_window(mel: Tensor, frame: int, length: int = MEL_LENGTH) -> Tensor:
    """Return the spectra of the 16 frames that start at `frame`, (1, 80, 52); past the end the last is repeated."""
    start = int(MEL_RATE * frame / FPS)
    index = torch.arange(start, start + length).clamp(0, mel.shape[1] - 1)
    return mel[None, :, index]


def face_window(crops: Tensor, frame: int) -> Tensor:
    """Return the lower halves of 16 crops, (16 * 3, R / 2, R), from crops (N, 3, R, R) in -1..1."""
    half = crops.shape[-2] // 2
    return crops[frame : frame + FRAMES, :, half:].flatten(0, 1)


@dataclass(frozen=True, eq=False)
class SyncCurve:
    """Mean cosine of mouths and audio for every shift of the audio against the video."""

    offsets: npt.NDArray[np.int64]
    """Frames at 25 a second; positive: the audio is delayed."""
    cosines: npt.NDArray[np.float64]
    windows: int
    """Windows of 16 frames that are averaged."""

    @property
    def offset(self) -> int:
        """The shift that fits best: how many frames the audio comes too early. 0 in a clip in sync.

        Positive: a mouth opens after its speech; delay the audio by so many frames. Negative: the audio comes late;
        advance it.
        """
        return int(self.offsets[self.cosines.argmax()])

    @property
    def confidence(self) -> float:
        """How far the best cosine lies above the median one."""
        return float(self.cosines.max() - np.median(self.cosines))

    @property
    def sure(self) -> bool:
        """Whether the offset means anything."""
        return self.confidence >= LEAST_CONFIDENCE

    @property
    def title(self) -> str:
        """In a few words, for a plot."""
        found = f"offset {self.offset:+d} frames" if self.sure else "no verdict"
        return f"{found}, confidence {self.confidence:.3f}"

    @property
    def reach(self) -> int:
        """The greatest shift that was tried, in frames."""
        return int(self.offsets[-1])


def reach_of(frames: int) -> int:
    """Return how far audio is shifted against so many frames: a third of those beyond one window, within 5..15.

    Shifts to both sides take two thirds, the last third is for windows to compare. Raises InputError below 26 frames,
    where not one window is left.
    """
    if frames < LEAST_FRAMES:
        raise InputError(
            f"Synchrony is measured on at least {LEAST_FRAMES} frames at {FPS} a second "
            f"({LEAST_FRAMES / FPS:.2f} s) of video and audio, got {frames}; give a longer clip."
        )
    return min(MAX_OFFSET, max(LEAST_OFFSET, (frames - FRAMES) // 3))


def sync_curve(
    syncnet: Any, crops: Tensor, samples: npt.NDArray[np.float32], *, step: int = 4, reach: int = MAX_OFFSET
) -> SyncCurve:
    """Shift audio against a clip by -reach..reach frames and compare.

    crops: (N, 3, R, R) in -1..1 at 25 frames a second, N >= 16 + 2 * reach, of the network's resolution.
    samples: (n,) at 16 kHz. step: frames from one window to the next. Raises InputError for fewer frames.
    """
    starts = np.arange(reach, len(crops) - FRAMES - reach + 1, step)
    if not len(starts):
        raise InputError(f"sync_curve takes at least {FRAMES + 2 * reach} frames, got {len(crops)}.")
    mouths = embed_mouths(syncnet, (face_window(crops, k) for k in starts.tolist()))
    return compare(mouths, starts, embed_audio(syncnet, samples, len(crops)), reach)


def compare(mouths: Tensor, starts: npt.NDArray[np.int64], audio: Tensor, reach: int) -> SyncCurve:
    """Compare mouths (K, n), whose windows begin at `starts` (K,), with the audio at every frame (M, n).

    Each start must lie in reach..M - 1 - reach.
    """
    # Every shift is measured on the same windows: if the clip's ends joined in at some shifts only, the curve would
    # also show which parts of the clip are easy. Delaying the audio by `offset` brings what was earlier to the mouth.
    offsets = np.arange(-reach, reach + 1)
    cosines = [float((mouths * audio[starts - offset]).sum(1).mean()) for offset in offsets]
    return SyncCurve(offsets, np.array(cosines), len(starts))


def embed_mouths(syncnet: Any, windows: Iterable[Tensor]) -> Tensor:
    """Embed `face_window`s as unit vectors (K, n), on the host."""
    return _embed(syncnet, syncnet.visual_encoder, windows)


def embed_audio(syncnet: Any, samples: npt.NDArray[np.float32], frames: int) -> Tensor:
    """Embed the audio of every window of so many frames as unit vectors (frames - 15, n), on the host."""
    mel = sync_mel(samples)
    return _embed(syncnet, syncnet.audio_encoder, (mel_window(mel, k) for k in range(frames - FRAMES + 1)))


@torch.inference_mode()
def _embed(syncnet: Any, encoder: Any, parts: Iterable[Tensor]) -> Tensor:
    device, left = next(syncnet.parameters()).device, iter(parts)
    vectors = []
    while batch := list(itertools.islice(left, BATCH)):
        vectors.append(F.normalize(encoder(torch.stack(batch).to(device))).cpu())
    return torch.cat(vectors)
