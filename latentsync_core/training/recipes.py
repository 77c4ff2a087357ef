"""Everything that a training run is made of, as numbers: a recipe is read from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from math import cos, pi


@dataclass(frozen=True)
class DataRecipe:
    """What the synthetic material is: sounds that are spoken, and people who say a part of one."""

    tracks: int = 256
    """Sounds for training, each by one voice."""
    test_tracks: int = 24
    """Sounds with the held-out voices and sentences."""
    identities: int = 400
    """People for training, each filmed twice."""
    test_identities: int = 32
    clip_frames: int = 48
    """Longer than two windows, so that references never come from the frames to be painted."""
    fps: int = 25
    resolution: int = 128

    def shortened(self, share: float) -> DataRecipe:
        """A share of the material."""
        names = ("tracks", "test_tracks", "identities", "test_identities")
        return replace(self, **{name: max(4, round(getattr(self, name) * share)) for name in names})


@dataclass(frozen=True)
class LoopRecipe:
    """How a network is optimised: AdamW, warm-up, a plateau and a cosine to nearly zero."""

    steps: int
    batch: int
    learning_rate: float
    seed: int = 0
    warmup: int = 100
    plateau: float = 0.5
    """Share of the steps after which the learning rate begins to fall."""
    final: float = 0.03
    """Share of the learning rate that is left at the end."""
    weight_decay: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.997
    """Decay of the average of the weights, which is what is used."""
    save_every: int = 100

    def shortened(self, share: float) -> LoopRecipe:
        """A share of the steps."""
        names = ("steps", "warmup", "save_every")
        return replace(self, **{name: max(1, round(getattr(self, name) * share)) for name in names})

    def rate(self, step: int) -> float:
        """The factor on the learning rate at a step."""
        falling = max(0.0, step / self.steps - self.plateau) / (1 - self.plateau)
        wave = 0.5 + 0.5 * cos(pi * min(1.0, falling))
        return min(1.0, (step + 1) / self.warmup) * (self.final + (1 - self.final) * wave)


@dataclass(frozen=True)
class EncoderRecipe:
    """Training of the speech encoder."""

    loop: LoopRecipe = LoopRecipe(steps=800, batch=2, learning_rate=2e-3, plateau=0.0, ema=0.99)
    frames: int = 256
    """Frames read from every sound in a step."""
    row_weight: float = 0.5
    """Weight of what a single token tells, against what a frame's tokens tell together."""


@dataclass(frozen=True)
class VaeRecipe:
    """Training of the picture autoencoder."""

    loop: LoopRecipe = LoopRecipe(
        steps=7600, batch=4, learning_rate=1e-3, plateau=0.3, ema=0.995, weight_decay=1e-4
    )
    frame_stride: int = 3
    """Every which frame of a clip is shown."""
    masked: float = 0.2
    """Share of pictures whose mouth is blanked, as the UNet's second input is."""
    mouth: float = 6.0
    """How much more an error in the middle of the mouth counts; at 2 teeth and dark lips stay a smudge."""
    gradient: float = 1.0
    square: float = 1.0
    chroma: float = 4.0
    thumbnail: float = 0.1
    """How firmly three latent channels are taught to be a small copy of the picture. Left alone, so small a network
    spends its latents on edges for thousands of steps, and backgrounds stay grey and lips brown."""
    kl: float = 2e-4


@dataclass(frozen=True)
class UNetRecipe:
    """Stage 1 of the denoiser: the noise loss in latent space."""

    loop: LoopRecipe = LoopRecipe(steps=14000, batch=2, learning_rate=1e-3, ema=0.998)
    window: int = 16
    early: float = 0.6
    """Share of the steps whose windows are half as long and half as many again: more people for less work."""
    paired: float = 0.75
    """Share of windows whose references are the very frames to be painted, with another mouth, as the pipeline
    gives them; the others take a window elsewhere in the clip."""
    high_noise: float = 0.7
    """Share of the timesteps drawn from 800..999, where the sound decides."""
    audio_dropout: float = 0.1
    """Share of windows without sound, for guidance."""
    speech_rate: float = 3.0
    """Factor on the learning rate of the cross-attention to the sound."""
    mouth: float = 5.0
    """How much more an error in the middle of the mouth counts."""

    def shape(self, step: int) -> tuple[int, int]:
        """Windows of a step, and frames in each."""
        if step < self.early * self.loop.steps:
            return self.loop.batch * 3 // 2, self.window // 2
        return self.loop.batch, self.window


@dataclass(frozen=True)
class ReaderRecipe:
    """Training of the judge that tells the mouth from a crop."""

    loop: LoopRecipe = LoopRecipe(steps=1200, batch=32, learning_rate=2e-3, plateau=0.0, ema=0.99)


@dataclass(frozen=True)
class SyncNetRecipe:
    """Training of the judge of synchrony."""

    loop: LoopRecipe = LoopRecipe(steps=1500, batch=16, learning_rate=1e-3, plateau=0.3, ema=0.99)


@dataclass(frozen=True)
class PixelRecipe:
    """Stage 2 of the denoiser: losses on decoded pictures. Weights as upstream's, but for the picture itself."""

    loop: LoopRecipe = LoopRecipe(steps=1500, batch=1, learning_rate=2e-4, plateau=0.3, ema=0.995)
    unet: UNetRecipe = UNetRecipe()
    """How windows, references and timesteps are drawn."""
    mouth: float = 5.0
    """How much more an error in the middle of the mouth counts."""
    picture: float = 1.0
    """Upstream: LPIPS (0.1), whose backbone `nano` does without."""
    sync: float = 0.05
    temporal: float = 10.0


@dataclass(frozen=True)
class Recipe:
    """All stages of a model."""

    data: DataRecipe = field(default_factory=DataRecipe)
    encoder: EncoderRecipe = field(default_factory=EncoderRecipe)
    vae: VaeRecipe = field(default_factory=VaeRecipe)
    unet: UNetRecipe = field(default_factory=UNetRecipe)
    reader: ReaderRecipe = field(default_factory=ReaderRecipe)
    syncnet: SyncNetRecipe = field(default_factory=SyncNetRecipe)
    pixels: PixelRecipe = field(default_factory=PixelRecipe)

    def shortened(self, minutes: float) -> Recipe:
        """A run of about this many minutes on two cores: fewer clips and steps, everything else alike."""
        share = min(1.0, minutes / MINUTES)
        shorter = {
            name: replace(part, loop=part.loop.shortened(share))
            for name in ("encoder", "vae", "unet", "reader", "syncnet", "pixels")
            for part in [getattr(self, name)]
        }
        return replace(self, data=self.data.shortened(share), **shorter)


MINUTES = 270.0
"""What the full recipe takes on two idle cores."""
NANO = Recipe()
RECIPES = {"nano": NANO}
