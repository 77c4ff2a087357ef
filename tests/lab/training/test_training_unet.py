from types import SimpleNamespace

import numpy as np
import pytest
import torch
from diffusers import DDIMScheduler

from latentsync_lab.fresh import nano_networks
from latentsync_lab.training.denoiser_scores import score_denoiser
from latentsync_lab.training.draw import (
    Pick,
    assemble,
    choose,
    choose_elsewhere,
    draw_mixed_noise,
    draw_timesteps,
    drop_audio,
    estimate,
    loss_weight,
    target_output,
)
from latentsync_lab.training.latents import MASKED, WHOLE, LatentClip
from latentsync_lab.training.recipes import NANO
from latentsync_lab.training.stages import SCHEDULER
from latentsync_lab.training.unet import parameter_groups

RECIPE = NANO.unet
FRAMES, SIZE = 48, 16


@pytest.fixture
def clip():
    """Latents that hold their utterance, kind and frame: 1000 utterance + 100 kind + frame."""
    utterance, kind, frame = torch.meshgrid(*(torch.arange(n) for n in (2, 2, FRAMES)), indexing="ij")
    value = (1000 * utterance + 100 * kind + frame).half()
    latents = value[..., None, None, None].expand(2, 2, FRAMES, 4, SIZE, SIZE)
    return LatentClip(latents, torch.ones(2, FRAMES, 30, 64).half(), torch.zeros(2, FRAMES))


def test_window_has_one_utterance_as_target_and_the_other_as_condition(clip):
    batch = assemble([Pick(clip=0, utterance=1, start=3, reference=20, length=16)], [clip])
    target, condition, tokens = batch.target[0], batch.condition[0], batch.tokens[0]
    assert target.shape == (4, 16, SIZE, SIZE) and condition.shape == (9, 16, SIZE, SIZE)
    assert target[0, :, 0, 0].tolist() == [1003 + k for k in range(16)]
    assert condition[0, :, 2, 8].min() == 1 and condition[0, :, 11, 8].max() == 0  # 1 keeps
    assert condition[1, :, 0, 0].tolist() == [100 * MASKED + 3 + k for k in range(16)]
    assert condition[5, :, 0, 0].tolist() == [100 * WHOLE + 20 + k for k in range(16)]
    assert tokens.shape == (16, 30, 64)


def test_references_elsewhere_have_no_frame_in_common():
    rng = np.random.default_rng(0)
    for start in range(FRAMES - 16 + 1):
        assert abs(choose_elsewhere(rng, start, 16, FRAMES) - start) >= 16


def test_choice_follows_the_fraction_of_pairs(clip):
    picks = choose(np.random.default_rng(0), [clip], 0.75, 400, 16)
    paired = np.mean([pick.reference == pick.start for pick in picks])
    assert 0.7 < paired < 0.8
    assert {pick.utterance for pick in picks} == {0, 1}


def test_fraction_of_silent_windows(clip):
    batch = assemble([Pick(0, 0, 0, 0, 16)] * 200, [clip])
    drop_audio(np.random.default_rng(0), batch, 0.25)
    silent = (batch.tokens == 0).flatten(1).all(1).float().mean()
    assert 0.15 < silent < 0.35
    assert clip.tokens.min() == 1, "the clip's own tokens were overwritten"


def test_timesteps_prefer_high_noise():
    steps = draw_timesteps(np.random.default_rng(0), 10_000, RECIPE.high_noise)
    assert 0.73 < (steps >= 800).float().mean() < 0.79  # 0.7 + 0.3 of a fifth
    assert steps.min() >= 0 and steps.max() <= 999


def test_half_of_the_noise_is_common_to_all_frames():
    noise = draw_mixed_noise((64, 4, 16, 8, 8), torch.Generator().manual_seed(0))
    assert abs(noise.var() - 1) < 0.05
    assert abs((noise[:, :, 0] * noise[:, :, 1]).mean() - 0.5) < 0.05


@pytest.mark.parametrize("prediction", ["v_prediction", "epsilon"])
def test_estimate_undoes_the_noise_when_the_network_is_right(prediction):
    scheduler = DDIMScheduler.from_config({**SCHEDULER, "prediction_type": prediction})
    clean, noise = torch.randn(2, 2, 4, 3, 8, 8).unbind()
    timestep = torch.tensor([150, 900])
    noisy = scheduler.add_noise(clean, noise, timestep)
    expected = target_output(scheduler, clean, noise, timestep)
    torch.testing.assert_close(estimate(scheduler, noisy, expected, timestep), clean, atol=1e-4, rtol=1e-4)


def test_weight_is_greatest_at_the_mouth():
    weight = loss_weight(SIZE, 5.0, 0.25)
    assert abs(weight.mean() - 1) < 1e-6
    assert weight[11, 8] > 3 * weight[8, 1] and weight[8, 1] > weight[2, 8]


def test_groups_hold_every_parameter_once():
    unet = nano_networks()[0]
    others, speech = (group["params"] for group in parameter_groups(unet, RECIPE))
    assert len(others) + len(speech) == len(list(unet.parameters()))
    assert sum(p.shape[-1] == 64 for p in speech if p.ndim == 2) > 10, "no cross-attention among them"


def test_early_windows_are_shorter_and_more():
    steps = RECIPE.loop.steps
    assert RECIPE.shape(0) == (3, 8)
    assert RECIPE.shape(steps - 1) == (2, 16)


@pytest.mark.slow
def test_scores_see_no_trace_of_the_target():
    rng = torch.Generator().manual_seed(0)
    clips = [
        LatentClip(
            torch.randn(2, 2, FRAMES, 8, SIZE, SIZE, generator=rng).half(),
            torch.ones(2, FRAMES, 30, 64).half(),
            torch.rand(2, FRAMES, generator=rng),
        )
        for _ in range(2)
    ]
    scheduler = DDIMScheduler.from_config(SCHEDULER)

    unet = nano_networks()[0].requires_grad_(False)
    before = score_denoiser(unet, scheduler, clips, RECIPE)
    other = [
        LatentClip(torch.stack([clip.latents[0], clip.latents[1].flip(1)]), clip.tokens, clip.openness)
        for clip in clips
    ]
    after = score_denoiser(unet, scheduler, other, RECIPE)
    assert before["error"] != after["error"] and before["error as sampled"] != after["error as sampled"]
    assert before["follows the sound"] == after["follows the sound"]


@pytest.mark.parametrize("clips", [1, 3, 20])
def test_scores_of_a_denoiser_that_knows_the_target_have_no_error(clips):
    """The audio tells the network, by a number, which clean latents are right."""
    scheduler = DDIMScheduler.from_config(SCHEDULER)
    numbered = [
        LatentClip(
            torch.full((2, 2, FRAMES, 8, 4, 4), k).half(), torch.full((2, FRAMES, 30, 64), k).half(), None
        )
        for k in range(clips)
    ]

    class Knowing(torch.nn.Linear):
        def forward(self, inputs, timestep, tokens):
            clean = tokens[0, 0, 0, 0]
            alpha = scheduler.alphas_cumprod[timestep.reshape(-1)][:, None, None, None, None]
            return SimpleNamespace(sample=(alpha.sqrt() * inputs[:, :8] - clean) / (1 - alpha).sqrt())

    scores = score_denoiser(Knowing(1, 1), scheduler, numbered, RECIPE)
    assert scores["error"] < 1e-4 and scores["error as sampled"] < 1e-4
    assert scores["error without sound"] > 1e-4 or clips == 1
    assert "gain" not in scores
