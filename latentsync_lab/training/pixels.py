"""Stage 2 of the denoiser: losses on the decoded one-step estimate, as an image, against its audio and over time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from diffusers import DDIMScheduler
from torch import Tensor, nn

from latentsync_core.errors import InputError
from latentsync_core.metrics.sync import FRAMES, face_window
from latentsync_core.metrics.temporal import temporal_distance
from latentsync_core.models.syncnet import StableSyncNet, sync_loss
from latentsync_core.models.videomae import ClipEncoder

from .denoiser_scores import score_denoiser
from .draw import Pick, assemble, choose
from .latents import LatentClip
from .loop import Run, Validate
from .predict import predict
from .recipes import PixelRecipe
from .syncnet import UtteranceSample
from .vae import mouth_weight, to_pixels

SCORE_EVERY = 200


@dataclass(frozen=True, eq=False)
class LossNetworks:
    """The frozen networks whose losses the recipe asks for, and the VAE."""

    vae: Any
    syncnet: StableSyncNet | None = None
    clip_encoder: ClipEncoder | None = None
    perceptual: nn.Module | None = None
    """LPIPS, as the package `lpips` computes it; always in float32, as upstream."""
    dtype: torch.dtype = torch.float32
    """Of the weights and computations of the others."""

    def check(self, recipe: PixelRecipe) -> None:
        """Raise InputError for a loss whose network is missing."""
        for loss, network, remedy in (
            ("sync", self.syncnet, "a SyncNet: --syncnet FILE"),
            ("temporal", self.clip_encoder, "a VideoMAE: --video-encoder FILE"),
            ("perceptual", self.perceptual, "LPIPS: pip install lpips"),
        ):
            if getattr(recipe, loss) and network is None:
                raise InputError(
                    f"The loss {loss!r} of this recipe needs {remedy}; or do without it: --{loss} 0."
                )

    def autocast(self, device: torch.device) -> torch.autocast:
        """Return the context in which all but LPIPS are called."""
        return torch.autocast(device.type, self.dtype, enabled=self.dtype != torch.float32)

    def enable_gradient_checkpointing(self) -> None:
        """Compute activations again in the backward pass: a third more work, far less memory."""
        self.vae.train().enable_gradient_checkpointing()  # in eval mode older diffusers leave it off
        for network in (self.syncnet, self.clip_encoder):
            if network is not None:
                network.enable_gradient_checkpointing()


def load_lpips() -> nn.Module:
    """Load LPIPS with VGG from the package `lpips`, which fetches its backbone; raises InputError without either."""
    without = "or do without this loss: --perceptual 0."
    try:
        from lpips import LPIPS
    except ImportError as exc:
        raise InputError(
            f"The loss 'perceptual' needs the package lpips, and torchvision with it: pip install lpips; {without}"
        ) from exc
    try:
        network: nn.Module = LPIPS(net="vgg", verbose=False)
    except (OSError, RuntimeError) as exc:  # no network, or a download that is damaged
        raise InputError(
            f"The backbone of LPIPS, torchvision's vgg16, could not be fetched ({exc}). Put vgg16-397923af.pth "
            f"into {torch.hub.get_dir()}/checkpoints; {without}"
        ) from exc
    return network.eval().requires_grad_(False)


def freeze_all_but(network: nn.Module, trainable: Sequence[str]) -> nn.Module:
    """Train only the parameters whose name holds one of `trainable`."""
    for name, parameter in network.named_parameters():
        parameter.requires_grad_(any(part in name for part in trainable))
    return network


def train_pixels(
    run: Run,
    recipe: PixelRecipe,
    scheduler: DDIMScheduler,
    loss_networks: LossNetworks,
    train: Sequence[LatentClip],
    utterances: Sequence[UtteranceSample],
    test: Sequence[LatentClip],
    validate: Validate | None = None,
) -> None:
    """Train until the recipe's steps are over; without `test` nothing is measured."""
    loss_networks.check(recipe)
    device = run.accelerator.device
    if recipe.loop.checkpointing:
        loss_networks.enable_gradient_checkpointing()
    for _ in run.steps():
        rng = run.rng()
        picks = choose(rng, train, recipe.unet.paired, recipe.loop.batch, FRAMES)
        batch = assemble(picks, train).to(device)
        predicted = predict(run.model, scheduler, recipe.unet, batch, rng, run.generator())
        with loss_networks.autocast(device):
            images = decode(loss_networks.vae, predicted.clean)
        targets = [utterances[pick.clip * len(train[0].latents) + pick.utterance] for pick in picks]
        run.update(
            noise=(predicted.error**2).mean(),
            **image_losses(
                recipe, loss_networks, images.float(), batch.tokens, list(zip(picks, targets, strict=True))
            ),
        )
        if test and run.step % SCORE_EVERY == 0:
            run.measure(score_denoiser, scheduler, test, recipe.unet)
        run.validate(validate)


