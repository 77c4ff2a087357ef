"""The denoiser is one graph: `torch.compile` can take all of it."""

import torch
from support.recipes import max_difference, recipe_input
from test_unet import TINY2

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
