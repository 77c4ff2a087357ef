"""Float8 weights: what they take in memory, what they change, and that they survive being moved."""

import copy

import numpy as np
import pytest
import torch
from support.runs import FAST, sync
from torch import nn

from latentsync_core import Options, load_models
from latentsync_core.diffusion import fingerprint_networks
from latentsync_core.errors import OptionError
from latentsync_core.models.fp8 import is_fp8, store_as_fp8
from latentsync_core.weights.place import pick_dtype
from latentsync_lab.fresh import write_untrained


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    return write_untrained(tmp_path_factory.mktemp("fp8") / "nano", 64)


def weights_of(network):
    return sum(t.numel() * t.element_size() for t in network.parameters())


def relative(a, b):
    return float((a - b).norm() / b.norm())


@pytest.mark.parametrize("scale", [1.0, 1e-3, 30.0])
def test_a_layer_keeps_three_bits_of_every_weight(scale):
    """Also of weights that float8 by itself rounds to 0, or that lie above its greatest number."""
    torch.manual_seed(0)
    x = torch.randn(2, 24, 9, 9)
    for layer, given in ((nn.Conv2d(24, 40, 3), x), (nn.Linear(9, 40, bias=False), x)):
        layer.requires_grad_(False).weight.mul_(scale)
        layer.weight[3] = 0
        before = layer(given)
        store_as_fp8(layer)
        assert is_fp8(layer) and layer.weight.element_size() == 1
        assert relative(layer(given), before) < 0.04
        half = copy.deepcopy(layer).to(torch.bfloat16)(given.bfloat16())
        assert half.dtype == torch.bfloat16 and relative(half.float(), before) < 0.05


def test_float8_halves_the_memory_of_float16(checkpoint):
    models = load_models(checkpoint, device="cpu", dtype="fp8")
    half = load_models(checkpoint, device="cpu", dtype="bf16")
    assert models.dtype == models.unet.dtype == torch.float32
    models = models.to(torch.device("cpu"), torch.bfloat16)
    assert weights_of(models.unet) < 0.53 * weights_of(half.unet)
    assert models.dtype == models.unet.dtype == torch.bfloat16 and is_fp8(models.unet)
    assert models.precision == "bfloat16 with float8 weights" and half.precision == "bfloat16"


def test_the_noise_is_close_to_that_of_float32(checkpoint):
    full, small = (load_models(checkpoint, device="cpu", dtype=d) for d in ("fp32", "fp8"))
    torch.manual_seed(1)
    channels, width = full.unet.config["in_channels"], full.unet.config["cross_attention_dim"]
    given = torch.randn(1, channels, 4, 8, 8), torch.tensor(500), torch.randn(1, 4, 10, width)
    with torch.inference_mode():
        noise, again = full.unet(*given).sample, small.unet(*given).sample
        assert 0 < relative(again, noise) < 0.15  # of random weights, whose errors nothing corrects
        _, deep = small.unet.predict_deep(*given)
        assert relative(small.unet.predict_shallow(*given, deep), again) < 1e-5


@pytest.mark.parametrize("reuse", [1, 2])
def test_a_clip_comes_out_close_to_float32(checkpoint, reuse):
    options = Options(reuse=reuse, **FAST)
    full, small = (
        sync(load_models(checkpoint, device="cpu", dtype=d), 4, options=options) for d in ("fp32", "fp8")
    )
    difference = np.abs(np.stack(full).astype(int) - np.stack(small))
    assert difference.any() and difference.mean() < 2


def test_kept_windows_of_another_precision_are_not_used(checkpoint):
    models = [load_models(checkpoint, device="cpu", dtype=d) for d in ("fp32", "fp8")]
    keys = {fingerprint_networks(m) for m in models}
    assert len(keys) == 2


def test_float8_is_computed_in_what_suits_the_device():
    for name in ("fp8", "float8", torch.float8_e4m3fn):
        assert pick_dtype(name, torch.device("cpu")) == torch.float32
        assert pick_dtype(name, torch.device("cuda")) == torch.float16
        with pytest.raises(OptionError, match="MPS has no float8"):
            pick_dtype(name, torch.device("mps"))
