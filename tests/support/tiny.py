"""The small networks of tests/golden, as a bundle that the pipeline can run."""

from dataclasses import replace

import numpy as np
import torch
from diffusers import AutoencoderKL

from latentsync_core import load_models

from .recipes import golden_json, golden_tensors, recipe_parameter, recipe_state_dict


def golden_checkpoint(folder):
    """Write the networks of the golden pipeline case in the official layout and return the folder."""
    weights = {
        k[3:]: v.float() for k, v in golden_tensors("unet_tiny2.safetensors").items() if k.startswith("sd.")
    }
    folder.mkdir(parents=True, exist_ok=True)
    torch.save({"global_step": 1, "state_dict": weights}, folder / "latentsync_unet.pt")
    (folder / "whisper").mkdir()
    torch.save(_whisper(), folder / "whisper" / "tiny.pt")
    vae = AutoencoderKL(
        down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4,
        block_out_channels=(8, 16, 16, 16),
        norm_num_groups=8,
        latent_channels=4,
        sample_size=64,
    )
    vae.load_state_dict({key: recipe_parameter(key, value.shape) for key, value in vae.state_dict().items()})
    vae.save_pretrained(folder / "vae")
    return folder


def golden_pipeline_models(folder):
    """The golden pipeline's networks: crops aligned at 256, run at 64, windows of 4 frames."""
    return as_golden_pipeline(load_models(golden_checkpoint(folder), resolution=64, device="cpu"))


def as_golden_pipeline(models):
    return replace(models, align_resolution=256, window_frames=4)


def _whisper():
    dims = golden_json("pipeline_tiny.json")["whisper_dims"]
    width, blocks = dims["n_audio_state"], dims["n_audio_layer"]
    shapes = {"encoder.conv1.weight": (width, 80, 3), "encoder.conv1.bias": (width,)}
    shapes |= {"encoder.conv2.weight": (width, width, 3), "encoder.conv2.bias": (width,)}
    for block in range(blocks):
        name = f"encoder.blocks.{block}."
        for part in ("query", "value", "out"):
            shapes |= {f"{name}attn.{part}.weight": (width, width), f"{name}attn.{part}.bias": (width,)}
        shapes[f"{name}attn.key.weight"] = (width, width)
        shapes |= {f"{name}mlp.0.weight": (4 * width, width), f"{name}mlp.0.bias": (4 * width,)}
        shapes |= {f"{name}mlp.2.weight": (width, 4 * width), f"{name}mlp.2.bias": (width,)}
        for norm in ("attn_ln", "mlp_ln"):
            shapes |= {f"{name}{norm}.weight": (width,), f"{name}{norm}.bias": (width,)}
    shapes |= {"encoder.ln_post.weight": (width,), "encoder.ln_post.bias": (width,)}
    weights = recipe_state_dict(shapes)
    weights["encoder.positional_embedding"] = _positions(dims["n_audio_ctx"], width)
    return {"dims": dims, "model_state_dict": weights}


def _positions(length, width):
    """Whisper's sinusoids: sines in the first half of the channels, cosines in the second."""
    step = np.log(10000) / (width // 2 - 1)
    angle = torch.arange(length)[:, None] * torch.exp(-step * torch.arange(width // 2))[None]
    return torch.cat([angle.sin(), angle.cos()], 1)
