"""Several processes, as torchrun starts them."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

WORKER = """
import json, os, sys
from pathlib import Path
import torch
from torch import nn
from latentsync_lab.training import loop
from latentsync_lab.training.recipes import LoopRecipe
loop.draw_curve = lambda curve, path: None
torch.manual_seed(0)
run = loop.Run("line", nn.Linear(3, 1), LoopRecipe(steps=3, batch=4, learning_rate=0.1), Path(sys.argv[1]))
drawn = []
for _ in run.steps():
    inputs = torch.randn(4, 3, generator=run.generator())
    drawn.append(inputs[0, 0].item())
    run.update(square=run.model(inputs).square().mean())
weights = run.module.weight.flatten().tolist()
Path(sys.argv[1], f"{os.environ['RANK']}.json").write_text(json.dumps({"drawn": drawn, "weights": weights}))
"""


@pytest.mark.slow
def test_processes_draw_their_own_windows_and_learn_together(tmp_path):
    script = tmp_path / "worker.py"
    script.write_text(WORKER)
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node=2"]
    root = Path(__file__).parents[3]
    subprocess.run(
        [*command, str(script), str(tmp_path)], cwd=root, check=True, env=environment(root), timeout=500
    )
    first, second = (json.loads((tmp_path / f"{rank}.json").read_text()) for rank in (0, 1))
    assert not set(first["drawn"]) & set(second["drawn"])
    assert first["weights"] == second["weights"]
    assert (tmp_path / "line.pt").exists()


def environment(root):
    return os.environ | {"PYTHONPATH": str(root), "OMP_NUM_THREADS": "1", "ACCELERATE_USE_CPU": "1"}
