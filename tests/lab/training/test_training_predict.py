from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from latentsync_lab.training.draw import HIGH_NOISE, Batch
from latentsync_lab.training.predict import predict, run_sampler
from latentsync_lab.training.recipes import NANO
from latentsync_lab.training.stages import SCHEDULER

SHAPE = (2, 3, 4, 8, 8)


def some_batch(seed=0):
    random = torch.Generator().manual_seed(seed)
    target = torch.randn(SHAPE, generator=random)
    return Batch(target, torch.zeros(2, 7, 4, 8, 8), torch.ones(2, 4, 5, 6))


class Knowing:
    """A denoiser that knows the clean latents, whatever it is shown; it remembers that."""

    def __init__(self, scheduler, clean):
        self.scheduler, self.clean, self.shown = scheduler, clean, []

    def __call__(self, inputs, timestep, tokens):
        noisy = inputs[:, : SHAPE[1]]
        self.shown.append((noisy, timestep, tokens.clone()))
        alpha = self.scheduler.alphas_cumprod[timestep][:, None, None, None, None]
        if self.scheduler.config["prediction_type"] == "v_prediction":
            expected = (alpha.sqrt() * noisy - self.clean) / (1 - alpha).sqrt()
        else:
            expected = (noisy - alpha.sqrt() * self.clean) / (1 - alpha).sqrt()
        return SimpleNamespace(sample=expected)


def predict_with(model, scheduler, sampled, seed, batch, dropout=0.0):
    recipe = replace(NANO.unet, sampled=sampled, audio_dropout=dropout)
    random = np.random.default_rng(seed), torch.Generator().manual_seed(seed)
    return predict(model, scheduler, recipe, batch, *random)


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
@pytest.mark.parametrize("sampled", [0.0, 1.0])
@pytest.mark.parametrize("seed", range(8))
def test_who_knows_the_target_is_right(seed, sampled, prediction):
    scheduler, batch = DDIMScheduler.from_config({**SCHEDULER, "prediction_type": prediction}), some_batch()
    output = predict_with(Knowing(scheduler, batch.target), scheduler, sampled, seed, batch)
    torch.testing.assert_close(output.clean, batch.target, atol=2e-4, rtol=1e-3)
    assert output.error.abs().max() < 2e-3


@pytest.mark.parametrize("seed", range(8))
def test_the_latents_of_a_sampler_hold_no_trace_of_the_target(seed):
    scheduler = DDIMScheduler.from_config(SCHEDULER)
    shown = []
    for target in (1, 2):
        model = Knowing(scheduler, torch.zeros(SHAPE))
        predict_with(model, scheduler, 1.0, seed, some_batch(target))
        shown.append(model.shown)
    for (one, timestep, _), (other, _, _) in zip(*shown, strict=True):
        torch.testing.assert_close(one, other)
        torch.testing.assert_close(one, one[:, :, :1].expand(SHAPE))  # frames share their noise
        assert len(timestep.unique()) == 1


def test_a_noised_target_holds_a_trace_of_it():
    scheduler, shown = DDIMScheduler.from_config(SCHEDULER), []
    for target in (1, 2):
        model = Knowing(scheduler, torch.zeros(SHAPE))
        predict_with(model, scheduler, 0.0, 3, some_batch(target))
        shown.append(model.shown[0][0])
    assert (shown[0] - shown[1]).abs().max() > 0.01


def test_a_step_of_ddim_leads_there(monkeypatch):
    monkeypatch.setattr("latentsync_lab.training.predict.MOST_STOPS", 0)
    scheduler, batch = DDIMScheduler.from_config(SCHEDULER), some_batch()
    scheduler.set_timesteps(
        4
    )  # a step is 250 long, so it leads out of the high noise from wherever it begins
    for seed in range(5):
        model = Knowing(scheduler, some_batch(1).target)
        timestep = torch.zeros(2, dtype=torch.long)
        run_sampler(model, scheduler, batch, timestep, torch.Generator().manual_seed(seed))
        noise, start, tokens = model.shown[0]
        later = run_sampler(model, scheduler, batch, start - 250, torch.Generator().manual_seed(seed))
        output = model(torch.cat([noise, batch.condition], 1), start, tokens).sample
        stepped = scheduler.step(output, int(start[0]), noise).prev_sample
        torch.testing.assert_close(later, stepped, atol=1e-4, rtol=1e-3)


def test_audio_is_dropped_for_the_last_prediction_only():
    scheduler, batch = DDIMScheduler.from_config(SCHEDULER), some_batch()
    model = Knowing(scheduler, batch.target)
    seed = 0
    while len(model.shown) < 2:  # until a timestep comes that is not of the beginning
        model.shown.clear()
        predict_with(model, scheduler, 1.0, seed, batch, dropout=1.0)
        batch, seed = some_batch(), seed + 1
    *before, (_, _, dropped) = model.shown
    assert all(tokens.min() == 1 for _, _, tokens in before)
    assert dropped.max() == 0


@pytest.mark.parametrize("last", [0, 1, HIGH_NOISE - 1, HIGH_NOISE, 999])
def test_the_way_of_a_sampler_comes_down_from_high_noise(last):
    scheduler, batch, lengths = DDIMScheduler.from_config(SCHEDULER), some_batch(), set()
    for seed in range(30):
        model = Knowing(scheduler, batch.target)
        random = torch.Generator().manual_seed(seed)
        run_sampler(model, scheduler, batch, torch.full((2,), last), random)
        way = [int(timestep[0]) for _, timestep, _ in model.shown] + [last]
        assert way[0] >= HIGH_NOISE and way == sorted(way, reverse=True)
        lengths.add(len(way))
    assert lengths == ({1} if last >= HIGH_NOISE else {2, 3, 4})
