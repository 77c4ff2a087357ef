"""A talking head, and what stands for a trained SyncNet: it compares how red a mouth is with how loud its audio is."""

import numpy as np
import torch
from torch import nn

from latentsync_core.data import FaceTrack, Waveform
from latentsync_lab.synthetic import talking_clip


def babble(seconds, seed=0):
    """Vowels of random lengths and pauses, (n,) at 16 kHz."""
    rng = np.random.default_rng(seed)
    count = round(seconds * 16_000)
    steps = np.repeat(rng.random(count // 1600 + 1) > 0.5, 1600)[:count].astype(float)
    loud = np.convolve(steps, np.hanning(1600) / 800, "same")
    return (0.4 * loud * np.sin(2 * np.pi * 700 * np.arange(count) / 16_000)).astype(np.float32)


def speaker(seconds=3.0, fps=25, size=(192, 192)):
    """A person who babbles, and the audio."""
    said = babble(seconds)
    return talking_clip(7, said, fps, size), Waveform(said[None], 16_000)


def true_track(clip):
    return FaceTrack.from_points(clip.truth[0].points)


def shifted(audio, frames):
    """Delay the audio by so many frames at 25 a second."""
    samples = np.roll(audio.samples, 640 * frames, axis=1)
    samples[:, : max(0, 640 * frames)] = 0
    if frames < 0:
        samples[:, 640 * frames :] = 0
    return Waveform(samples, audio.sample_rate)


class Redness(nn.Module):
    """An open mouth of these speakers is redder than their skin, and their voice is louder."""

    resolution = 64
    knows = "babble"

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.zeros(1))

    @staticmethod
    def visual_encoder(faces):
        height, width = faces.shape[-2:]
        mouth = faces.unflatten(1, (16, 3))[
            ..., round(0.32 * height) : round(0.6 * height), round(0.4 * width) : round(0.6 * width)
        ]
        return _centred((mouth[:, :, 0] - mouth[:, :, 1]).mean((2, 3)))

    @staticmethod
    def audio_encoder(mels):
        return _centred(nn.functional.interpolate(mels.mean((1, 2))[:, None], 16, mode="linear")[:, 0])


def _centred(curves):
    return curves - curves.mean(1, keepdim=True) + 1e-4
