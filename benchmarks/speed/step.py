"""One step of the published UNet's size beside upstream's: the same random weights and inputs, on this CPU.

Each way runs in a forked process of its own, as memory that one keeps would help the next, and the ways take turns.
Linux only. It takes about 12 GiB, and a minute or two of CPU time for each way and round; a checkout of upstream needs
the packages of scripts/golden/requirements.txt.
"""

import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from statistics import median

import numpy as np
import torch
from torch import Tensor, nn

from latentsync_core.models.unet import LatentSyncUNet, convert_unet_keys
from latentsync_core.models.walk import UNetWalk
from latentsync_core.process import tune_process

from .machine import measure_matmul, peak_memory, run_forked, spend
from .work import FRAMES, TERA, TOKENS, count_networks, fill_random

RESOLUTION, WIDTH, TIMESTEP = 256, 384, 501
SAME = 1e-5
"""Largest difference from upstream's result, whose values are about 1."""

Way = Callable[[], Tensor]


def measure_step(checkout: Path | None, rounds: int, threads: int) -> dict[str, object]:
    """Return each way's seconds in every round, their ratio to the first way's, and the difference of its result."""
    torch.set_num_threads(1)  # until the forks: threads of OpenMP do not survive one
    network, original = make_networks(checkout)
    ways = list_ways(network, original)
    runs: dict[str, list[dict[str, float]]] = {name: [] for name in ways}
    reference = None
    for number in range(rounds):
        for name, (way, tuned) in ways.items():
            figures, noise = run_forked(partial(run_here, way, tuned, threads))
            reference = noise if reference is None else reference
            figures["difference"] = float(np.abs(noise - reference).max())
            runs[name].append(figures)
            print(number, name, figures, flush=True)
    return {name: summarise(own, next(iter(runs.values()))) for name, own in runs.items()}


def make_networks(checkout: Path | None) -> tuple[LatentSyncUNet, nn.Module | None]:
    """Make our network and upstream's, of the same random tensors; without a checkout ours alone."""
    if checkout is None:
        network = LatentSyncUNet().eval()
        fill_random(network)
        return network, None
    original = make_upstream(checkout)
    fill_random(original)
    with torch.device("meta"):
        network = LatentSyncUNet()
    network.load_state_dict(convert_unet_keys(original.state_dict()), strict=True, assign=True)
    return network.eval(), original


def make_upstream(checkout: Path) -> nn.Module:
    """Make upstream's UNet as its configuration for 256 px says, by its own code."""
    root = Path(__file__).resolve().parents[2]
    sys.path += [str(root / "scripts"), str(root / "tests")]  # which know how to import it
    from golden import networks, upstream

    upstream.enter(checkout.resolve())
    return networks.unet("stage2").eval()


def list_ways(network: LatentSyncUNet, original: nn.Module | None) -> dict[str, tuple[Way, bool]]:
    """Return what is compared: name -> a step with guidance, and whether the process is tuned as the CLI does."""
    sample, tokens, time = make_inputs()
    walk = UNetWalk(network)
    ways: dict[str, tuple[Way, bool]] = {}
    if original is not None:
        ways["upstream"] = (lambda: original(sample, time, encoder_hidden_states=tokens).sample, False)
    ways["ours without the walk"] = (lambda: network.predict(sample, time, tokens)), True
    ways["ours, memory not kept"] = (lambda: walk.predict(sample, time, tokens)), False
    ways["ours"] = (lambda: walk.predict(sample, time, tokens)), True
    return ways


def make_inputs() -> tuple[Tensor, Tensor, Tensor]:
    """Make a window of noise in two rows, the first of which hears nothing."""
    generator = torch.Generator().manual_seed(5)
    side = RESOLUTION // 8
    sample = torch.randn(1, 13, FRAMES, side, side, generator=generator).repeat(2, 1, 1, 1, 1)
    tokens = torch.randn(2, FRAMES, TOKENS, WIDTH, generator=generator)
    tokens[0] = 0
    return sample, tokens, torch.tensor(TIMESTEP)


@torch.inference_mode()
def run_here(way: Way, tuned: bool, threads: int) -> tuple[dict[str, float], np.ndarray]:
    """Run one way in this process; return what it took and its result."""
    if tuned:
        tune_process()
    torch.set_num_threads(threads)
    rate, made = measure_matmul(), []
    spent = spend(lambda: made.append(way()))
    figures = {"cpu": spent.cpu, "wall": spent.wall, "matmul": rate, "memory": peak_memory()}
    return figures, made[0].numpy()


def summarise(runs: list[dict[str, float]], base: list[dict[str, float]]) -> dict[str, object]:
    """Return a way's rounds, their ratios to those of the first way, and its share of the rate of a matrix product."""
    ratios = [own["cpu"] / other["cpu"] for own, other in zip(runs, base, strict=True)]
    work = 2 * count_networks(RESOLUTION).whole * TERA
    return {
        **{name: [round(run[name], 2) for run in runs] for name in ("cpu", "wall", "memory")},
        "ratios": [round(ratio, 3) for ratio in ratios],
        "ratio": round(median(ratios), 3),
        "share of matmul": round(median(work / run["cpu"] / 1e9 / run["matmul"] for run in runs), 3),
        "difference": max(run["difference"] for run in runs),
    }
