"""Guess what a file of tensors is, for the message that it is not what was expected."""

from __future__ import annotations

from collections.abc import Mapping

from ..models.bundle import whisper_size

Shapes = Mapping[str, tuple[int, ...]]

_MARKS: tuple[tuple[str, str], ...] = (
    ("visual_encoder.conv_in.weight", "a LatentSync SyncNet (stable_syncnet.pt)"),
    ("patch_embed.proj.weight", "a VideoMAE"),
    ("model.diffusion_model.input_blocks.0.0.weight", "a whole Stable Diffusion checkpoint"),
    ("encoder.down_blocks.0.resnets.0.conv1.weight", "a VAE in diffusers naming"),
    ("encoder.down.0.block.0.conv1.weight", "a VAE in Stable Diffusion naming"),
)


def identify(shapes: Shapes) -> str:
    """Name the kind of model that tensors of these names and shapes belong to."""
    if not shapes:
        return "an empty file"
    for key, kind in _MARKS:
        if key in shapes:
            return kind
    if width := shapes.get("encoder.positional_embedding", shapes.get("embed_positions.weight")):
        return f"a Whisper model {whisper_size(width[-1])}"
    if any("lora" in key.lower() for key in shapes):
        return "a LoRA"
    conv_in = shapes.get("conv_in.weight", ())
    if len(conv_in) == 4 and "conv_out.weight" in shapes:
        motion = "with" if any(".motion_modules." in key for key in shapes) else "without"
        return f"a diffusion UNet for {conv_in[1]} channels {motion} motion modules"
    return f"something else: its first tensors are {', '.join(list(shapes)[:3])}"
