"""Whole checkpoints from files: what is read equals what was written, and runs as the official network does."""

import dataclasses
import importlib
import json
import logging

import pytest
import torch
from published_files import published_unet, published_vae, published_whisper
from safetensors.torch import load_file, save_file
from support.recipes import golden_tensors, max_difference, wave

from latentsync_core.errors import DeviceError, OptionError, OutputError, WeightsMismatchError
from latentsync_core.models.unet import convert_unet_keys
from latentsync_core.speech.encode import encode
from latentsync_core.weights import (
    Manifest,
    convert_checkpoint,
    find_checkpoint,
    load_models,
    load_unet,
    load_vae,
    load_whisper,
)
from latentsync_core.weights.conversion import write_checkpoint
from latentsync_core.weights.place import pick_dtype
from latentsync_lab.fresh import nano_networks, write_untrained


def assert_equal(network, tensors):
    state = network.state_dict()
    assert state.keys() == tensors.keys()
    assert all(torch.equal(state[key], value) for key, value in tensors.items())


@torch.inference_mode()
def test_published_layout(published):
    models = load_models("1.5", device="cpu", folders=[published.parent])
    assert (models.name, models.resolution, models.window_frames) == ("1.5", 256, 16)
    assert (models.device, models.dtype) == (torch.device("cpu"), torch.float32)
    assert models.scheduler_config["prediction_type"] == "epsilon"
    assert_equal(models.unet, convert_unet_keys(published_unet()))
    assert_equal(models.vae, published_vae())
    golden = golden_tensors("unet_tiny2.safetensors")
    out = models.unet(golden["in.sample"], torch.tensor(501), golden["in.audio"]).sample
    assert max_difference(out, golden["out.t501"]) < 1e-5


def test_networks_are_ready_to_run(published):
    models = load_models(published, device="cpu")
    for network in (models.unet, models.vae, models.whisper):
        tensors = [*network.parameters(), *network.buffers()]
        assert not network.training
        assert not any(tensor.is_meta or tensor.requires_grad for tensor in tensors)
        assert {tensor.dtype for tensor in tensors} == {torch.float32}


@torch.inference_mode()
def test_whisper_gives_the_official_features(published):
    whisper = load_whisper(published / "whisper" / "tiny.pt")
    assert isinstance(whisper.layer_norm, torch.nn.Identity)
    assert whisper.config.encoder_attention_heads == 2
    rows = encode(whisper, wave(32000).astype("float32") / 32768, seams=True).rows
    golden = golden_tensors("whisper_small_dims.safetensors")
    features = next(value for key, value in golden.items() if tuple(value.shape) == (100, 3, 16))
    assert max_difference(rows, features) < 3e-5


@pytest.mark.parametrize("shape", ["bare", "prefixed", "safetensors", "half"])
def test_forms_of_unet_files(tmp_path, shape):
    tensors = published_unet()
    path = tmp_path / ("unet.safetensors" if shape == "safetensors" else "unet.pt")
    if shape == "safetensors":
        save_file(convert_unet_keys(tensors), path)
    elif shape == "half":
        torch.save({"state_dict": {key: value.half() for key, value in tensors.items()}}, path)
    else:
        torch.save({("module." if shape == "prefixed" else "") + k: v for k, v in tensors.items()}, path)
    dtype = torch.float16 if shape == "half" else torch.float32
    assert_equal(load_unet(path), {k: v.to(dtype) for k, v in convert_unet_keys(tensors).items()})


def test_torch_files_without_a_zip_load_too(tmp_path):
    path = tmp_path / "tiny.pt"
    torch.save(published_whisper(), path, _use_new_zipfile_serialization=False)
    assert load_whisper(path).config.d_model == 16


@pytest.mark.parametrize("name", ["vae.safetensors", "vae.ckpt", "diffusion_pytorch_model.bin"])
def test_vae_files(tmp_path, name):
    """One file without a config is taken to be sd-vae-ft-mse: 32 groups, 0.18215."""
    _, vae, _ = nano_networks()
    wide = type(vae)(**{**vae.config, "block_out_channels": (32, 32, 32, 32), "norm_num_groups": 32})
    path = tmp_path / name
    if name.endswith(".safetensors"):
        save_file(wide.state_dict(), path)
    else:
        torch.save({"state_dict": wide.state_dict()}, path)
    loaded = load_vae(tmp_path if name.startswith("diffusion") else path)
    assert_equal(loaded, wide.state_dict())
    assert (loaded.config["scaling_factor"], loaded.config["shift_factor"]) == (0.18215, 0.0)
    assert loaded.config["norm_num_groups"] == 32


