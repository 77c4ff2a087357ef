"""Files that are not what they should be: each is refused, with what was got and what to do."""

import os
import pickle
import zipfile

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from published_files import published_unet, published_vae, published_whisper
from safetensors.torch import save_file
from support.recipes import golden_json

from latentsync_core.errors import WeightsMismatchError, WeightsMissingError
from latentsync_core.weights import load_unet, load_vae, load_whisper
from latentsync_core.weights.files import read_tensors

LOADERS = {"unet": load_unet, "whisper": load_whisper, "vae": load_vae}


def refused(loader, path):
    with pytest.raises(WeightsMismatchError) as caught:
        loader(path)
    assert str(path) in str(caught.value)
    return str(caught.value)


def saved(tmp_path, tensors, name="weights.pt"):
    torch.save(tensors, tmp_path / name)
    return tmp_path / name


def test_missing_tensor_is_named(tmp_path):
    tensors = published_unet()
    del tensors["mid_block.resnets.0.norm1.weight"]
    message = refused(load_unet, saved(tmp_path, tensors))
    assert "1 tensor missing (mid_block.resnets.0.norm1.weight (32,))" in message


def test_unexpected_tensors_are_named_and_counted(tmp_path):
    tensors = published_unet() | {f"extra.{i}": torch.zeros(2) for i in range(5)}
    message = refused(load_unet, saved(tmp_path, tensors))
    assert "5 tensors unexpected (extra.0 (2,), extra.1 (2,), extra.2 (2,), ...)" in message


def test_misshaped_tensor_is_named_with_both_shapes(tmp_path):
    tensors = published_unet()
    tensors["conv_norm_out.weight"] = torch.zeros(31)
    message = refused(load_unet, saved(tmp_path, tensors))
    assert "1 tensor of another shape (conv_norm_out.weight (31,), expected (32,))" in message


def test_tensor_without_the_dimensions_its_size_is_read_from(tmp_path):
    tensors = published_unet() | {"conv_in.weight": torch.zeros(3)}
    assert "it has no 'conv_in.weight of 2 or more dimensions'" in refused(
        load_unet, saved(tmp_path, tensors)
    )


def test_quantised_tensor(tmp_path):
    tensors = published_unet()
    tensors["conv_in.weight"] = torch.zeros(tensors["conv_in.weight"].shape, dtype=torch.int8)
    assert "conv_in.weight is torch.int8, perhaps quantised" in refused(load_unet, saved(tmp_path, tensors))


def syncnet():
    return {key: torch.zeros(1) for key in golden_json("syncnet_tiny_keys.json")["keys"]}


def sd_checkpoint():
    return {"model.diffusion_model.input_blocks.0.0.weight": torch.zeros(4, 4, 3, 3)}


def sd_unet():
    keep = ("motion_modules", "conv_in.weight")
    tensors = {key: value for key, value in published_unet().items() if not any(part in key for part in keep)}
    return tensors | {"conv_in.weight": torch.zeros(32, 4, 3, 3), "extra": torch.zeros(1)}


@pytest.mark.parametrize(
    ("loader", "content", "guess"),
    [
        ("unet", lambda: {"state_dict": syncnet()}, "a LatentSync SyncNet (stable_syncnet.pt)"),
        ("unet", sd_checkpoint, "a whole Stable Diffusion checkpoint"),
        ("unet", sd_unet, "a diffusion UNet for 4 channels without motion modules"),
        ("unet", published_vae, "a VAE in diffusers naming"),
        ("unet", published_whisper, "a Whisper model 16 wide"),
        ("unet", lambda: {"lora_unet_x.lora_down.weight": torch.zeros(1)}, "a LoRA"),
        (
            "unet",
            lambda: {"a": torch.zeros(1), "b": torch.zeros(1)},
            "something else: its first tensors are a, b",
        ),
        ("unet", dict, "an empty file"),
        ("vae", published_unet, "a diffusion UNet for 13 channels with motion modules"),
        ("vae", published_whisper, "a Whisper model 16 wide"),
        ("whisper", published_unet, "a diffusion UNet for 13 channels with motion modules"),
        ("whisper", published_vae, "a VAE in diffusers naming"),
    ],
)
def test_another_model_is_recognised(tmp_path, loader, content, guess):
    assert f"It looks like {guess}." in refused(LOADERS[loader], saved(tmp_path, content()))


