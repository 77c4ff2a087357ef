"""The denoiser walked in one layout equals the plain one, for every geometry of a checkpoint.

Compared in double precision: the tiny networks of the recipes amplify rounding, which is not what is asked here.
"""

import pytest
import torch
from support.recipes import max_difference, recipe_input
from test_unet import TINY2, tiny4

from latentsync_core.models.unet import LatentSyncUNet
from latentsync_core.models.walk import UNetWalk
from latentsync_core.weights import load_models


def inputs(unet, rows, frames, height=8, width=8):
    sample = recipe_input("walk.sample", (1, 13, frames, height, width)).double()
    tokens = recipe_input("walk.tokens", (rows, frames, 6, unet.config["cross_attention_dim"])).double()
    if rows > 1:
        tokens[0] = 0
    return sample, tokens


def two_levels():
    torch.manual_seed(0)
    return LatentSyncUNet(**TINY2).eval()


GEOMETRIES = {
    "two levels": two_levels,
    "1.5 and 1.6": lambda: tiny4("all"),
    "efficient": lambda: tiny4("decoder"),
    "1.0": lambda: tiny4("none"),
}
SAME = 1e-9
T = torch.tensor(501.0).double()


@torch.inference_mode()
@pytest.mark.parametrize("geometry", GEOMETRIES)
@pytest.mark.parametrize("rows", [1, 2])
@pytest.mark.parametrize(("frames", "height", "width"), [(1, 8, 8), (16, 8, 16)])
def test_same_noise_and_deep_features(geometry, rows, frames, height, width):
    unet = GEOMETRIES[geometry]().double()
    sample, tokens = inputs(unet, rows, frames, height, width)
    wide = sample.expand(rows, -1, -1, -1, -1)
    noise, deep = unet.predict_deep(wide, T, tokens)
    walk = UNetWalk(unet)
    walked, walked_deep = walk.predict_deep(wide, T, tokens)
    assert max_difference(walked, noise) < SAME
    later = T - 100
    shallow = unet.predict_shallow(wide, later, tokens, deep)
    assert max_difference(walk.predict_shallow(wide, later, tokens, walked_deep), shallow) < SAME


@torch.inference_mode()
def test_rows_that_are_all_silent_or_none():
    unet = two_levels().double()
    sample, tokens = inputs(unet, 2, 4)
    for given in (torch.zeros_like(tokens), tokens + 1):
        expected = unet(sample.expand(2, -1, -1, -1, -1), T, given).sample
        assert max_difference(UNetWalk(unet).predict(sample, T, given), expected) < SAME


@torch.inference_mode()
def test_nano_in_single_precision():
    unet = load_models("nano", device="cpu").unet
    channels, width = unet.config["in_channels"], unet.config["cross_attention_dim"]
    sample = recipe_input("walk.nano", (1, channels, 16, 16, 16))
    tokens = recipe_input("walk.nano.tokens", (2, 16, 50, width))
    tokens[0] = 0
    expected = unet(sample.expand(2, -1, -1, -1, -1), torch.tensor(501), tokens).sample
    error = UNetWalk(unet).predict(sample, torch.tensor(501), tokens) - expected
    assert error.square().mean().sqrt() < 1e-5 * expected.std()
