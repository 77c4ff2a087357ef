"""Stage 2's losses and what learns in it."""

import sys
import urllib.error
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from torch import nn

from latentsync_core.errors import InputError
from latentsync_lab.fresh import nano_networks
from latentsync_lab.training.draw import Pick
from latentsync_lab.training.pixels import LossNetworks, decode, freeze_all_but, image_losses, load_lpips
from latentsync_lab.training.recipes import NANO, RECIPES
from latentsync_lab.training.syncnet import UtteranceSample, nano_syncnet
from latentsync_lab.training.videomae import MaskedClips

SIZE = 32
ONLY = {"image": 0.0, "perceptual": 0.0, "sync": 0.0, "temporal": 0.0}


class Difference(nn.Module):
    """A stand-in for LPIPS: the mean square, one number an image."""

    def forward(self, predicted, true):
        self.shape = predicted.shape
        return ((predicted - true) ** 2).mean((1, 2, 3), keepdim=True)


class Agreement(nn.Module):
    """A stand-in for a SyncNet of 16 px: brighter images are better in sync."""

    resolution = 16

    def forward(self, faces, mels):
        self.shapes = faces.shape, mels.shape
        level = faces.mean((1, 2, 3)).clamp(0, 1)
        face = torch.stack([level, (1 - level**2).clamp(min=0).sqrt()], 1)
        return face, torch.tensor([[1.0, 0.0]]).expand(len(face), -1)


@pytest.fixture
def windows():
    crops = np.full((20, SIZE, SIZE, 3), 128, np.uint8)
    utterance = UtteranceSample(crops, torch.zeros(80, 200), np.arange(20) / 25, None)
    return [(Pick(0, 0, 2, 2, 16), utterance)]


def losses(predicted, windows, networks, tokens=None, **weights):
    recipe = replace(NANO.pixels, **(ONLY | weights))
    return image_losses(
        recipe, networks, predicted, torch.ones(1, 16, 2, 4) if tokens is None else tokens, windows
    )


def images(value):
    return torch.full((1, 16, 3, SIZE, SIZE), value, requires_grad=True)


