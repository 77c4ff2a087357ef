"""LatentSyncUNet against outputs of the official network (tests/golden/README.md)."""

import diffusers
import pytest
import torch
from support.recipes import golden_json, golden_tensors, max_difference, recipe_input, recipe_state_dict

from latentsync_core.models.unet import LatentSyncUNet, NoMotion, convert_unet_keys

TINY2 = {
    "block_out_channels": (32, 32),
    "down_block_types": ("CrossAttnDownBlockMotion", "DownBlockMotion"),
    "up_block_types": ("UpBlockMotion", "CrossAttnUpBlockMotion"),
    "layers_per_block": 1,
    "cross_attention_dim": 16,
}
STOCK = {"sample_size": 64, "in_channels": 13, "out_channels": 4, "num_attention_heads": 8}
STOCK |= {"motion_num_attention_heads": 8, "motion_max_seq_length": 24, "use_motion_mid_block": False}


@pytest.fixture(scope="module")
def tiny2():
    golden = golden_tensors("unet_tiny2.safetensors")
    return golden, {key[3:]: value.float() for key, value in golden.items() if key.startswith("sd.")}


def tiny4(motion):
    shapes = {
        key: shape
        for key, shape in golden_json("unet_tiny4_keys.json").items()
        if ".motion_modules." not in key
        or motion == "all"
        or (motion == "decoder" and not key.startswith("down_blocks"))
    }
    unet = LatentSyncUNet(block_out_channels=(32, 64, 64, 64), motion=motion).eval()
    unet.load_state_dict(convert_unet_keys(recipe_state_dict(shapes)), strict=True)
    return unet


@torch.inference_mode()
def test_two_level_network(tiny2):
    golden, weights = tiny2
    unet = LatentSyncUNet(**TINY2).eval()
    unet.load_state_dict(convert_unet_keys(weights), strict=True)
    sample, audio = golden["in.sample"], golden["in.audio"]
    out = unet(sample, torch.tensor(501), audio).sample
    assert max_difference(out, golden["out.t501"]) < 1e-5
    single = unet(sample[:1, :, :1], torch.tensor(1), audio[1:, :1]).sample
    assert max_difference(single, golden["out.single_frame_t1_audio1"]) < 1e-5


@torch.inference_mode()
def test_stock_network_loads_without_complaint_and_is_wrong(tiny2):
    """The tolerance above bites: without the two norms the same weights load strictly and differ."""
    golden, weights = tiny2
    stock = diffusers.UNetMotionModel(**TINY2, **STOCK).eval()
    stock.load_state_dict(convert_unet_keys(weights), strict=True)
    out = stock(golden["in.sample"], torch.tensor(501), golden["in.audio"].flatten(0, 1)).sample
    assert max_difference(out, golden["out.t501"]) > 0.1


@torch.inference_mode()
@pytest.mark.parametrize(
    ("name", "motion"), [("stage2", "all"), ("stage2_efficient", "decoder"), ("stage1", "none")]
)
@pytest.mark.parametrize(("frames", "tolerance"), [(16, 2e-4), (3, 3e-5)])
def test_four_level_networks(name, motion, frames, tolerance):
    sample = recipe_input(f"tiny4.sample.{frames}", (2, 13, frames, 8, 8))
    audio = recipe_input(f"tiny4.audio.{frames}", (2, frames, 50, 384))
    audio[0] = 0
    out = tiny4(motion)(sample, torch.tensor(951), audio).sample
    assert (
        max_difference(out, golden_tensors("unet_tiny4_outputs.safetensors")[f"{name}.f{frames}"]) < tolerance
    )


@torch.inference_mode()
def test_odd_latent_size():
    out = tiny4("all")(
        recipe_input("tiny4.sample.odd", (1, 13, 2, 10, 12)),
        torch.tensor(1),
        recipe_input("tiny4.audio.odd", (1, 2, 50, 384)),
    ).sample
    assert max_difference(out, golden_tensors("unet_tiny4_outputs.safetensors")["stage2.odd_10x12"]) < 3e-5


@torch.inference_mode()
def test_guidance_may_run_as_two_halves():
    """The norms are per batch item, so batch 2 equals two runs of batch 1: the fallback when memory is short."""
    unet = tiny4("all")
    sample, audio = recipe_input("half.sample", (2, 13, 4, 8, 8)), recipe_input("half.audio", (2, 4, 50, 384))
    together = unet(sample, torch.tensor(501), audio).sample
    halves = [unet(sample[i : i + 1], torch.tensor(501), audio[i : i + 1]).sample for i in range(2)]
    assert max_difference(together, torch.cat(halves)) < 1e-4


@torch.inference_mode()
def test_a_window_cannot_be_split_by_frames():
    unet = tiny4("all")
    sample, audio = (
        recipe_input("split.sample", (1, 13, 4, 8, 8)),
        recipe_input("split.audio", (1, 4, 50, 384)),
    )
    whole = unet(sample, torch.tensor(501), audio).sample
    parts = [unet(sample[:, :, i : i + 2], torch.tensor(501), audio[:, i : i + 2]).sample for i in (0, 2)]
    assert max_difference(whole, torch.cat(parts, 2)) > 1e-2


@pytest.mark.parametrize("motion", ["all", "decoder", "none"])
def test_full_size_keys_are_the_published_ones(motion):
    published = {
        key: tuple(shape)
        for key, shape in golden_json("unet_keys_stage2.json").items()
        if ".motion_modules." not in key
        or motion == "all"
        or (motion == "decoder" and not key.startswith("down_blocks"))
    }
    with torch.device("meta"):
        unet = LatentSyncUNet(motion=motion)
    assert {key: tuple(value.shape) for key, value in unet.state_dict().items()} == convert_unet_keys(
        published
    )


def test_converting_converted_keys_changes_nothing():
    once = convert_unet_keys({f"module.{key}": key for key in golden_json("unet_keys_stage2.json")})
    assert convert_unet_keys(once) == once
    assert not any(key.startswith("module.") for key in once)


def test_motion_free_blocks_hold_no_parameters():
    with torch.device("meta"):
        unet = LatentSyncUNet(motion="none")
    modules = [m for block in (*unet.down_blocks, *unet.up_blocks) for m in block.motion_modules]
    assert modules and all(isinstance(m, NoMotion) and not list(m.parameters()) for m in modules)
