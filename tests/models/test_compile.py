"""The denoiser is one graph: `torch.compile` can take all of it. The backend `eager` compiles nothing after tracing.

Tracing a network takes a minute on a slow machine, so that what surrounds it is tested with a stand-in.
"""

from dataclasses import replace

import numpy as np
import pytest
import torch
from support.recipes import max_difference, recipe_input
from support.tiny import golden_pipeline_models
from test_unet import TINY2
from torch import nn
from torch._dynamo.testing import CompileCounter

from latentsync_core import Options
from latentsync_core.diffusion import Denoiser, WindowInput, denoise
from latentsync_core.errors import DeviceError, ran_out_of_memory
from latentsync_core.faces import keep_mask
from latentsync_core.models.compiled import CompiledUNet
from latentsync_core.models.fp8 import store_as_fp8
from latentsync_core.models.unet import LatentSyncUNet


@torch.inference_mode()
def test_whole_and_shallow_steps_are_one_graph():
    torch.manual_seed(0)
    unet = LatentSyncUNet(**TINY2).eval()
    sample = recipe_input("compile.sample", (2, 13, 4, 8, 8))
    tokens, time = recipe_input("compile.tokens", (2, 4, 6, 16)), torch.tensor(501)

    def run(sample, time, tokens):
        noise, deep = unet.predict_deep(sample, time, tokens)
        return noise, unet.predict_shallow(sample, time - 50, tokens, deep)

    compiled = torch.compile(run, backend="eager", fullgraph=True, dynamic=False)
    for made, expected in zip(compiled(sample, time, tokens), run(sample, time, tokens), strict=True):
        assert max_difference(made, expected) < 1e-6


class StandIn:
    """Takes the place of a UNet; each row is computed by itself."""

    def predict(self, sample, timestep, tokens):
        return self.predict_deep(sample, timestep, tokens)[0]

    def predict_deep(self, sample, timestep, tokens):
        deep = sample.mean(1, keepdim=True) + tokens.mean((2, 3))[:, None, :, None, None]
        return self.predict_shallow(sample, timestep, tokens, deep), deep

    def predict_shallow(self, sample, timestep, tokens, deep):
        return torch.sin(sample[:, :4] * timestep + deep)


@pytest.fixture
def counter():
    """A backend of torch.compile that counts graphs."""
    torch._dynamo.reset()
    yield CompileCounter()
    torch._dynamo.reset()


def inputs(models, count):
    generator, side = np.random.default_rng(7), models.resolution
    return [
        WindowInput(
            generator.uniform(0, 255, (2, side, side, 3)).astype(np.float32),
            generator.standard_normal((2, 50, 16)).astype(np.float32),
        )
        for _ in range(count)
    ]


def test_a_run_has_four_graphs_at_most_and_the_same_result(counter, monkeypatch, tmp_path):
    """Whole and reused steps, guided and not; a batch that is not full takes those of full ones, other lines too."""
    network = StandIn()
    monkeypatch.setattr(denoise, "UNetWalk", lambda unet: network)
    monkeypatch.setattr(denoise, "CompiledUNet", lambda unet: CompiledUNet(network, counter, fullgraph=True))
    models = replace(golden_pipeline_models(tmp_path / "tiny"), batch=2)
    windows, options = inputs(models, 3), Options(steps=4, reuse=2, guided=0.5)
    for seed in (1, 2):
        plain, compiled = (
            Denoiser(replace(models, compile=compile), keep_mask(64), replace(options, seed=seed))
            for compile in (False, True)
        )
        for batch in (windows[:2], windows[2:]):
            expected = plain.denoise(*batch)
            made = compiled.denoise(*batch)
            assert made.shape == expected.shape and max_difference(made, expected) < 1e-5
    assert counter.frame_count == 4


def test_float8_weights_are_compiled_too(counter):
    layers = nn.Sequential(nn.Conv2d(8, 8, 3), nn.Flatten(2), nn.Linear(9, 16)).requires_grad_(False)
    store_as_fp8(layers)
    x = torch.randn(2, 8, 5, 5)
    compiled = torch.compile(layers, backend=counter, fullgraph=True, dynamic=False)
    assert torch.equal(compiled(x), layers(x)) and counter.frame_count == 1


def test_a_machine_without_a_compiler_says_so():
    def missing(graph, inputs):
        raise FileNotFoundError("no compiler")

    compiled = CompiledUNet(StandIn(), missing)
    with pytest.raises(DeviceError, match=r"cannot be compiled on this machine \(.*no compiler"):
        compiled.predict(torch.zeros(1, 13, 2, 8, 8), torch.tensor(501), torch.zeros(1, 2, 6, 16))


def test_short_memory_while_compiling_is_no_missing_compiler():
    def short(graph, inputs):
        raise torch.OutOfMemoryError("CUDA out of memory")

    compiled = CompiledUNet(StandIn(), short)
    with pytest.raises(RuntimeError) as error:
        compiled.predict(torch.zeros(1, 13, 2, 8, 8), torch.tensor(501), torch.zeros(1, 2, 6, 16))
    assert ran_out_of_memory(error.value)
