"""The official schedule, and the official pipeline from frames and audio to frames."""

import tempfile
from types import SimpleNamespace

import numpy as np
import torch
from diffusers import AutoencoderKL, DDIMScheduler
from support.recipes import frame, recipe_input

from . import upstream
from .face import restorer
from .networks import tiny2
from .speech import DIMS, audio_encoder, samples

CASE = {
    "frames": 10,
    "landmarks": [
        [[70.0 + i, 60.0], [118.0 + i, 62.0 + i // 2], [95.0 + i, 100.0 + i // 3]] for i in range(10)
    ],
    "n_samples": 5120,
    "num_frames_per_chunk": 4,
    "resolution": 64,
    "restorer_resolution": 256,
    "steps": 5,
    "guidance": 1.5,
    "seed": 1247,
    "whisper_dims": DIMS | {"n_audio_layer": 4},
}
LEFT_EYE, RIGHT_EYE, NOSE = [43, 48, 49, 51, 50], [101, 102, 103, 104, 105], [74, 77, 83, 86]
"""Of the 106 landmarks, those whose means the official code takes."""


def scheduler():
    return DDIMScheduler.from_pretrained("configs")


def ddim():
    schedule = scheduler()
    described = {
        "config": {key: value for key, value in schedule.config.items() if not key.startswith("_")},
        "init_noise_sigma": float(schedule.init_noise_sigma),
        "final_alpha_cumprod": float(schedule.final_alpha_cumprod),
        "alphas_cumprod": {str(t): float(schedule.alphas_cumprod[t]) for t in (0, 1, 51, 451, 951, 999)},
    }
    for steps in (5, 10, 20, 30, 50):
        schedule.set_timesteps(steps)
        described[f"timesteps_{steps}"] = schedule.timesteps.tolist()
    schedule.set_timesteps(20)
    x, seen = recipe_input("ddim.x", (1, 4, 2, 2, 2)), []
    for i, t in enumerate(schedule.timesteps):
        x = schedule.step(recipe_input(f"ddim.e{i}", x.shape), t, x, eta=0.0).prev_sample
        seen.append(x.flatten().tolist())
    described["trajectory_after_step_1_10_20"] = [seen[0], seen[9], seen[19]]
    return {"ddim.json": described}


def vae():
    model = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 16, 16, 16),
        layers_per_block=1,
        norm_num_groups=8,
        latent_channels=4,
        sample_size=CASE["resolution"],
    )
    model.register_to_config(scaling_factor=0.18215, shift_factor=0)
    return upstream.fill(model)


def given_landmarks():
    """Return a face detector that sees the case's landmarks, frame after frame."""
    remaining = iter(CASE["landmarks"])

    def detect(image):
        points = np.zeros((106, 2))
        points[LEFT_EYE], points[RIGHT_EYE], points[NOSE] = next(remaining)
        return (0, 0, 1, 1), points

    return detect


def recording_pipeline():
    """Make the official pipeline on the CPU, with given landmarks; it notes what the golden file holds."""
    from latentsync.pipelines import lipsync_pipeline as official

    notes = {}

    def note(name, value):
        notes.setdefault(name, []).append(value)
        return value

    class Processor(official.ImageProcessor):
        def __init__(self, resolution, device, mask_image):
            super().__init__(resolution, "cpu", mask_image)
            self.restorer = restorer(CASE["restorer_resolution"])
            self.face_detector = given_landmarks()

    class Pipeline(official.LipsyncPipeline):
        def prepare_latents(self, *arguments):
            return note("noise", super().prepare_latents(*arguments))

        def prepare_mask_latents(self, *arguments):
            mask, masked = super().prepare_mask_latents(*arguments)
            note("mask_latents", mask[:1])
            note("masked_latents", masked[:1])
            return mask, masked

        def prepare_image_latents(self, *arguments):
            latents = super().prepare_image_latents(*arguments)
            note("ref_latents", latents[:1])
            return latents

        def decode_latents(self, latents):
            return super().decode_latents(note("latents_out", latents))

        def paste_surrounding_pixels_back(self, *arguments):
            return note("decoded", super().paste_surrounding_pixels_back(*arguments))

    official.ImageProcessor = Processor
    official.check_ffmpeg_installed = lambda: None
    official.read_audio = torch.from_numpy
    official.read_video = lambda path, use_decord: np.stack(
        [frame(180, 200, i) for i in range(CASE["frames"])]
    )
    official.write_video = lambda path, frames, fps: note("video", torch.from_numpy(frames))
    official.sf = SimpleNamespace(write=lambda *arguments: None)
    official.subprocess = SimpleNamespace(run=lambda *arguments, **options: None)
    encoder = audio_encoder(CASE["whisper_dims"])
    return Pipeline(vae=vae(), audio_encoder=encoder, unet=tiny2(), scheduler=scheduler()), notes


def run(steps, guidance, reuse=False):
    """Run the case once and return {name: what was noted, one tensor for each window}."""
    pipeline, notes = recording_pipeline()
    if reuse:
        from DeepCache import DeepCacheSDHelper

        helper = DeepCacheSDHelper(pipe=pipeline)
        helper.set_params(cache_interval=3, cache_branch_id=0)
        helper.enable()
    with tempfile.TemporaryDirectory() as folder:
        pipeline(
            video_path="",
            audio_path=samples(CASE["n_samples"]),
            video_out_path="",
            num_frames=CASE["num_frames_per_chunk"],
            height=CASE["resolution"],
            width=CASE["resolution"],
            num_inference_steps=steps,
            guidance_scale=guidance,
            weight_dtype=torch.float32,
            temp_dir=folder,
            generator=torch.Generator().manual_seed(CASE["seed"]),
        )
    return notes


def pipeline_tiny():
    notes = run(CASE["steps"], CASE["guidance"])
    encoder = audio_encoder(CASE["whisper_dims"])
    chunks = encoder.feature2chunks(encoder.audio2feat(samples(CASE["n_samples"])), fps=25)
    tensors = {
        "audio_chunks": torch.stack(chunks),
        "noise": notes["noise"][0][:, :, :1],
        "mask_latents": notes["mask_latents"][0][:, :, :1],
        "masked_latents": torch.cat(notes["masked_latents"], 2),
        "ref_latents": torch.cat(notes["ref_latents"], 2),
        "latents_out": torch.cat(notes["latents_out"], 2),
        "latents_out_deepcache_7steps": torch.cat(run(7, CASE["guidance"], reuse=True)["latents_out"], 2),
        "latents_out_noCFG_3steps": torch.cat(run(3, 1.0)["latents_out"], 2),
        "decoded.frames_0_3_4_9": torch.cat(notes["decoded"])[[0, 3, 4, 9]],
        "video_u8": notes["video"][0][:2],
    }
    return {
        "pipeline_tiny.json": CASE,
        "pipeline_tiny.safetensors": tensors,
        "vae_tiny_keys.json": upstream.shapes(vae()),
    }
