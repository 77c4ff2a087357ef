import itertools
from dataclasses import replace

import pytest
import torch
from torch import nn

from latentsync_lab.training import loop
from latentsync_lab.training.loop import Run
from latentsync_lab.training.recipes import LoopRecipe

RECIPE = LoopRecipe(steps=30, batch=4, learning_rate=0.3, warmup=3, save_every=7)
TRUTH = torch.tensor([[1.0, -2.0, 3.0]])


class Killed(Exception):
    pass


def learn(folder, kill_at=None, seed=0, recipe=RECIPE, progress=None):
    torch.manual_seed(seed)
    run = Run("line", nn.Linear(3, 1), recipe, folder, progress=progress)
    for step in run.steps():
        if step == kill_at:
            raise Killed
        inputs = torch.randn(RECIPE.batch, 3, generator=run.generator())
        run.update(square=((run.model(inputs) - inputs @ TRUTH.T) ** 2).mean())
    return run


def weights(run):
    return torch.cat([p.flatten() for m in (run.module, run.ema) for p in m.parameters()])


def test_loss_falls(tmp_path):
    losses = learn(tmp_path).losses["square"]
    assert sum(losses[-5:]) < 0.5 * sum(losses[:5])


def test_same_seed_gives_the_same_weights(tmp_path):
    first, second, other = (learn(tmp_path / name, seed=s) for name, s in (("a", 0), ("b", 0), ("c", 1)))
    assert torch.equal(weights(first), weights(second))
    assert not torch.equal(weights(first), weights(other))


def test_killed_and_resumed_equals_uninterrupted(tmp_path):
    whole = learn(tmp_path / "whole")
    try:
        learn(tmp_path / "cut", kill_at=17)
    except Killed:
        pass
    resumed = learn(
        tmp_path / "cut", seed=99
    )  # the fresh weights of another seed are replaced by the saved ones
    assert torch.equal(weights(whole), weights(resumed))
    assert whole.losses == resumed.losses


def test_a_run_is_saved_by_time_as_well(tmp_path, monkeypatch):
    """One killed before its first `save_every` steps has lost ten minutes at most."""
    seconds = itertools.count(0, 250)  # 250 s a step
    monkeypatch.setattr(loop.time, "monotonic", lambda: float(next(seconds)))
    rarely = replace(RECIPE, save_every=1000)
    with pytest.raises(Killed):
        learn(tmp_path, kill_at=8, recipe=rarely)
    kept = torch.load(tmp_path / "line.pt", weights_only=True)["step"]
    assert 8 - loop.SAVE_SECONDS / 250 <= kept <= 8
    assert torch.equal(weights(learn(tmp_path, seed=99, recipe=rarely)), weights(learn(tmp_path / "whole")))


def test_a_run_that_is_killed_while_it_validates_has_lost_nothing(tmp_path):
    def validate(network, step):
        raise Killed

    torch.manual_seed(0)
    run = Run("line", nn.Linear(3, 1), RECIPE, tmp_path)
    with pytest.raises(Killed):
        for _ in run.steps():
            run.update(square=run.model(torch.ones(1, 3)).square().sum())
            run.validate(validate)
    assert Run("line", nn.Linear(3, 1), RECIPE, tmp_path).step == RECIPE.save_every


def test_validation_without_figures_adds_no_score(tmp_path):
    run = Run("line", nn.Linear(3, 1), replace(RECIPE, steps=7), tmp_path)
    for _ in run.steps():
        run.update(square=run.model(torch.ones(1, 3)).square().sum())
        run.validate(lambda network, step: {})
    assert run.scores == []


def test_without_an_average_there_is_one_network(tmp_path):
    recipe = replace(RECIPE, ema=0.0)
    run = learn(tmp_path, recipe=recipe)
    assert run.ema is run.module
    state = torch.load(tmp_path / "line.pt", weights_only=True)
    assert state["ema"]["weight"].data_ptr() == state["model"]["weight"].data_ptr()
    again = Run("line", nn.Linear(3, 1), recipe, tmp_path)
    assert torch.equal(weights(again), weights(run))


@pytest.mark.parametrize("ema", [0.0, 0.9])
def test_a_network_is_measured_as_it_would_be_used_and_learns_on(ema, tmp_path):
    run = Run("line", nn.Sequential(nn.Dropout(0.5)), replace(RECIPE, ema=ema), tmp_path, [{"params": [nn.Parameter(torch.ones(1))], "scale": 1.0}])  # fmt: skip
    run.module.train()
    run.measure(lambda network, factor: {"training": factor * network.training}, 7)
    assert run.scores == [{"step": 0, "training": 0}] and run.module.training


def test_progress_tells_every_step_also_of_a_run_that_goes_on(tmp_path):
    said = []
    with pytest.raises(Killed):
        learn(tmp_path, kill_at=17, progress=lambda *what: said.append(what))
    assert said == [("line", step, 30) for step in range(18)]
    said.clear()
    learn(tmp_path, progress=lambda *what: said.append(what))
    assert said == [("line", step, 30) for step in range(14, 31)]


def test_a_saved_run_is_read_into_the_memory_of_the_host(tmp_path, monkeypatch):
    learn(tmp_path)
    load, places = torch.load, []
    monkeypatch.setattr(
        torch, "load", lambda *args, **how: (places.append(how["map_location"]), load(*args, **how))[1]
    )
    learn(tmp_path)
    assert places == ["cpu"]


def test_finished_run_makes_no_more_steps(tmp_path):
    learn(tmp_path)
    again = Run("line", nn.Linear(3, 1), RECIPE, tmp_path)
    assert list(again.steps()) == []


def test_rate_warms_up_stays_and_falls():
    recipe = LoopRecipe(steps=1000, batch=1, learning_rate=1.0, warmup=10, plateau=0.5, final=0.03)
    assert recipe.rate(0) == 0.1
    assert recipe.rate(10) == recipe.rate(500) == 1.0
    assert abs(recipe.rate(750) - 0.515) < 1e-6
    assert abs(recipe.rate(1000) - 0.03) < 1e-9


def test_groups_keep_their_scale(tmp_path):
    torch.manual_seed(0)
    module = nn.Linear(3, 1)
    groups = [{"params": [module.weight], "scale": 1.0}, {"params": [module.bias], "scale": 3.0}]
    run = Run("groups", module, RECIPE, tmp_path, groups)
    run.update(square=module(torch.ones(1, 3)).square().sum())
    slow, fast = (group["lr"] for group in run.optimizer.param_groups)
    assert slow > 0 and abs(fast - 3 * slow) < 1e-9
