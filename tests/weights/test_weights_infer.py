"""Sizes of networks read off names and shapes, against the published full-size lists."""

import inspect
import math

import pytest
import torch
from diffusers import AutoencoderKL
from diffusers.loaders.single_file_utils import convert_ldm_vae_checkpoint
from hypothesis import given, settings
from hypothesis import strategies as st
from support.recipes import golden_json
from transformers import WhisperConfig
from transformers.models.whisper.modeling_whisper import WhisperEncoder

from latentsync_core.models.unet import LatentSyncUNet, convert_unet_keys
from latentsync_core.weights.catalogue import RELEASES
from latentsync_core.weights.files import shapes_of
from latentsync_core.weights.infer import infer_unet_config, infer_vae_config, infer_whisper_config
from latentsync_core.weights.rename import rename_vae, rename_whisper
from latentsync_lab.fresh import nano_networks

SD_VAE = {
    "block_out_channels": (128, 256, 512, 512),
    "down_block_types": ("DownEncoderBlock2D",) * 4,
    "up_block_types": ("UpDecoderBlock2D",) * 4,
    "layers_per_block": 2,
}


def full_size(motion):
    keys = golden_json("unet_keys_stage2.json")
    shapes = {key: tuple(shape) for key, shape in keys.items()}
    if motion == "none":
        return {key: shape for key, shape in shapes.items() if ".motion_modules." not in key}
    if motion == "decoder":
        is_motion = {key: ".motion_modules." in key and key.startswith("down_blocks") for key in shapes}
        return {key: shape for key, shape in shapes.items() if not is_motion[key]}
    return shapes


def defaults():
    parameters = inspect.signature(LatentSyncUNet.__init__).parameters
    return {name: p.default for name, p in parameters.items() if p.default is not p.empty}


@pytest.mark.parametrize("motion", ["all", "decoder", "none"])
def test_published_unets_are_the_default_configuration(motion):
    inferred = infer_unet_config(convert_unet_keys(full_size(motion)), heads=8, groups=32)
    assert defaults() | inferred == defaults() | {"motion": motion}


def test_published_files_are_as_long_as_their_tensors():
    """The golden key list accounts for the published files up to 600 kB of names and padding."""
    tensors = 4 * sum(math.prod(shape) for shape in full_size("all").values())
    assert tensors == 5_071_778_576
    assert all(0 < release.unet.size - tensors < 600_000 for release in RELEASES.values())


def test_published_whisper_tiny():
    golden = golden_json("whisper_tiny_openai_keys.json")
    renamed = rename_whisper(
        {key: torch.empty(shape, device="meta") for key, shape in golden["keys"].items()}
    )
    config = infer_whisper_config(shapes_of(renamed))
    assert config == {
        "d_model": 384,
        "num_mel_bins": 80,
        "encoder_layers": 4,
        "encoder_ffn_dim": 1536,
        "max_source_positions": 1500,
    }
    with torch.device("meta"):
        encoder = WhisperEncoder(WhisperConfig(**config))
    encoder.layer_norm = torch.nn.Identity()
    assert shapes_of(renamed) == shapes_of(encoder.state_dict())


def meta_vae(**config):
    with torch.device("meta"):
        return AutoencoderKL(**SD_VAE | config)