def test_lpips_sees_lower_halves(windows):
    lpips, predicted = Difference(), images(128 / 127.5 - 1)
    upper = torch.zeros_like(predicted)
    upper[..., : SIZE // 2, :] = 1
    assert (
        losses(predicted + upper, windows, LossNetworks(None, perceptual=lpips), perceptual=0.1)["perceptual"]
        < 1e-9
    )
    assert lpips.shape == (16, 3, SIZE // 2, SIZE)
    loss = losses(predicted + (1 - upper), windows, LossNetworks(None, perceptual=lpips), perceptual=0.1)[
        "perceptual"
    ]
    assert abs(loss - 0.1) < 1e-6


def test_the_sync_loss_is_computed_at_the_size_of_the_syncnet(windows):
    syncnet, networks = Agreement(), LossNetworks(None, syncnet=(net := Agreement()))
    dark, bright = (losses(images(v), windows, networks, sync=0.05)["sync"] for v in (0.3, 0.9))
    assert net.shapes == ((1, 48, 8, 16), (1, 1, 80, 52))
    assert 0 < bright < dark and syncnet is not net


def test_windows_without_audio_have_no_sync_loss(windows):
    silent = torch.zeros(1, 16, 2, 4)
    assert (
        losses(images(0.3), windows, LossNetworks(None, syncnet=Agreement()), silent, sync=1.0)["sync"] == 0
    )


def test_a_loss_of_weight_zero_is_not_computed(windows):
    def never(*args):
        pytest.fail("was computed")

    networks = LossNetworks(None, syncnet=never, clip_encoder=never, perceptual=never)
    assert set(losses(images(0.0), windows, networks, image=1.0)) == {"image"}


@pytest.mark.parametrize("loss", ["sync", "temporal", "perceptual"])
def test_a_loss_without_its_network_is_refused(loss):
    with pytest.raises(InputError, match=f"loss '{loss}' .* needs .*; or do without it: --{loss} 0"):
        LossNetworks(None).check(replace(NANO.pixels, **(ONLY | {loss: 1.0})))


def test_lpips_comes_from_its_package(monkeypatch):
    monkeypatch.setitem(sys.modules, "lpips", None)
    with pytest.raises(InputError, match="pip install lpips; .*--perceptual 0"):
        load_lpips()
    fake = SimpleNamespace(LPIPS=lambda net, verbose: nn.Linear(1, 1) if net == "vgg" else None)
    monkeypatch.setitem(sys.modules, "lpips", fake)
    assert not next(load_lpips().parameters()).requires_grad

    def offline(net, verbose):
        raise urllib.error.URLError("no network")

    monkeypatch.setitem(sys.modules, "lpips", SimpleNamespace(LPIPS=offline))
    with pytest.raises(InputError, match=r"no network.*vgg16-397923af\.pth.*--perceptual 0"):
        load_lpips()


@pytest.mark.parametrize(
    ("recipe", "learns", "rests"),
    [
        ("stage2", ("motion_modules.", "attn1.to_q", "attn2.to_q"), ("resnets", "conv_in")),
        ("stage2_efficient", ("motion_modules.", "attn2.to_q"), ("attentions.0.proj_in", "resnets")),
    ],
)
def test_what_learns_in_stage_two(recipe, learns, rests):
    unet = freeze_all_but(nano_networks()[0], RECIPES[recipe].stage.trainable)
    for name, parameter in unet.named_parameters():
        if "motion_modules" in name or any(part in name for part in learns):
            assert parameter.requires_grad, name
        elif any(part in name for part in rests):
            assert not parameter.requires_grad, name


def test_checkpointing_changes_no_gradient():
    torch.manual_seed(0)
    unet = nano_networks()[0]
    inputs = torch.randn(1, 25, 2, 16, 16), torch.tensor([500]), torch.randn(1, 2, 30, 64)
    gradients = []
    for checkpointing in (False, True):
        if checkpointing:
            unet.enable_gradient_checkpointing()
        unet.train().zero_grad()
        unet(*inputs).sample.square().sum().backward()
        gradients.append([p.grad.clone() for p in unet.parameters() if p.grad is not None])
    assert all(torch.equal(a, b) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("loss", ["image", "perceptual", "sync", "temporal"])
def test_every_loss_teaches_the_image(loss, windows):
    torch.manual_seed(0)
    networks = LossNetworks(
        None,
        syncnet=nano_syncnet().syncnet,
        clip_encoder=MaskedClips().encoder(torch.rand(2, 16, 3, 64, 64)),
        perceptual=Difference(),
    )
    predicted = (0.1 * torch.randn(1, 16, 3, 128, 128)).requires_grad_()
    crops = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), np.uint8)
    windows = [(windows[0][0], replace(windows[0][1], crops=crops))]
    values = []
    for _ in range(3):
        value = losses(predicted, windows, networks, **{loss: 1.0})[loss]
        (gradient,) = torch.autograd.grad(value, predicted)
        predicted = (predicted - 0.02 * gradient / gradient.norm()).detach().requires_grad_()
        values.append(value.item())
    assert values[0] > values[1] > values[2]


def small_networks(dtype):
    torch.manual_seed(0)
    vae, syncnet = nano_networks()[1], nano_syncnet().syncnet
    clips = MaskedClips().encoder(torch.rand(2, 16, 3, 64, 64))
    parts = [nn.Module.to(part, dtype).eval().requires_grad_(False) for part in (vae, syncnet, clips)]
    return LossNetworks(parts[0], parts[1], parts[2], Difference(), dtype)


def compute_losses(networks, windows, checkpointing=False):
    """Losses, the gradient of their sum, and the bytes that were kept for it."""
    if checkpointing:
        networks.enable_gradient_checkpointing()
    latents = torch.randn((1, 8, 16, 16, 16), generator=torch.Generator().manual_seed(1), requires_grad=True)
    kept = []
    with torch.autograd.graph.saved_tensors_hooks(lambda t: (kept.append(t.nbytes), t)[1], lambda t: t):
        with networks.autocast(latents.device):
            predicted = decode(networks.vae, latents)
        values = losses(predicted.float(), windows, networks, perceptual=1.0, sync=1.0, temporal=1.0)
        total = torch.stack(list(values.values())).sum()
    (gradient,) = torch.autograd.grad(total, latents)
    return values, gradient, sum(kept)


@pytest.fixture
def sharp(windows):
    crops = np.random.default_rng(0).integers(0, 256, (20, 128, 128, 3), np.uint8)
    return [(windows[0][0], replace(windows[0][1], crops=crops))]


def test_checkpointing_of_the_loss_networks_keeps_less_for_the_same_gradient(sharp):
    networks = small_networks(torch.float32)
    (_, gradient, kept), (_, again, less) = (
        compute_losses(networks, sharp),
        compute_losses(networks, sharp, checkpointing=True),
    )
    assert torch.allclose(gradient, again, rtol=1e-4, atol=1e-7)
    assert less < kept / 3


def test_loss_networks_in_half_precision_agree_and_teach(sharp):
    results = []
    for dtype in (torch.float32, torch.bfloat16):
        networks, generator = small_networks(dtype), torch.Generator().manual_seed(1)
        predicted = (0.3 * torch.randn((1, 16, 3, 128, 128), generator=generator)).requires_grad_()
        values = losses(predicted, sharp, networks, perceptual=1.0, sync=1.0, temporal=1.0)
        (gradient,) = torch.autograd.grad(torch.stack(list(values.values())).sum(), predicted)
        with networks.autocast(predicted.device), torch.no_grad():
            decoded = decode(networks.vae, torch.randn((1, 8, 1, 8, 8), generator=generator)).float()
        results.append((values, gradient.flatten(), decoded))
    (exact, gradient, decoded), (half, rough, coarse) = results
    for name, value in exact.items():
        assert half[name].dtype == torch.float32
        assert abs(half[name] - value) < 0.05 * value.abs() + 1e-3, name
    assert torch.cosine_similarity(gradient, rough, 0) > 0.9
    assert 0 < (coarse - decoded).abs().max() < 0.1