def image_losses(
    recipe: PixelRecipe,
    loss_networks: LossNetworks,
    predicted: Tensor,
    tokens: Tensor,
    windows: list[tuple[Pick, UtteranceSample]],
) -> dict[str, Tensor]:
    """Return weighted losses of images (B, F, 3, R, R) in about -1..1 against the true ones and the audio.

    windows: for each one, where it is and the utterance with its true images. The weights and the lower half for LPIPS
    are upstream's (scripts/train_unet.py); the loss `image` is ours.
    """
    true = torch.stack(
        [to_pixels(utterance.crops[pick.start : pick.start + FRAMES]) for pick, utterance in windows]
    )
    true = true.to(predicted.device)
    losses = {}
    if recipe.image:
        weight = mouth_weight(predicted.shape[-1], recipe.mouth).to(predicted.device)
        losses["image"] = recipe.image * ((predicted - true).abs() * weight).mean()
    if recipe.perceptual and loss_networks.perceptual is not None:
        losses["perceptual"] = (
            recipe.perceptual * loss_networks.perceptual(_lower_half(predicted), _lower_half(true)).mean()
        )
    if recipe.sync and loss_networks.syncnet is not None:
        losses["sync"] = recipe.sync * _sync_loss(
            loss_networks, loss_networks.syncnet, predicted, tokens, windows
        )
    if recipe.temporal and loss_networks.clip_encoder is not None:
        with loss_networks.autocast(predicted.device):
            losses["temporal"] = recipe.temporal * temporal_distance(
                loss_networks.clip_encoder, predicted, true
            )
    return losses


def _lower_half(images: Tensor) -> Tensor:
    """Return the lower halves of all images, (B * F, 3, R / 2, R)."""
    return images[..., images.shape[-2] // 2 :, :].flatten(0, 1)


def _resize(images: Tensor, size: int) -> Tensor:
    """Resize images as upstream shrinks those of 512 pixels for a SyncNet of 256."""
    if images.shape[-1] == size:
        return images
    frames = F.interpolate(images.flatten(0, 1), (size, size), mode="bicubic")
    return frames.unflatten(0, images.shape[:2])


def _sync_loss(
    loss_networks: LossNetworks,
    syncnet: StableSyncNet,
    predicted: Tensor,
    tokens: Tensor,
    windows: list[tuple[Pick, UtteranceSample]],
) -> Tensor:
    """Return SyncNet's loss; windows without audio, which cannot be in sync, do not count."""
    # `drop_audio` sets all tokens of a window to zero.
    conditioned = (tokens != 0).flatten(1).any(1)
    if not conditioned.any():
        return predicted.new_zeros(())
    faces = torch.stack([face_window(clip, 0) for clip in _resize(predicted, syncnet.resolution)])
    mels = torch.stack([utterance.audio(pick.start) for pick, utterance in windows]).to(predicted.device)
    with loss_networks.autocast(predicted.device):
        face, mel = syncnet(faces[conditioned], mels[conditioned])
    return sync_loss(face.float(), mel.float(), torch.ones(len(face), device=predicted.device))


def decode(vae: Any, latents: Tensor) -> Tensor:
    """Decode scaled latents (B, C, F, h, w) to images (B, F, 3, R, R) in about -1..1, with gradients."""
    frames = latents.transpose(1, 2).flatten(0, 1) / vae.config.scaling_factor + (
        vae.config.shift_factor or 0.0
    )
    return vae.decode(frames).sample.unflatten(0, (len(latents), -1))
