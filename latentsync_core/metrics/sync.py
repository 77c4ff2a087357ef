"""How well mouths and a sound belong together, measured by a SyncNet: confidence and offset over a clip."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor
from transformers.audio_utils import mel_filter_bank

from ..errors import InputError

SAMPLE_RATE = 16_000
FFT, HOP = 800, 200
MEL_BANDS, LOWEST_HZ, HIGHEST_HZ = 80, 55.0, 7600.0
PREEMPHASIS = 0.97
REFERENCE_DB, LEAST_DB, LIMIT = 20.0, -100.0, 4.0
MEL_RATE = SAMPLE_RATE / HOP
"""80 spectra a second."""
FRAMES = 16
"""Frames that the network sees at once."""
FPS = 25
MEL_LENGTH = math.ceil(FRAMES / 5 * 16)
"""52 spectra beside 16 frames (bytedance/LatentSync a229c39, syncnet_dataset.py)."""
MAX_OFFSET = 15


def sync_mel(samples: npt.NDArray[np.float32]) -> Tensor:
    """SyncNet's mel spectrogram of a sound (n,) at 16 kHz, shape (80, 1 + n // 200), in -4..4."""
    if samples.ndim != 1 or samples.size < HOP:
        raise InputError(f"sync_mel takes mono samples of shape (n,), n >= {HOP}, got {samples.shape}.")
    sound = torch.from_numpy(np.asarray(samples, np.float64))
    sound = torch.cat([sound[:1], sound[1:] - PREEMPHASIS * sound[:-1]])
    window = torch.hann_window(FFT, dtype=torch.float64)
    spectrum = torch.stft(
        F.pad(sound, (FFT // 2, FFT // 2)), FFT, HOP, FFT, window, center=False, return_complex=True
    )
    bank = mel_filter_bank(FFT // 2 + 1, MEL_BANDS, LOWEST_HZ, HIGHEST_HZ, SAMPLE_RATE, "slaney", "slaney")
    mel = torch.from_numpy(bank).T @ spectrum.abs()
    level = 20 * torch.log10(mel.clamp(min=1e-5)) - REFERENCE_DB
    return (2 * LIMIT * (level - LEAST_DB) / -LEAST_DB - LIMIT).clamp(-LIMIT, LIMIT).float()


def mel_window(mel: Tensor, frame: int, length: int = MEL_LENGTH) -> Tensor:
    """The spectra beside the 16 frames that start at `frame`, (1, 80, 52); beyond the ends the last is held."""
    start = int(MEL_RATE * frame / FPS)
    index = torch.arange(start, start + length).clamp(0, mel.shape[1] - 1)
    return mel[None, :, index]


def face_window(crops: Tensor, frame: int) -> Tensor:
    """Lower halves of 16 crops, (16 * 3, R / 2, R), from crops (N, 3, R, R) in -1..1."""
    half = crops.shape[-2] // 2
    return crops[frame : frame + FRAMES, :, half:].flatten(0, 1)


@dataclass(frozen=True, eq=False)
class SyncCurve:
    """Mean cosine of mouths and sound for every shift of the sound against the picture."""

    offsets: npt.NDArray[np.int64]
    """Frames; positive: the sound is moved to later."""
    cosines: npt.NDArray[np.float64]

    @property
    def offset(self) -> int:
        """The shift at which they fit best; 0 in a clip in sync."""
        return int(self.offsets[self.cosines.argmax()])

    @property
    def confidence(self) -> float:
        """How far the best cosine lies above the median one."""
        return float(self.cosines.max() - np.median(self.cosines))


@torch.inference_mode()
def sync_curve(
    syncnet: Any, crops: Tensor, samples: npt.NDArray[np.float32], *, step: int = 4, reach: int = MAX_OFFSET
) -> SyncCurve:
    """Shift a sound against a clip by -reach..reach frames and compare.

    crops: (N, 3, R, R) in -1..1 at 25 frames a second, N >= 16 + 2 * reach, of the size the network was made for.
    samples: (n,) at 16 kHz. step: frames from one window to the next.
    """
    starts = range(reach, len(crops) - FRAMES - reach + 1, step)
    if not starts:
        raise InputError(f"sync_curve takes at least {FRAMES + 2 * reach} frames, got {len(crops)}.")
    mel = sync_mel(samples)
    device = next(syncnet.parameters()).device
    near = range(starts[0] - reach, starts[-1] + reach + 1)
    heard = _embed(syncnet.audio_encoder, [mel_window(mel, k) for k in near], device)
    seen = _embed(syncnet.visual_encoder, [face_window(crops, k) for k in starts], device)
    offsets = np.arange(-reach, reach + 1)
    index = np.array(starts) - near[0]
    cosines = [float((seen * heard[index - offset]).sum(1).mean()) for offset in offsets]
    return SyncCurve(offsets, np.array(cosines))


def _embed(encoder: Any, parts: list[Tensor], device: torch.device) -> Tensor:
    batches = torch.stack(parts).split(16)
    return torch.cat([F.normalize(encoder(batch.to(device))).cpu() for batch in batches])
