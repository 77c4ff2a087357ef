"""Files made to harm, and configs of other types: one clear error each, in little memory."""

import json
import math
import pickle
import shutil
import struct
import zipfile

import pytest
import torch
from diffusers import DDIMScheduler
from published_files import published_unet, published_whisper
from test_weights_refusals import refused, saved

from latentsync_core.errors import WeightsMismatchError
from latentsync_core.weights import Manifest, load_unet, load_vae, load_whisper
from latentsync_core.weights.catalogue import SCHEDULER_CONFIG
from latentsync_core.weights.files import read_tensors
from latentsync_core.weights.manifest import read_json
from latentsync_core.weights.scheduler import read_scheduler
from latentsync_lab.fresh import write_untrained


class Call:
    """Pickles as a call of something."""

    def __init__(self, function, *arguments):
        self.call = function, arguments

    def __reduce__(self):
        return self.call


BOMBS = {
    "bytearray": Call(bytearray, 20 << 30),
    "legacy tensor": Call(torch.FloatTensor, 20 << 30),
    "bytes": Call(bytes, 20 << 30),
    "range": Call(list, Call(range, 1 << 40)),
    "sparse": lambda: torch.sparse_coo_tensor([[0], [0]], [1.0], (1 << 30, 1 << 30)),
    "meta": lambda: torch.empty(1 << 40, device="meta"),
    "quantised": lambda: torch.quantize_per_tensor(torch.ones(3), 0.1, 0, torch.qint8),
}


@pytest.mark.parametrize("form", ["zip", "legacy", "pickle"])
@pytest.mark.parametrize("name", BOMBS)
def test_a_pickle_that_makes_more_than_tensors(tmp_path, name, form):
    bomb = BOMBS[name]() if callable(BOMBS[name]) else BOMBS[name]
    content = {"state_dict": {"a": torch.ones(1) if form != "pickle" else 1}, "more": bomb}
    path = tmp_path / "latentsync_unet.pt"
    if form == "pickle":
        path.write_bytes(pickle.dumps(content, protocol=2))
    else:
        torch.save(content, path, _use_new_zipfile_serialization=form == "zip")
    assert "something other than tensors" in refused(load_unet, path)


@pytest.mark.parametrize(
    "tensor",
    [
        torch.zeros(1).expand(1 << 20, 1 << 20),
        torch.zeros(16).as_strided((8, 8), (1, 1)),
        torch.zeros(0, 1 << 40),
        torch.zeros(0),
    ],
)
def test_a_tensor_that_is_not_in_the_file(tmp_path, tensor):
    for content, loader in ((published_unet(), load_unet), (published_whisper(), load_whisper)):
        (content.get("model_state_dict") or content)["encoder.conv1.weight"] = tensor
        assert "'encoder.conv1.weight' " in refused(loader, saved(tmp_path, content))


def test_many_tensors_of_the_same_bytes(tmp_path):
    shared = torch.zeros(1 << 16)
    assert "as tensors of" in refused(read_tensors, saved(tmp_path, {str(i): shared for i in range(100)}))
    twice = read_tensors(saved(tmp_path, {"a": shared, "b": shared}))[0]
    assert set(twice) == {"a", "b"}


def test_turned_tensors_are_fine(tmp_path):
    tensors = published_unet()
    name = next(key for key, value in tensors.items() if value.ndim == 2)
    tensors[name] = tensors[name].t().contiguous().t()
    assert not tensors[name].is_contiguous()
    load_unet(saved(tmp_path, tensors))


def test_a_compressed_file_is_not_unpacked(tmp_path):
    torch.save({"a": torch.zeros(1 << 22)}, tmp_path / "plain.pt")
    with zipfile.ZipFile(tmp_path / "plain.pt") as plain:
        with zipfile.ZipFile(tmp_path / "unet.pt", "w", zipfile.ZIP_DEFLATED) as packed:
            for entry in plain.infolist():
                packed.writestr(entry.filename, plain.read(entry))
    assert (tmp_path / "unet.pt").stat().st_size < 1 << 17
    assert "unpacks to" in refused(load_unet, tmp_path / "unet.pt")


def safetensors_file(path, entries, content=b""):
    header = json.dumps(entries).encode()
    path.write_bytes(struct.pack("<Q", len(header)) + header + content)
    return path


@pytest.mark.parametrize(
    "entry",
    [
        {"dtype": "F4", "shape": [2], "data_offsets": [0, 1]},
        {"dtype": "F32", "shape": [1 << 40, 1 << 40], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [0, 1 << 60], "data_offsets": [0, 0]},
        {"dtype": "F32", "shape": [-1], "data_offsets": [0, 4]},
        {"dtype": "I8", "shape": [4], "data_offsets": [0, 4]},
        {"dtype": "F99", "shape": [1], "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": "many", "data_offsets": [0, 4]},
        {"dtype": "F32", "shape": [1], "data_offsets": [0, 1 << 60]},
        [1, 2],
    ],
)
def test_headers_of_safetensors_that_lie(tmp_path, entry):
    path = safetensors_file(tmp_path / "a.safetensors", {"encoder.conv1.weight": entry}, b"\x01\x02\x03\x04")
    for loader in (load_unet, load_whisper, load_vae):
        refused(loader, path)


