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
    """The synthetic data: tracks of speech, and people who say a part of one."""

    tracks: int
    """Tracks of speech for training, each by one voice."""
    test_tracks: int
    """Tracks with the held-out voices and sentences."""
    identities: int
    """People for training, each with two utterances."""
    test_identities: int
    clip_frames: int
    """Longer than two windows, so that references never come from the frames to be painted."""
    fps: int
    resolution: int

    def shortened(self, fraction: float) -> DataRecipe:
        """Return a recipe with a fraction of the data."""
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
    """Fraction of the steps after which the learning rate begins to fall; 1 keeps it constant."""
    final: float = 0.03
    """Fraction of the learning rate that is left at the end."""
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
        """Return a recipe with a fraction of the steps, saved as rarely: a save costs as much as many steps."""
        names = ("steps", "warmup")
        return replace(self, **{name: max(1, round(getattr(self, name) * fraction)) for name in names})

    def rate(self, step: int) -> float:
        """Return the factor on the learning rate at a step."""
        past = step / self.steps - self.plateau
        wave = 0.5 + 0.5 * cos(pi * min(1.0, past / (1 - self.plateau))) if past > 0 else 1.0
        return min(1.0, (step + 1) / self.warmup) * (self.final + (1 - self.final) * wave)


@dataclass(frozen=True)
class EncoderRecipe:
    """Training of the speech encoder."""

    loop: LoopRecipe
    frames: int
    """Frames predicted of every track in a step."""
    row_weight: float
    """Weight of the loss of single tokens, against that of a frame's tokens together."""


@dataclass(frozen=True)
class VaeRecipe:
    """Training of the image autoencoder, or of its decoder alone, which `thumbnail` and `kl` do not reach."""

    loop: LoopRecipe
    frame_stride: int
    """Every which frame of a clip is shown."""
    masked: float
    """Fraction of images whose mouth is masked, as the UNet's second input is."""
    hue: float
    """Fraction of images whose hues are turned. Of skins and hair alone, so small a network learns one axis of colour,
    and green backgrounds come out blue."""
    mouth: float
    """How much more an error in the middle of the mouth counts."""
    outside: float
    """What an error outside of the painted part counts, which the pipeline never shows; 1 is as much as inside."""
    gradient: float
    square: float
    chroma: float
    thumbnail: float
    """How firmly three latent channels are trained to be a small copy of the image. Left alone, so small a network
    spends its latents on edges for thousands of steps, and backgrounds stay grey and lips brown."""
    kl: float


@dataclass(frozen=True)
class UNetRecipe:
    """Stage 1 of the denoiser: the noise loss in latent space."""

    loop: LoopRecipe
    window: int
    early: float
    """Fraction of the steps whose windows are half as long and half as many again: more people for less work."""
    paired: float
    """Fraction of windows whose references are the very frames to be painted, with another mouth, as the pipeline
    gives them; the others take a window elsewhere in the clip. Own footage has no other mouth, so 0 there."""
    high_noise: float
    """Fraction of the timesteps drawn from 800..999, where the audio decides."""
    sampled: float
    """Fraction of the steps that train on a sampler's latents (its own estimate, noised) and not on noised targets.
    A small network estimates worse than it learnt on those, from step to step (exposure bias, arXiv:2301.11706)."""
    audio_dropout: float
    """Fraction of windows without audio, for classifier-free guidance."""
    speech_rate: float
    """Factor on the learning rate of the cross-attention to the audio."""
    mouth: float
    """How much more an error in the middle of the mouth counts."""
    outside: float
    """Weight of the part that is kept, whose latents are given, against the painted one."""

    def shape(self, step: int) -> tuple[int, int]:
        """Return the windows of a step, and the frames in each."""
        if step < self.early * self.loop.steps:
            return self.loop.batch * 3 // 2, self.window // 2
        return self.loop.batch, self.window


@dataclass(frozen=True)
class MouthRegressorRecipe:
    """Training of the mouth regressor, which reads the mouth off a crop."""

    loop: LoopRecipe


@dataclass(frozen=True)
class SyncNetRecipe:
    """Training of the SyncNet."""

    loop: LoopRecipe
    reading: float
    """Weight of regressing the mouth's openness, which is known of synthetic data only; 0 for own footage."""


@dataclass(frozen=True)
class VideoMaeRecipe:
    """Training of the video network whose features TREPA compares."""

    loop: LoopRecipe
    masked: float
    """Fraction of the tubes that are hidden and have to be predicted."""


@dataclass(frozen=True)
class PixelRecipe:
    """Stage 2 of the denoiser: losses on decoded images. A loss of weight 0 is not computed."""

    loop: LoopRecipe
    unet: UNetRecipe
    """How windows, references and timesteps are drawn."""
    trainable: tuple[str, ...]
    """The parameters that learn: those whose name holds one of these."""
    mouth: float
    """How much more an error of the image in the middle of the mouth counts."""
    image: float
    """Mean absolute error."""
    perceptual: float
    """LPIPS on VGG, lower half of the image."""
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
        """Return a run of about this many minutes on two cores: fewer clips and steps, everything else alike."""
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
