"""SyncNet and VideoMAE from files: the published form and ours, and what is refused."""

import json

import pytest
import torch
from safetensors.torch import save_file
from support.recipes import golden_json, golden_tensors, recipe_input, recipe_state_dict
from transformers import VideoMAEConfig

from latentsync_core.errors import WeightsMismatchError, WeightsMissingError
from latentsync_core.metrics.temporal import temporal_distance
from latentsync_core.models.syncnet import EncoderConfig, StableSyncNet
from latentsync_core.models.videomae import ClipEncoder, convert_videomae_keys
from latentsync_core.weights import (
    Manifest,
    convert_checkpoint,
    find_checkpoint,
    find_syncnet,
    load_clip_encoder,
    load_syncnet,
    write_checkpoint,
)
from latentsync_lab.fresh import nano_networks

SYNCNET, VIDEOMAE = golden_json("syncnet_tiny_keys.json"), golden_json("videomae_tiny_keys.json")
SMALL = VideoMAEConfig(image_size=16, patch_size=8, num_frames=4, hidden_size=16, num_hidden_layers=1,
                       num_attention_heads=2, intermediate_size=32)  # fmt: skip


def syncnet_folder(home, tensors=None, config=None):
    home.mkdir(parents=True)
    official = recipe_state_dict(SYNCNET["keys"]) if tensors is None else tensors
    save_file(official, home / "diffusion_pytorch_model.safetensors")
    (home / "config.json").write_text(json.dumps(SYNCNET["config"] if config is None else config))
    return home


def small_syncnet():
    torch.manual_seed(0)
    visual = EncoderConfig(48, (32, 32), ((1, 2), 2), (False, True))
    return StableSyncNet(visual, EncoderConfig(1, (32, 32), ((2, 1), 2), (False, False)))


@torch.inference_mode()
def test_syncnet_of_a_folder_equals_the_official_one(tmp_path):
    net = load_syncnet(syncnet_folder(tmp_path / "syncnet"))
    assert net.resolution == 256 and not net.training
    golden = golden_tensors("syncnet_tiny.safetensors")
    visual, audio = net(
        recipe_input("syncnet.visual", (1, 48, 128, 256)), recipe_input("syncnet.audio", (2, 1, 80, 52))
    )
    torch.testing.assert_close(visual, golden["vision_embeds"], atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(audio, golden["audio_embeds"], atol=1e-5, rtol=1e-4)


def test_published_syncnet_file_is_read_with_the_published_sizes(tmp_path):
    """The narrow network's tensors have the published names and other shapes, which the message says."""
    path = tmp_path / "stable_syncnet.pt"
    torch.save({"global_step": 1, "state_dict": recipe_state_dict(SYNCNET["keys"])}, path)
    with pytest.raises(
        WeightsMismatchError, match=r"of another shape .*a LatentSync SyncNet \(stable_syncnet"
    ):
        load_syncnet(path)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda t: t.pop("audio_encoder.norm_out.bias"), "1 tensor missing"),
        (lambda t: t.update(extra=torch.zeros(1)), "1 tensor unexpected"),
        (lambda t: t.update({"audio_encoder.norm_out.bias": torch.zeros(3)}), "1 tensor of another shape"),
    ],
)
def test_syncnet_tensors_that_do_not_fit(tmp_path, change, message):
    tensors = recipe_state_dict(SYNCNET["keys"])
    change(tensors)
    with pytest.raises(WeightsMismatchError, match=message):
        load_syncnet(syncnet_folder(tmp_path / "syncnet", tensors))


@pytest.mark.parametrize("config", [{}, {"visual_encoder": {}}, {"visual_encoder": 3, "audio_encoder": 4}])
def test_bad_syncnet_config(tmp_path, config):
    with pytest.raises(WeightsMismatchError, match="takes visual_encoder and audio_encoder"):
        load_syncnet(syncnet_folder(tmp_path / "syncnet", config=config))


def test_folder_without_its_parts(tmp_path):
    home = syncnet_folder(tmp_path / "syncnet")
    (home / "config.json").unlink()
    with pytest.raises(WeightsMismatchError, match=r"lacks config\.json"):
        load_syncnet(home)
    with pytest.raises(WeightsMissingError, match="does not exist"):
        load_clip_encoder(tmp_path / "vit_g.pth")


def test_evaluators_of_a_checkpoint_are_written_and_found_again(tmp_path):
    syncnet, clip_encoder = small_syncnet(), ClipEncoder(SMALL)
    folder = write_checkpoint(
        tmp_path / "a", *nano_networks(), Manifest(resolution=128, unet_heads=4, unet_groups=16), {},
        torch.float32, syncnet, clip_encoder,
    )  # fmt: skip
    again = load_syncnet(find_syncnet(folder))
    assert again.configs == syncnet.configs and again.resolution == 4
    for before, after in (
        (syncnet, again),
        (clip_encoder, load_clip_encoder(folder / "videomae")),
        (
            syncnet,
            load_syncnet(
                find_syncnet(convert_checkpoint(find_checkpoint(folder), tmp_path / "half", torch.float32))
            ),
        ),
    ):
        assert all(torch.equal(a, b) for a, b in zip(before.parameters(), after.parameters(), strict=True))
    clips = torch.rand(1, 4, 3, 8, 8)
    torch.testing.assert_close(load_clip_encoder(folder / "videomae")(clips), clip_encoder.eval()(clips))