def test_headers_that_are_deep_or_endless(tmp_path):
    deep = b'{"a":' * 100_000
    for length, content in ((len(deep), deep), (1 << 60, b"{}")):
        (tmp_path / "a.safetensors").write_bytes(struct.pack("<Q", length) + content)
        refused(load_unet, tmp_path / "a.safetensors")


@pytest.mark.parametrize("kind", [torch.int8, torch.bool, torch.complex64, torch.int64])
@pytest.mark.parametrize("loader, content", [(load_whisper, published_whisper), (load_unet, published_unet)])
def test_tensors_that_are_no_floats(tmp_path, kind, loader, content):
    made = content()
    tensors = made.get("model_state_dict", made)
    name = next(key for key, value in tensors.items() if value.ndim == 1 and not key.startswith("decoder"))
    tensors[name] = torch.zeros(tensors[name].shape, dtype=kind)
    assert "where floats are taken" in refused(loader, saved(tmp_path, made))


@pytest.mark.parametrize("dims", [[1], "n_audio_head", {"n_audio_head": "many"}, {"n_audio_head": [1]}, {"n_audio_head": -3}, {"n_audio_head": float("nan")}])  # fmt: skip
def test_heads_that_are_none_are_not_believed(tmp_path, dims):
    assert "0 heads" in refused(load_whisper, saved(tmp_path, published_whisper() | {"dims": dims}))


def test_deep_json(tmp_path):
    path = tmp_path / "latentsync.json"
    for text in (
        "[" * 100_000,
        '{"a":' * 100_000 + "1" + "}" * 100_000,
        "[]",
        "1",
        "null",
        '"a"',
        "\x00",
        "",
    ):
        path.write_text(text)
        refused(read_json, path)
    path.write_bytes(b"\xff\xfe\x00")
    refused(read_json, path)


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory):
    folder = tmp_path_factory.mktemp("models") / "checkpoint"
    write_untrained(folder, resolution=64)
    return folder


ODD = ["2", "", None, True, False, -1, 0, 0.5, 1e400, float("nan"), 10**30, [], [1], {}, {"a": 1}, "nan"]


def taken(read, file, key):
    """What is read of a JSON file for each of the odd values that is not refused with the file's name."""
    content = json.loads(file.read_text())
    for value in ODD:
        file.write_text(json.dumps(content | {key: value}))
        try:
            yield read(file)
        except WeightsMismatchError as exc:
            assert str(file.parent) in str(exc)


@pytest.mark.parametrize(
    "key", ["resolution", "window_frames", "align_resolution", "unet", "whisper", "note", "other"]
)
def test_a_manifest_of_odd_values(tmp_path, key):
    (tmp_path / "latentsync.json").write_text("{}")
    for manifest in taken(lambda file: Manifest.read(file.parent), tmp_path / "latentsync.json", key):
        assert type(manifest.window_frames) is int and manifest.resolution in (None, 10**30)


@pytest.mark.parametrize("key", ["norm_num_groups", "scaling_factor", "shift_factor"])
def test_a_vae_config_of_odd_values(checkpoint, tmp_path, key):
    folder = shutil.copytree(checkpoint / "vae", tmp_path / "vae")
    for vae in taken(lambda file: load_vae(file.parent), folder / "config.json", key):
        assert 0 < vae.config.scaling_factor < math.inf and math.isfinite(vae.config.shift_factor)


@pytest.mark.parametrize("key", sorted(SCHEDULER_CONFIG))
def test_a_scheduler_of_odd_values(tmp_path, key):
    (tmp_path / "scheduler_config.json").write_text("{}")
    latents = torch.zeros(1, 1, 1, 1, 1)
    for config in taken(read_scheduler, tmp_path / "scheduler_config.json", key):
        scheduler = DDIMScheduler.from_config(config)
        scheduler.set_timesteps(1)
        assert scheduler.step(latents, scheduler.timesteps[0], latents).prev_sample.isfinite()


@pytest.mark.parametrize(
    "wrong",
    [
        {"num_train_timesteps": "1000"},
        {"num_train_timesteps": 10**12},
        {"num_train_timesteps": True},
        {"beta_start": "0.1"},
        {"beta_start": float("nan")},
        {"beta_end": 7.0},
        {"trained_betas": "all"},
        {"trained_betas": [0.1]},
        {"clip_sample": "no"},
        {"beta_schedule": "steep"},
        {"timestep_spacing": "wide"},
        {"prediction_type": "v"},
        {"steps_offset": 0.5},
    ],
)
def test_a_scheduler_that_cannot_be(tmp_path, wrong):
    path = tmp_path / "scheduler_config.json"
    path.write_text(json.dumps(wrong))
    refused(read_scheduler, path)


def test_the_published_scheduler_is_taken(checkpoint):
    assert read_scheduler(checkpoint / "scheduler" / "scheduler_config.json")["num_train_timesteps"] == 1000
