"""What a recipe is made of; the numbers are in `nano` and `published`, which are read from top to bottom."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from math import cos, pi
from typing import Literal

from latentsync_core.errors import OptionError

Precision = Literal["no", "fp16", "bf16"]
MINUTES = 345.0
"""What the full nano recipe takes on two idle cores, estimated from the time of a step of every stage."""


@dataclass(frozen=True)
class DataRecipe:
    """What the synthetic material is: sounds that are spoken, and people who say a part of one."""

    tracks: int
    """Sounds for training, each by one voice."""
    test_tracks: int
    """Sounds with the held-out voices and sentences."""
    identities: int
    """People for training, each filmed twice."""
    test_identities: int
    clip_frames: int
    """Longer than two windows, so that references never come from the frames to be painted."""
    fps: int
    resolution: int

    def shortened(self, fraction: float) -> DataRecipe:
        """A share of the material."""
        names = ("tracks", "test_tracks", "identities", "test_identities")
        return replace(self, **{name: max(4, round(getattr(self, name) * fraction)) for name in names})


@dataclass(frozen=True)
class LoopRecipe:
    """How a network is optimised: AdamW, warm-up, a plateau and a cosine to nearly zero."""

    steps: int
    batch: int
    """Of one process."""
    learning_rate: float
    seed: int = 0
    warmup: int = 100
    plateau: float = 0.5
    """Share of the steps after which the learning rate begins to fall; 1 keeps it constant."""
    final: float = 0.03
    """Share of the learning rate that is left at the end."""
    weight_decay: float = 1e-3
    betas: tuple[float, float] = (0.9, 0.99)
    clip: float = 1.0
    """Largest norm of the gradient."""
    ema: float = 0.997
    """Decay of the average of the weights, which is what is used; 0 uses the last weights."""
    save_every: int = 100
    precision: Precision = "no"
    """Of the network's computations on a GPU; a CPU computes in float32."""
    checkpointing: bool = False
    """Whether activations are computed again in the backward pass: a third more work, far less memory."""

    def __post_init__(self) -> None:
        for name in ("steps", "batch", "warmup", "save_every"):
            if getattr(self, name) < 1:
                raise OptionError(f"LoopRecipe takes {name} of 1 or more, got {getattr(self, name)}.")
        for name in ("plateau", "final", "ema"):
            if not 0 <= getattr(self, name) <= 1:
                raise OptionError(f"LoopRecipe takes {name} in 0..1, got {getattr(self, name)}.")

    def shortened(self, fraction: float) -> LoopRecipe:
        """A share of the steps; saving as often for fewer steps would take longer than they do."""
        names = ("steps", "warmup")
        return replace(self, **{name: max(1, round(getattr(self, name) * fraction)) for name in names})

    def rate(self, step: int) -> float:
        """The factor on the learning rate at a step."""
        past = step / self.steps - self.plateau
        wave = 0.5 + 0.5 * cos(pi * min(1.0, past / (1 - self.plateau))) if past > 0 else 1.0
        return min(1.0, (step + 1) / self.warmup) * (self.final + (1 - self.final) * wave)


@dataclass(frozen=True)
class EncoderRecipe:
    """Training of the speech encoder."""

    loop: LoopRecipe
    frames: int
    """Frames read from every sound in a step."""
    row_weight: float
    """Weight of what a single token tells, against what a frame's tokens tell together."""


@dataclass(frozen=True)
class VaeRecipe:
    """Training of the picture autoencoder, or of its decoder alone, whom `thumbnail` and `kl` teach nothing."""

    loop: LoopRecipe
    frame_stride: int
    """Every which frame of a clip is shown."""
    masked: float
    """Share of pictures whose mouth is blanked, as the UNet's second input is."""
    hue: float
    """Share of pictures whose hues are turned. Of skins and hair alone, so small a network learns one axis of colour,
    and green backgrounds come out blue."""
    mouth: float
    """How much more an error in the middle of the mouth counts."""
    outside: float
    """What an error outside of the painted part counts, which the pipeline never shows; 1 is as much as inside."""
    gradient: float
    square: float
    chroma: float
    thumbnail: float
    """How firmly three latent channels are taught to be a small copy of the picture. Left alone, so small a network
    spends its latents on edges for thousands of steps, and backgrounds stay grey and lips brown."""
    kl: float