def test_widths_that_do_not_divide_ask_for_the_manifest(tmp_path):
    path = saved(tmp_path, published_unet())
    with pytest.raises(
        WeightsMismatchError, match=r"do not divide into 8 heads and 48 groups.*latentsync\.json"
    ):
        load_unet(path, groups=48)
    without_dims = published_whisper() | {"dims": {}}
    assert "a Whisper 16 wide does not divide into 0 heads" in refused(
        load_whisper, saved(tmp_path, without_dims, "tiny.pt")
    )
    assert "do not divide into 32 groups" in refused(load_vae, saved(tmp_path, published_vae(), "vae.pt"))


def test_only_the_decoder_of_whisper_may_be_left_over(tmp_path):
    content = published_whisper()
    content["model_state_dict"]["encoder.adapter.weight"] = torch.zeros(1)
    assert "1 tensor unexpected (adapter.weight (1,))" in refused(load_whisper, saved(tmp_path, content))


class Malicious:
    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle", "pickle0"])
def test_malicious_pickle_is_not_executed(tmp_path, form):
    trap, path = tmp_path / "executed", tmp_path / "latentsync_unet.pt"
    content = {"state_dict": {"conv_in.weight": Malicious(trap)}}
    if form.startswith("pickle"):
        path.write_bytes(pickle.dumps(content, protocol=0 if form == "pickle0" else 2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    message = refused(load_unet, path)
    assert not trap.exists()
    if form != "pickle0":
        assert "something other than tensors" in message and "nothing in it was executed" in message
    if form == "zip":
        torch.load(path, weights_only=False)
        assert trap.exists(), "the trap itself does not work"


@pytest.mark.parametrize("ending", [".pt", ".safetensors"])
@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "is empty"),
        (b"version https://git-lfs.github.com/spec/v1\noid sha256:0", "is a Git LFS pointer"),
        (b"<!doctype html><html>", "is a web page"),
        (
            b"hello, I am a text file",
            "is truncated, damaged or no weight file: 23 bytes that begin with b'hello",
        ),
        (b"PK\x03\x04" + bytes(100), "is truncated, damaged or no weight file: 104 bytes"),
    ],
)
def test_damaged_file(tmp_path, ending, content, message):
    path = tmp_path / f"latentsync_unet{ending}"
    path.write_bytes(content)
    assert message in refused(load_unet, path)


@pytest.fixture(scope="module")
def whole_files(tmp_path_factory):
    folder = tmp_path_factory.mktemp("whole")
    tensors = {f"t{i}": torch.randn(64, 8) for i in range(4)}
    save_file(tensors, folder / "a.safetensors")
    torch.save(tensors, folder / "a.pt")
    torch.save(tensors, folder / "b.pt", _use_new_zipfile_serialization=False)
    return folder


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_truncated_file(whole_files, tmp_path_factory, data):
    name = data.draw(st.sampled_from(["a.safetensors", "a.pt", "b.pt"]))
    whole, path = (whole_files / name).read_bytes(), tmp_path_factory.mktemp("cut") / name
    path.write_bytes(whole[: data.draw(st.integers(0, len(whole) - 1))])
    refused(read_tensors, path)


def test_zip_that_is_no_weight_file(tmp_path):
    path = tmp_path / "unet.pt"
    with zipfile.ZipFile(path, "w") as file:
        file.writestr("a.txt", "b")
    assert "is truncated, damaged or no weight file" in refused(load_unet, path)


@pytest.mark.parametrize(
    ("content", "message"),
    [([1, 2], "takes a dict of tensors, got list"), ({"state_dict": {"a": 1}}, "got int under 'a'")],
)
def test_file_of_other_things(tmp_path, content, message):
    assert message in refused(load_unet, saved(tmp_path, content))


@pytest.mark.parametrize("loader", LOADERS)
def test_missing_file(tmp_path, loader):
    with pytest.raises(WeightsMissingError, match=r"nothing\.pt"):
        LOADERS[loader](tmp_path / "nothing.pt")


def test_folder_without_a_vae(tmp_path):
    with pytest.raises(
        WeightsMissingError, match="diffusion_pytorch_model.safetensors or diffusion_pytorch_model.bin"
    ):
        load_vae(tmp_path)
