"""SyncNet, trained to tell windows with their own audio from windows with audio of another time."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from latentsync_core.data import Array, FloatArray
from latentsync_core.metrics.sync import FPS, FRAMES, MEL_LENGTH, MEL_RATE, face_window, sync_mel
from latentsync_core.models.syncnet import EncoderConfig, StableSyncNet, sync_loss

from .data import Dataset
from .loop import Run
from .recipes import SyncNetRecipe
from .vae import to_pixels

VISUAL = EncoderConfig(
    in_channels=3 * FRAMES,
    block_out_channels=(16, 32, 32, 32, 64, 64, 64),
    downsample_factors=((1, 2), 2, 2, 2, 2, 2, 2),
    attention=(False, False, False, False, True, False, False),
    groups=4,
)
"""Takes the lower halves of 128-pixel crops to 64 features."""

AUDIO = EncoderConfig(
    in_channels=1,
    block_out_channels=(16, 32, 32, 32, 64, 64),
    downsample_factors=((2, 1), 2, 2, 2, 2, 2),
    attention=(False, False, False, False, True, False),
    groups=4,
)
"""Takes the mel spectrogram of a window to 64 features."""
KNOWS = "drawn heads from the front, and the voices of espeak-ng"

LEAST_SHIFT, GREATEST_SHIFT = 2, 15
"""Frames by which audio that does not match is shifted."""
SCORE_EVERY = 200


class ReadingSyncNet(nn.Module):
    """A SyncNet that also predicts, from the face and from the audio, how open the mouth is in each frame.

    To fresh networks all windows look nearly alike, so from "does it fit?" alone a small one learns nothing in any
    reasonable time; openness is learnt at once, and fitting it to the audio follows from there.
    """

    def __init__(self, syncnet: StableSyncNet) -> None:
        super().__init__()
        self.syncnet = syncnet
        widths = [config.block_out_channels[-1] for config in syncnet.configs.values()]
        self.visual_head, self.audio_head = (nn.Linear(width, FRAMES) for width in widths)

    def forward(self, faces: Tensor, mels: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return the SyncNet's two unit vectors (B, n), and the openness predicted by each, (B, 16)."""
        visual, audio = self.syncnet.visual_encoder(faces), self.syncnet.audio_encoder(mels)
        return F.normalize(visual), F.normalize(audio), self.visual_head(visual), self.audio_head(audio)


@dataclass(frozen=True, eq=False)
class UtteranceSample:
    """An utterance: its crops, and the spectrogram of the whole track it is a part of."""

    crops: Array
    """(F, R, R, 3) uint8."""
    mel: Tensor
    """(80, T)"""
    times: FloatArray
    """Where each frame begins in the track, in seconds."""
    openness: npt.NDArray[np.float32] | None
    """How open the mouth is in every frame, 0..1, where that is known."""

    def audio(self, frame: int) -> Tensor:
        """Return the spectra of the window that starts at `frame`, (1, 80, 52), also outside the clip."""
        # 1e-6: a product such as 79.9999 must not fall to the spectrum before.
        start = int(MEL_RATE * (self.times[0] + frame / FPS) + 1e-6)
        index = torch.arange(start, start + MEL_LENGTH).clamp(0, self.mel.shape[1] - 1)
        return self.mel[None, :, index]

    def visual(self, frame: int) -> Tensor:
        """Return the face window that starts at `frame`, (48, R / 2, R)."""
        return face_window(to_pixels(self.crops[frame : frame + FRAMES]), 0)


def nano_syncnet() -> ReadingSyncNet:
    """Make a SyncNet of 0.9 million parameters with fresh weights."""
    return ReadingSyncNet(StableSyncNet(VISUAL, AUDIO, KNOWS))


def load_utterances(store: Dataset) -> list[UtteranceSample]:
    """Load every utterance of every clip."""
    mels = [sync_mel(store.audio(track)) for track in range(store.tracks)]
    return [
        UtteranceSample(
            store.crops(clip, number),
            mels[utterance.track],
            store.times(utterance),
            store.openness(utterance),
        )
        for clip in range(store.clips)
        for number, utterance in enumerate(store.utterances(clip))
    ]


def train_syncnet(
    run: Run, recipe: SyncNetRecipe, train: list[UtteranceSample], test: list[UtteranceSample]
) -> None:
    """Train until the recipe's steps are over; one with `reading` takes a `ReadingSyncNet` and known mouths."""
    device = run.accelerator.device
    for _ in run.steps():
        # Faces stay where they are; what is shifted is the audio beside them.
        windows = _draw(run.rng(), train, recipe.loop.batch)
        faces = torch.stack([w.utterance.visual(w.frame) for w in windows]).to(device)
        mels = torch.stack([w.utterance.audio(w.frame + w.shift) for w in windows]).to(device)
        matching = torch.tensor([float(w.shift == 0) for w in windows], device=device)
        visual, audio, *predicted = run.model(faces, mels)
        losses = {"sync": sync_loss(visual, audio, matching)}
        if recipe.reading:
            true = torch.stack([w.openness() for w in windows]).to(device)
            losses["reading"] = recipe.reading * reading_loss(predicted, true, matching)
        run.update(**losses)
        if test and run.step % SCORE_EVERY == 0:
            run.measure(score_syncnet, test)


@dataclass(frozen=True, eq=False)
class _Window:
    """16 frames of an utterance, and the audio that is `shift` frames later."""

    utterance: UtteranceSample
    frame: int
    shift: int

    def openness(self) -> Tensor:
        assert self.utterance.openness is not None
        return torch.from_numpy(self.utterance.openness[self.frame : self.frame + FRAMES])


def _draw(rng: np.random.Generator, utterances: list[UtteranceSample], count: int) -> list[_Window]:
    """Draw windows with their own audio, or with shifted audio; either is as likely."""
    windows = []
    for number in rng.integers(len(utterances), size=count):
        frame = int(rng.integers(len(utterances[number].crops) - FRAMES + 1))
        shift = int(rng.integers(LEAST_SHIFT, GREATEST_SHIFT + 1) * rng.choice((-1, 1)))
        windows.append(_Window(utterances[number], frame, shift if rng.random() < 0.5 else 0))
    return windows


def reading_loss(predicted: list[Tensor], true: Tensor, matching: Tensor) -> Tensor:
    """Return the squared error of the openness (B, 16) predicted from the faces, and from audio that matches."""
    by_face, by_audio = ((openness - true).square().mean(1) for openness in predicted)
    return (by_face + matching * by_audio).mean()


@torch.no_grad()
def score_syncnet(syncnet: nn.Module, test: list[UtteranceSample]) -> dict[str, float]:
    """Return how often a window fits its own audio better than audio shifted by 5 or 10 frames either way."""
    device = next(syncnet.parameters()).device
    right = []
    for utterance in test:
        shifts = (0, -10, -5, 5, 10)
        frame = (len(utterance.crops) - FRAMES) // 2
        mels = torch.stack([utterance.audio(frame + shift) for shift in shifts]).to(device)
        faces = utterance.visual(frame)[None].to(device).expand(len(shifts), -1, -1, -1)
        visual, audio, *_ = syncnet(faces, mels)
        right.append(float(torch.cosine_similarity(visual, audio).argmax() == 0))
    return {"own sound fits best": float(np.mean(right))}
