"""The whole pipeline against upstream's `LipsyncPipeline.__call__` on small networks (tests/golden/README.md)."""

import numpy as np
import pytest
import torch
from support.recipes import (
    frame,
    golden_json,
    golden_tensors,
    looks_equal,
    max_difference,
    recipe_input,
    wave,
)
from support.tiny import golden_pipeline_models

from latentsync_core import FaceTrack, Options, TensorClip, Waveform, lip_sync
from latentsync_core.diffusion.denoise import SCHEDULERS
from latentsync_core.diffusion.memory import Slicer
from latentsync_core.diffusion.predict import NoisePredictor
from latentsync_core.weights.catalogue import SCHEDULER_CONFIG


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def golden():
    return golden_tensors("pipeline_tiny.safetensors")


@torch.inference_mode()
def denoise(models, golden, steps, guidance, reuse=1):
    """Upstream's loop over windows of 4, on its own latents."""
    scheduler = SCHEDULERS["ddim"](models.scheduler_config)
    windows = []
    for start in range(0, 10, 4):
        window = slice(start, min(start + 4, 10))
        frames = window.stop - window.start
        mask = golden["mask_latents"].expand(-1, -1, frames, -1, -1)
        condition = torch.cat(
            [mask, golden["masked_latents"][:, :, window], golden["ref_latents"][:, :, window]], 1
        )
        tokens = golden["audio_chunks"][window][None]
        rows = Slicer("UNet", 2)
        unguided = 0 if guidance > 1 else steps
        predict = NoisePredictor(
            models.unet, condition, tokens, guidance=guidance, unguided=unguided, reuse=reuse, rows=rows
        )
        latents = golden["noise"].expand(-1, -1, frames, -1, -1)
        scheduler.set_timesteps(steps)
        for step, t in enumerate(scheduler.timesteps):
            latents = scheduler.step(predict(step, t, latents), t, latents).prev_sample
        windows.append(latents)
    return torch.cat(windows, 2)


@pytest.mark.parametrize(
    ("name", "steps", "guidance", "reuse"),
    [
        ("latents_out", 5, 1.5, 1),
        ("latents_out_noCFG_3steps", 3, 1.0, 1),
        ("latents_out_deepcache_7steps", 7, 1.5, 3),
    ],
)
def test_final_latents(models, golden, name, steps, guidance, reuse):
    assert max_difference(denoise(models, golden, steps, guidance, reuse), golden[name]) < 1e-4


def test_exact_with_reuse_3_runs_the_steps_of_upstreams_script(models, monkeypatch):
    """DeepCache with an interval of 3: of 20 steps the first and every third are whole, in each window anew."""
    steps, unet = [], models.unet
    for name in ("deep", "shallow"):
        call = getattr(unet, f"predict_{name}")
        monkeypatch.setattr(
            unet, f"predict_{name}", lambda *args, n=name, c=call: (steps.append(n), c(*args))[1]
        )
    clip = TensorClip(np.stack([frame(180, 200, i) for i in range(6)]), 25)
    speech = Waveform((wave(3200) / 32768).astype(np.float32)[None], 16000)
    options = Options.preset("exact", reuse=3)
    track = FaceTrack.from_points(golden_json("pipeline_tiny.json")["landmarks"][:6])
    frames = list(lip_sync(clip, speech, models, options, track))
    windows = len(steps) / 20
    assert len(frames) > 4 and windows == int(windows) >= 2
    assert steps == (["deep", "shallow", "shallow"] * 7)[:20] * int(windows)


def test_whole_pipeline_equals_upstream(models, golden):
    """From frames, landmarks and samples to finished frames, through the public function."""
    case = golden_json("pipeline_tiny.json")
    clip = TensorClip(np.stack([frame(180, 200, i) for i in range(case["frames"])]), 25)
    speech = Waveform((wave(case["n_samples"]) / 32768).astype(np.float32)[None], 16000)
    options = Options.preset("exact", steps=case["steps"], guidance=case["guidance"], seed=case["seed"])
    frames = list(lip_sync(clip, speech, models, options, FaceTrack.from_points(case["landmarks"])))
    assert len(frames) == case["frames"]
    for ours, theirs in zip(frames[:2], golden["video_u8"].numpy(), strict=True):
        assert looks_equal(ours, theirs)


def test_scheduler():
    case = golden_json("ddim.json")
    published = {key: value for key, value in case["config"].items() if key in SCHEDULER_CONFIG}
    assert published == {key: SCHEDULER_CONFIG[key] for key in published} and len(published) > 5
    scheduler = SCHEDULERS["ddim"](SCHEDULER_CONFIG)
    for steps in (5, 10, 20, 30, 50):
        scheduler.set_timesteps(steps)
        assert scheduler.timesteps.tolist() == case[f"timesteps_{steps}"]


def test_scheduler_trajectory():
    scheduler = SCHEDULERS["ddim"](SCHEDULER_CONFIG)
    scheduler.set_timesteps(20)
    x, seen = recipe_input("ddim.x", (1, 4, 2, 2, 2)), []
    for step, t in enumerate(scheduler.timesteps):
        x = scheduler.step(recipe_input(f"ddim.e{step}", x.shape), t, x).prev_sample
        seen.append(x.flatten())
    expected = golden_json("ddim.json")["trajectory_after_step_1_10_20"]
    assert max_difference(torch.stack([seen[i] for i in (0, 9, 19)]), np.reshape(expected, (3, -1))) < 1e-5