def test_syncnet_is_found_beside_other_files_or_alone(tmp_path):
    home = tmp_path / "LatentSync-1.6"
    home.mkdir()
    with pytest.raises(WeightsMissingError, match=r"1\.6 has no SyncNet.*weights get 1\.6 --syncnet"):
        find_syncnet("1.6", [tmp_path])
    (home / "stable_syncnet.pt").write_bytes(b"")
    assert find_syncnet("1.6", [tmp_path]) == find_syncnet(home) == home / "stable_syncnet.pt"
    assert find_syncnet(home / "stable_syncnet.pt") == home / "stable_syncnet.pt"
    own = syncnet_folder(tmp_path / "own" / "syncnet")
    assert find_syncnet(own) == find_syncnet(own.parent) == own
    with pytest.raises(WeightsMissingError, match="has no SyncNet.*put stable_syncnet.pt"):
        find_syncnet(tmp_path)


def published_videomae(path, tensors=None):
    """The narrow network in the published form, with the sizes that tensors do not show in a config."""
    path.mkdir()
    tensors = recipe_state_dict(VIDEOMAE["keys"]) if tensors is None else tensors
    save_file(convert_videomae_keys(tensors), path / "diffusion_pytorch_model.safetensors")
    sizes = {"image_size": 224, "num_frames": 16, "num_attention_heads": 4, "layer_norm_eps": 1e-6}
    (path / "config.json").write_text(json.dumps(sizes))
    return path


@torch.inference_mode()
def test_trepa_equals_the_official_one(tmp_path):
    encoder = load_clip_encoder(published_videomae(tmp_path / "videomae"))
    golden = golden_tensors("videomae_tiny.safetensors")
    made, true = (0.7 * recipe_input(f"trepa.{name}", (1, 16, 3, 32, 32)) for name in ("made", "true"))
    torch.testing.assert_close(encoder(made), golden["made"], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(encoder(true), golden["true"], atol=1e-6, rtol=1e-4)
    torch.testing.assert_close(temporal_distance(encoder, made, true), golden["trepa"][0], atol=0, rtol=1e-3)


def test_published_videomae_file(tmp_path):
    """A module of DeepSpeed's with all published names, narrow enough to write: 16 heads of 2 channels."""
    path = tmp_path / "vit_g_hybrid_pt_1200e_ssv2_ft.pth"
    torch.save({"module": recipe_state_dict(VIDEOMAE["keys"])}, path)
    encoder = load_clip_encoder(path)
    config = encoder.model.config
    assert (config.num_attention_heads, config.image_size, config.num_frames) == (16, 224, 16)
    assert (config.num_hidden_layers, config.intermediate_size, config.patch_size) == (2, 139, 14)
    assert not encoder.model.embeddings.position_embeddings.is_meta


def test_other_files_are_no_videomae(tmp_path):
    path = tmp_path / "stable_syncnet.pt"
    torch.save(recipe_state_dict(SYNCNET["keys"]), path)
    with pytest.raises(WeightsMismatchError, match="is not a VideoMAE with fc_norm: it has no"):
        load_clip_encoder(path)
    tensors = recipe_state_dict(VIDEOMAE["keys"])
    del tensors["blocks.1.attn.q_bias"]
    missing = r"1 tensor missing \(model.encoder.layer.1.attention.attention.(query.|q_)bias"
    with pytest.raises(WeightsMismatchError, match=missing):
        load_clip_encoder(published_videomae(tmp_path / "videomae", tensors))


@torch.inference_mode()
def test_a_file_may_name_biases_as_another_transformers_does(tmp_path):
    """q_bias and v_bias up to transformers 5.5, query.bias and value.bias from 5.10 on."""
    golden = golden_tensors("videomae_tiny.safetensors")
    made = 0.7 * recipe_input("trepa.made", (1, 16, 3, 32, 32))
    tensors = convert_videomae_keys(recipe_state_dict(VIDEOMAE["keys"]))
    for query, value in (("q_bias", "v_bias"), ("query.bias", "value.bias")):
        named = {
            k.replace("query.bias", query).replace("value.bias", value): tensor
            for k, tensor in tensors.items()
        }
        path = published_videomae(tmp_path / query, named)
        torch.testing.assert_close(load_clip_encoder(path)(made), golden["made"], atol=1e-6, rtol=1e-4)


@pytest.mark.parametrize("change", [{"num_frames": "16"}, {"image_size": 0}, {"num_attention_heads": 5}])
def test_bad_videomae_config(tmp_path, change):
    folder = published_videomae(tmp_path / "videomae")
    (folder / "config.json").write_text(json.dumps(change))
    with pytest.raises(WeightsMismatchError, match="a VideoMAE 32 wide takes numbers above 0"):
        load_clip_encoder(folder)