def test_untrained_checkpoint_keeps_what_tensors_do_not_say(tmp_path):
    models = load_models(write_untrained(tmp_path / "my nano ü", resolution=96, seed=3), device="cpu")
    assert (models.name, models.resolution) == ("my nano ü", 96)
    assert models.unet.config["num_attention_heads"] == 4 and models.unet.config["norm_num_groups"] == 16
    assert models.whisper.config.encoder_attention_heads == 4
    assert (models.vae.config["scaling_factor"], models.vae.config["norm_num_groups"]) == (0.45, 1)
    assert not models.vae.config["mid_block_add_attention"]


@torch.inference_mode()
def test_untrained_checkpoint_runs(tmp_path):
    models = load_models(write_untrained(tmp_path / "nano"), device="cpu")
    side = models.resolution // 8
    tokens = models.whisper(torch.zeros(1, 80, 3000), output_hidden_states=True).hidden_states
    assert len(tokens) == 3 and tokens[-1].shape == (1, 1500, 64)
    noise = models.unet(torch.zeros(1, 25, 2, side, side), torch.tensor(1), torch.zeros(1, 2, 30, 64)).sample
    assert noise.shape == (1, 8, 2, side, side) and noise.isfinite().all()
    assert models.vae.decode(noise[:, :, 0]).sample.shape == (1, 3, 128, 128)


def test_untrained_weights_follow_the_seed_and_leave_torch_alone(tmp_path):
    before = torch.random.get_rng_state()
    files = [
        write_untrained(tmp_path / str(i), seed=seed) / "latentsync_unet.safetensors"
        for i, seed in enumerate((0, 0, 1))
    ]
    assert torch.equal(before, torch.random.get_rng_state())
    first, again, other = (load_file(file)["conv_in.weight"] for file in files)
    assert torch.equal(first, again) and not torch.equal(first, other)


def test_conversion_to_half_and_back(published, tmp_path):
    folder = convert_checkpoint(find_checkpoint(published), tmp_path / "out" / "small")
    assert sorted(str(p.relative_to(folder)) for p in folder.rglob("*") if p.is_file()) == sorted(
        [
            "latentsync.json",
            "latentsync_unet.safetensors",
            "scheduler/scheduler_config.json",
            "vae/config.json",
            "vae/diffusion_pytorch_model.safetensors",
            "whisper/whisper.safetensors",
        ]
    )
    before, after = load_models(published, device="cpu"), load_models(folder, device="cpu")
    assert after.resolution == 256 and after.scheduler_config == before.scheduler_config
    for name in ("unet", "vae", "whisper"):
        half = {key: value.half().float() for key, value in getattr(before, name).state_dict().items()}
        assert_equal(getattr(after, name), half)
    assert [path.name for path in folder.parent.iterdir()] == ["small"]


def test_conversion_does_not_touch_a_folder_in_use(published, tmp_path):
    with pytest.raises(OutputError, match="exists and is not empty"):
        convert_checkpoint(find_checkpoint(published), published)
    assert load_models(published, device="cpu").name == "LatentSync-1.5"


def test_failed_conversion_leaves_nothing(tmp_path, monkeypatch):
    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(importlib.import_module("latentsync_core.weights.conversion"), "save_file", full)
    with pytest.raises(OutputError, match="No space left"):
        write_untrained(tmp_path / "nano")
    assert list(tmp_path.iterdir()) == []


def test_resolution_order(published, caplog):
    plain = published.rename(published.parent / "checkpoints")
    with pytest.raises(OptionError, match=r"256 for 1\.5, 512 for 1\.6"):
        load_models(plain, device="cpu")
    assert load_models(plain, 512, device="cpu").resolution == 512
    named = plain.rename(plain.parent / "LatentSync-1.6")
    assert load_models(named, device="cpu").resolution == 512
    (named / "latentsync.json").write_text('{"resolution": 64}')
    assert load_models(named, device="cpu").resolution == 64
    with caplog.at_level(logging.WARNING):
        assert load_models(named, 128, device="cpu").resolution == 128
    assert "trained at 64 px and is used at 128 px" in caplog.text


