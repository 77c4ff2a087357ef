"""No step waits for the device.

The device is `meta`, which holds no values: what asks for one raises, as do here copies between it and the CPU.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.tiny import golden_pipeline_models
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from latentsync_core import Options
from latentsync_core.diffusion import Denoiser, WindowInput
from latentsync_core.diffusion.memory import send
from latentsync_core.faces import keep_mask

META = torch.device("meta")
OPTIONS = {
    "usual": Options(steps=4, reuse=2),
    "every step whole": Options(steps=2, reuse=1),
    "guided in part": Options(steps=4, reuse=2, guided=0.5),
    "unguided": Options(steps=2, guidance=1.0),
    "ddim": Options(steps=3, sampler="ddim"),
    "exact": Options.preset("exact", steps=2),
}


class Copied(Exception):
    """A tensor went from one device to another."""


class NoCopies(TorchDispatchMode):
    """Raises Copied where a tensor is made of one of another device; a number of the CPU beside others costs no wait."""

    def __torch_dispatch__(self, function, types, args=(), kwargs=None):
        out = function(*args, **(kwargs or {}))
        given = [value for value in tree_leaves(args) if isinstance(value, torch.Tensor)]
        for made in tree_leaves(out):
            if isinstance(made, torch.Tensor):
                others = [own for own in given if own.device != made.device]
                if others and (len(others) == len(given) or any(own.ndim for own in others)):
                    raise Copied(f"{function} from {others[0].device} to {made.device}")
        return out


@pytest.fixture
def models(tmp_path):
    return golden_pipeline_models(tmp_path / "tiny").to(META, torch.float32)


def denoise(models, monkeypatch, options):
    run_steps, steps = Denoiser._run_steps, []

    def watched(*given):
        with NoCopies():
            return run_steps(*given)

    monkeypatch.setattr(Denoiser, "_run_steps", watched)
    monkeypatch.setattr(Denoiser, "_check_finite", lambda self, latents: latents)
    side = models.resolution
    window = WindowInput(np.zeros((4, side, side, 3), np.float32), np.ones((4, 50, 16), np.float32))
    denoiser = Denoiser(replace(models, batch=2), keep_mask(side), options, lambda: steps.append(1))
    latents = denoiser.denoise(window, window)
    assert latents.device == META and len(steps) == 2 * options.steps


@pytest.mark.parametrize("name", OPTIONS)
def test_no_step_waits(models, monkeypatch, name):
    denoise(models, monkeypatch, OPTIONS[name])


@pytest.mark.parametrize(
    ("error", "wait"),
    [(RuntimeError, lambda noise: noise.sum().item()), (RuntimeError, lambda noise: bool(noise.sum() > 0)),
     (NotImplementedError, lambda noise: noise.cpu()), (Copied, lambda noise: torch.ones(3).to(noise.device)),
     (Copied, lambda noise: torch.empty_like(noise[0, 0, 0, 0]).copy_(torch.ones(8)))],
)  # fmt: skip
def test_a_step_that_waited_would_be_found(models, monkeypatch, error, wait):
    predict = type(models.unet).predict

    def waiting(self, *given):
        noise = predict(self, *given)
        wait(noise)
        return noise

    monkeypatch.setattr(type(models.unet), "predict", waiting)
    with pytest.raises(error):
        denoise(models, monkeypatch, OPTIONS["every step whole"])


def test_what_is_sent_to_cuda_is_pinned():
    class Fake:
        def pin_memory(self):
            return "pinned", self

        def to(self, device):
            return "copied", device

    class Pinned:
        def pin_memory(self):
            return self

        def to(self, device, non_blocking):
            return device, non_blocking

    assert send(Pinned(), torch.device("cuda:1")) == (torch.device("cuda:1"), True)
    assert send(Fake(), torch.device("cpu")) == ("copied", torch.device("cpu"))