@dataclass(frozen=True)
class UNetRecipe:
    """Stage 1 of the denoiser: the noise loss in latent space."""

    loop: LoopRecipe
    window: int
    early: float
    """Share of the steps whose windows are half as long and half as many again: more people for less work."""
    paired: float
    """Share of windows whose references are the very frames to be painted, with another mouth, as the pipeline
    gives them; the others take a window elsewhere in the clip. Own footage has no other mouth, so it takes 0."""
    high_noise: float
    """Share of the timesteps drawn from 800..999, where the sound decides."""
    sampled: float
    """Share of the steps that show what a sampler would have, its own estimate under noise, instead of noised targets.
    A small network estimates worse than it learnt on those, from step to step (exposure bias, arXiv:2301.11706)."""
    audio_dropout: float
    """Share of windows without sound, for guidance."""
    speech_rate: float
    """Factor on the learning rate of the cross-attention to the sound."""
    mouth: float
    """How much more an error in the middle of the mouth counts."""
    outside: float
    """Weight of the part that is kept, whose latents are given, against the painted one."""

    def shape(self, step: int) -> tuple[int, int]:
        """Windows of a step, and frames in each."""
        if step < self.early * self.loop.steps:
            return self.loop.batch * 3 // 2, self.window // 2
        return self.loop.batch, self.window


@dataclass(frozen=True)
class MouthRegressorRecipe:
    """Training of the judge that tells the mouth from a crop."""

    loop: LoopRecipe


@dataclass(frozen=True)
class SyncNetRecipe:
    """Training of the judge of synchrony."""

    loop: LoopRecipe
    reading: float
    """Weight of telling how open the mouth is, which only synthetic material knows; own footage takes 0."""


@dataclass(frozen=True)
class VideoMaeRecipe:
    """Training of the video network whose features TREPA compares."""

    loop: LoopRecipe
    masked: float
    """Share of the tubes that are hidden and have to be guessed."""


@dataclass(frozen=True)
class PixelRecipe:
    """Stage 2 of the denoiser: losses on decoded pictures. A loss of weight 0 is not computed."""

    loop: LoopRecipe
    unet: UNetRecipe
    """How windows, references and timesteps are drawn."""
    trainable: tuple[str, ...]
    """The parameters that learn: those whose name holds one of these."""
    mouth: float
    """How much more an error of the picture in the middle of the mouth counts."""
    image: float
    """Mean absolute error."""
    perceptual: float
    """LPIPS on VGG, lower half of the picture."""
    sync: float
    temporal: float
    """TREPA."""

    def __post_init__(self) -> None:
        for name in ("image", "perceptual", "sync", "temporal"):
            if not getattr(self, name) >= 0:
                raise OptionError(f"PixelRecipe takes {name} of 0 or more, got {getattr(self, name)}.")


@dataclass(frozen=True)
class Recipe:
    """All stages of a model made from nothing, on synthetic people."""

    data: DataRecipe
    encoder: EncoderRecipe
    vae: VaeRecipe
    decoder: VaeRecipe
    """The decoder alone, as the encoder has made its latents."""
    unet: UNetRecipe
    mouth_regressor: MouthRegressorRecipe
    syncnet: SyncNetRecipe
    videomae: VideoMaeRecipe
    pixels: PixelRecipe

    def shortened(self, minutes: float) -> Recipe:
        """A run of about this many minutes on two cores: fewer clips and steps, everything else alike."""
        fraction = min(1.0, minutes / MINUTES)
        learning = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "data"}
        shorter = {n: replace(part, loop=part.loop.shortened(fraction)) for n, part in learning.items()}
        return replace(self, data=self.data.shortened(fraction), **shorter)


@dataclass(frozen=True)
class FootageRecipe:
    """One stage on footage that `prepare` made ready, from a checkpoint that is there already."""

    resolution: int
    """Side of the crops in pixels."""
    stage: UNetRecipe | PixelRecipe | SyncNetRecipe