def test_manifest_and_scheduler_of_the_folder(published):
    (published / "latentsync.json").write_text('{"window_frames": 8, "align_resolution": 256}')
    (published / "scheduler").mkdir()
    (published / "scheduler" / "scheduler_config.json").write_text('{"prediction_type": "v_prediction"}')
    models = load_models(published, device="cpu")
    assert (models.window_frames, models.align_resolution, models.resolution) == (8, 256, 256)
    assert models.scheduler_config == {"prediction_type": "v_prediction"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('{"resolutoin": 64}', "takes resolution, .*, got 'resolutoin'"),
        ('{"unet": {"heads": 0}}', "unet_heads takes a whole number above 0, got 0"),
        ('{"note": 5}', "note takes a text, got 5"),
        ('{"resolution": "big"}', "resolution takes a whole number above 0, got 'big'"),
        ("[1]", "takes a JSON object, got list"),
        ("{", "is not JSON"),
    ],
)
def test_bad_manifest(published, text, message):
    (published / "latentsync.json").write_text(text)
    with pytest.raises(WeightsMismatchError, match=message):
        load_models(published, device="cpu")


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        ({"resolution": 100}, "resolution takes a multiple of 8"),
        ({"resolution": 0}, "resolution takes 1..2048 pixels, got 0"),
        ({"window_frames": 25}, r"window_frames takes 1\.\.24"),
    ],
)
def test_sizes_that_do_not_fit(published, overrides, message):
    models = load_models(published, device="cpu")
    with pytest.raises(OptionError, match=message):
        dataclasses.replace(models, **overrides)


def test_networks_that_do_not_belong_together(published):
    models = load_models(published, device="cpu")
    unet, vae, whisper = nano_networks()
    with pytest.raises(
        WeightsMismatchError, match="takes speech tokens 16 wide, but the Whisper file is 64 wide"
    ):
        dataclasses.replace(models, whisper=whisper)
    other = type(vae)(**{**vae.config, "latent_channels": 16})
    with pytest.raises(WeightsMismatchError, match="16 latent channels, so the UNet takes 49 channels"):
        dataclasses.replace(models, vae=other)


def test_whisper_stays_in_float32(published):
    models = load_models(published, device="cpu", dtype="bf16")
    assert models.dtype == models.unet.dtype == models.vae.dtype == torch.bfloat16
    assert models.whisper.dtype == torch.float32


def test_loading_logs_nothing_above_info(published, caplog):
    with caplog.at_level(logging.WARNING):
        load_models(published, device="cpu")
    assert caplog.text == ""


@pytest.mark.parametrize("device", ["cudaa", "cuda:99", "xpu"])
def test_devices_that_are_not_there(published, device):
    with pytest.raises(DeviceError, match=f"The device {device} is unknown or absent"):
        load_models(published, device=device)


def test_precision():
    cpu, cuda = torch.device("cpu"), torch.device("cuda")
    assert (pick_dtype(None, cpu), pick_dtype(None, cuda)) == (torch.float32, torch.float16)
    assert pick_dtype("fp16", cuda) == pick_dtype(torch.float16, cuda) == torch.float16
    with pytest.raises(OptionError, match="float16 does not run well on the CPU"):
        pick_dtype("float16", cpu)
    for wrong in ("int8", torch.int8):
        with pytest.raises(OptionError, match="dtype takes float16, fp16"):
            pick_dtype(wrong, cpu)


def test_memory_that_does_not_suffice(published, monkeypatch):
    def full(*args, **kwargs):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr("latentsync_core.models.bundle.LipSyncModels.to", full)
    with pytest.raises(DeviceError, match="1.5 does not fit into the free memory of cpu"):
        load_models("1.5", device="cpu", folders=[published.parent])


def test_writing_to_a_place_that_cannot_be(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot be written"):
        write_untrained(tmp_path / "file" / "nano")


def test_written_config_is_plain_json(tmp_path):
    folder = write_checkpoint(
        tmp_path / "a", *nano_networks(), Manifest(unet_heads=4, unet_groups=16), {"a": 1}
    )
    assert json.loads((folder / "latentsync.json").read_text()) == {
        "window_frames": 16,
        "unet": {"heads": 4, "groups": 16},
        "whisper": {"heads": 4},
    }
    assert Manifest.read(folder) == Manifest(unet_heads=4, unet_groups=16, whisper_heads=4)