def compvis_names(tensors):
    """AutoencoderKL's names to those of vae-ft-mse-840000-ema-pruned, written down independently of the loader."""
    pairs = [
        ("mid_block.resnets.0.", "mid.block_1."),
        ("mid_block.resnets.1.", "mid.block_2."),
        ("mid_block.attentions.0.group_norm.", "mid.attn_1.norm."),
        ("mid_block.attentions.0.to_q.", "mid.attn_1.q."),
        ("mid_block.attentions.0.to_k.", "mid.attn_1.k."),
        ("mid_block.attentions.0.to_v.", "mid.attn_1.v."),
        ("mid_block.attentions.0.to_out.0.", "mid.attn_1.proj_out."),
        ("conv_shortcut", "nin_shortcut"),
        ("conv_norm_out", "norm_out"),
        *((f"up_blocks.{i}.resnets.", f"up.{3 - i}.block.") for i in range(4)),
        *((f"up_blocks.{i}.upsamplers.0.", f"up.{3 - i}.upsample.") for i in range(4)),
        *((f"down_blocks.{i}.resnets.", f"down.{i}.block.") for i in range(4)),
        *((f"down_blocks.{i}.downsamplers.0.", f"down.{i}.downsample.") for i in range(4)),
    ]
    named = {}
    for key, value in tensors.items():
        for ours, theirs in pairs:
            key = key.replace(ours, theirs)
        named[key] = value[:, :, None, None] if ".attn_1." in key and value.ndim == 2 else value
    return named


def test_stable_diffusion_vae_in_compvis_naming():
    vae = AutoencoderKL(**SD_VAE | {"block_out_channels": (32, 32, 64, 64)})
    published = compvis_names(vae.state_dict())
    assert "decoder.up.3.block.0.conv1.weight" in published and not any("_block" in key for key in published)
    renamed = rename_vae(published | {"loss.logvar": torch.zeros(1), "model_ema.decay": torch.zeros(1)})
    oracle = convert_ldm_vae_checkpoint(published, vae.config)
    assert set(renamed) == set(oracle) == set(vae.state_dict())
    assert all(torch.equal(renamed[key], value) for key, value in vae.state_dict().items())


def test_stable_diffusion_vae_in_early_diffusers_naming():
    """stabilityai/sd-vae-ft-mse names its attention query, key, value and proj_attn."""
    tensors = meta_vae().state_dict()
    early = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
    named = dict(tensors)
    for ours, theirs in early.items():
        named = {
            key.replace(f"attentions.0.{ours}.", f"attentions.0.{theirs}."): v for key, v in named.items()
        }
    assert any(".proj_attn." in key for key in named)
    assert shapes_of(rename_vae(named)) == shapes_of(tensors)


@pytest.mark.parametrize(
    "config",
    [
        {},
        {"latent_channels": 16},
        {"mid_block_add_attention": False},
        {"use_quant_conv": False, "use_post_quant_conv": False},
        {"layers_per_block": 1, "block_out_channels": (32, 64, 64, 64)},
    ],
)
def test_vae_sizes(config):
    vae = meta_vae(**config)
    inferred = infer_vae_config(shapes_of(vae.state_dict()))
    assert {key: vae.config[key] for key in inferred} == inferred


@settings(max_examples=15, deadline=None)
@given(
    widths=st.lists(st.sampled_from([32, 64, 96]), min_size=2, max_size=4),
    layers=st.integers(1, 2),
    speech=st.sampled_from([16, 384]),
    motion=st.sampled_from(["all", "decoder", "none"]),
    positions=st.sampled_from([16, 24, 32]),
)
def test_any_unet_is_read_back_from_its_shapes(widths, layers, speech, motion, positions):
    levels = len(widths)
    config = {
        "block_out_channels": tuple(widths),
        "down_block_types": ("CrossAttnDownBlockMotion",) * (levels - 1) + ("DownBlockMotion",),
        "up_block_types": ("UpBlockMotion",) + ("CrossAttnUpBlockMotion",) * (levels - 1),
        "layers_per_block": layers,
        "cross_attention_dim": speech,
        "motion": motion,
        "motion_max_seq_length": positions if motion != "none" else 24,
    }
    with torch.device("meta"):
        shapes = shapes_of(LatentSyncUNet(**config).state_dict())
    inferred = infer_unet_config(shapes, heads=8, groups=32)
    assert {key: inferred[key] for key in config} == config


def test_nano_networks_are_of_the_nano_size():
    with torch.device("meta"):
        networks = nano_networks()
    assert sum(p.numel() for network in networks for p in network.parameters()) == 4_732_195
