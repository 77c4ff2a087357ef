"""Files in the places where users and earlier packs have them."""

import importlib
import json
import os
import shutil
import sys
from pathlib import Path

import pytest

from latentsync_core.errors import WeightsMissingError
from latentsync_core.weights import (
    best_checkpoint,
    default_folders,
    find_checkpoint,
    folders_of_other_packs,
    list_checkpoints,
    load_models,
)
from latentsync_core.weights.catalogue import RELEASES
from latentsync_lab.fresh import write_untrained

module = importlib.import_module("latentsync_core.weights.locate")


def put(path, size=0):
    """A file of any length that takes no space."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("wb") as file:
        file.truncate(size)
    return path


def put_all(home, size=0):
    put(home / "latentsync_unet.pt", size)
    put(home / "whisper" / "tiny.pt")
    put(home / "vae" / "config.json")
    put(home / "vae" / "diffusion_pytorch_model.safetensors")
    return home


@pytest.mark.parametrize(
    "name", ["1.6", "LatentSync-1.6", "latentsync_v1.6", "LatentSync16", "latentsync-1_6-fp16"]
)
def test_release_is_known_by_its_folder(tmp_path, name):
    put_all(tmp_path / "1.5")
    home = put_all(tmp_path / name)
    found = find_checkpoint("1.6", [tmp_path])
    assert (found.name, found.resolution, found.unet) == ("1.6", 512, home / "latentsync_unet.pt")
    assert (found.whisper, found.vae) == (home / "whisper" / "tiny.pt", home / "vae")
    assert find_checkpoint("1.6", [home]).unet == found.unet
    assert find_checkpoint(home).resolution == 512


def test_a_release_may_have_two_digits_after_the_point(tmp_path, monkeypatch):
    monkeypatch.setitem(RELEASES, "1.10", RELEASES["1.6"])
    home = put_all(tmp_path / "LatentSync-1.10")
    assert find_checkpoint("1.10", [tmp_path]).unet == home / "latentsync_unet.pt"


def test_a_folder_is_no_weight_file(tmp_path):
    home = put_all(tmp_path / "LatentSync-1.6")
    (home / "latentsync_unet.pt").unlink()
    (home / "latentsync_unet.pt").mkdir()
    with pytest.raises(WeightsMissingError, match="lacks latentsync_unet.pt"):
        find_checkpoint("1.6", [tmp_path])


@pytest.mark.parametrize("name", ["checkpoints", "11.6", "1.60", "torch2.1.6"])
def test_other_folders_are_not_taken_for_a_release(tmp_path, name):
    home = put_all(tmp_path / name)
    with pytest.raises(WeightsMissingError):
        find_checkpoint("1.6", [tmp_path])
    assert find_checkpoint(home).resolution is None


@pytest.mark.parametrize("name", RELEASES)
def test_published_file_is_known_by_its_length_whatever_its_folder(tmp_path, name):
    """Earlier packs keep either version in a folder called `checkpoints`."""
    home = put_all(tmp_path / "checkpoints", RELEASES[name].unet.size)
    assert (
        find_checkpoint(home).resolution
        == find_checkpoint(name, [tmp_path]).resolution
        == RELEASES[name].resolution
    )
    other = {"1.5": "1.6", "1.6": "1.5"}[name]
    misnamed = home.rename(tmp_path / f"LatentSync-{other}")
    assert find_checkpoint(misnamed).resolution == RELEASES[name].resolution
    with pytest.raises(WeightsMissingError):
        find_checkpoint(other, [tmp_path])


def test_folders_are_searched_in_order(tmp_path, monkeypatch):
    first, second, user = (put_all(tmp_path / name / "1.6") for name in ("a", "b", "user"))
    monkeypatch.setenv("LATENTSYNC_MODELS", os.pathsep.join(["", str(tmp_path / "b")]))
    assert find_checkpoint("1.6", [tmp_path / "a"]).unet.parent == first
    assert find_checkpoint("1.6").unet.parent == second
    monkeypatch.delenv("LATENTSYNC_MODELS")
    assert find_checkpoint("1.6").unet.parent == user


def test_converted_file_comes_before_the_published_one(tmp_path):
    home = put_all(tmp_path / "1.6")
    converted = put(home / "latentsync_unet.safetensors")
    whisper = put(home / "whisper" / "whisper.safetensors")
    assert (find_checkpoint(home).unet, find_checkpoint(home).whisper) == (converted, whisper)


@pytest.mark.parametrize(
    "place",
    [
        "sd-vae-ft-mse/diffusion_pytorch_model.safetensors",
        "vae/sd-vae-ft-mse/diffusion_pytorch_model.bin",
        "stabilityai/sd-vae-ft-mse/diffusion_pytorch_model.safetensors",
        "vae/vae-ft-mse-840000-ema-pruned.safetensors",
        "vae-ft-mse-840000-ema-pruned.ckpt",
        "LatentSync-1.5/vae/diffusion_pytorch_model.safetensors",
    ],
)
@pytest.mark.parametrize("where", ["beside", "shared"])
def test_vae_in_shared_places(tmp_path, place, where):
    models = tmp_path / "models"
    home = models / "LatentSync-1.6"
    put(home / "latentsync_unet.pt")
    put(home / "whisper" / "tiny.pt")
    shared = models if where == "beside" else tmp_path / "other"
    if "1.5" in place:
        put(shared / "LatentSync-1.5" / "latentsync_unet.pt")
    path = put(shared / place)
    found = find_checkpoint(home, [shared]).vae
    assert found == (path.parent if path.name.startswith("diffusion") else path)


def test_a_foreign_vae_is_not_taken(tmp_path):
    """Any VAE with four latent channels would load, and be wrong: only the named one is taken from shared folders."""
    put(tmp_path / "1.6" / "latentsync_unet.pt")
    put(tmp_path / "1.6" / "whisper" / "tiny.pt")
    put(tmp_path / "vae" / "diffusion_pytorch_model.safetensors")
    put(tmp_path / "sdxl" / "vae" / "diffusion_pytorch_model.safetensors")
    with pytest.raises(WeightsMissingError, match="lacks vae/diffusion_pytorch_model.safetensors"):
        find_checkpoint("1.6", [tmp_path])


def test_whisper_in_shared_places(tmp_path):
    home = tmp_path / "models" / "LatentSync-1.6"
    put(home / "latentsync_unet.pt")
    put(home / "vae" / "diffusion_pytorch_model.safetensors")
    other = put_all(tmp_path / "models" / "LatentSync-1.5")
    assert find_checkpoint(home).whisper == other / "whisper" / "tiny.pt"
    beside = put(tmp_path / "models" / "whisper" / "tiny.pt")
    assert find_checkpoint(home).whisper == beside
    own = put(home / "whisper" / "small.pt")
    assert find_checkpoint(home).whisper == own


def test_hub_cache_is_used(tmp_path, monkeypatch):
    files = {
        ("ByteDance/LatentSync-1.6", "latentsync_unet.pt"): put(tmp_path / "s" / "latentsync_unet.pt", 5),
        ("ByteDance/LatentSync-1.5", "whisper/tiny.pt"): put(tmp_path / "t" / "whisper" / "tiny.pt"),
        ("stabilityai/sd-vae-ft-mse", "diffusion_pytorch_model.safetensors"): put(
            tmp_path / "v" / "diffusion_pytorch_model.safetensors"
        ),
    }
    cached = {key: str(path) for key, path in files.items()}
    monkeypatch.setattr(
        module, "try_to_load_from_cache", lambda repo, path: cached.get((repo, path), object())
    )
    found = find_checkpoint("1.6")
    assert (found.unet, found.whisper, found.vae.name) == (*list(files.values())[:2], "v")
    assert found.resolution == 512


def test_missing_release_says_what_where_and_how(tmp_path):
    with pytest.raises(WeightsMissingError) as caught:
        find_checkpoint("1.6", [tmp_path / "models"])
    message = str(caught.value)
    assert (
        "1.6 lacks latentsync_unet.pt, whisper/tiny.pt, vae/diffusion_pytorch_model.safetensors." in message
    )
    assert f"Looked in {tmp_path / 'models'}, {tmp_path / 'user'}." in message
    assert "python -m latentsync_core weights get 1.6" in message
    assert f"put the files into {tmp_path / 'models' / 'LatentSync-1.6'}" in message
    assert "https://huggingface.co/ByteDance/LatentSync-1.6" in message


def test_half_a_checkpoint_names_only_the_rest(tmp_path):
    put(tmp_path / "1.5" / "latentsync_unet.pt")
    put(tmp_path / "1.5" / "whisper" / "tiny.pt")
    with pytest.raises(
        WeightsMissingError, match=r"1\.5 lacks vae/diffusion_pytorch_model\.safetensors\. Looked in"
    ):
        find_checkpoint("1.5", [tmp_path])


def test_what_is_no_checkpoint_at_all(tmp_path):
    with pytest.raises(
        WeightsMissingError, match=r"1\.7 is no checkpoint: give nano, 1\.5, 1\.6, or a folder"
    ):
        find_checkpoint("1.7", [tmp_path])
    with pytest.raises(WeightsMissingError, match="lacks latentsync_unet.pt"):
        find_checkpoint(tmp_path)


def test_bundled_model(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "NANO_FOLDER", tmp_path / "nano")
    with pytest.raises(WeightsMissingError, match="This build has no bundled model yet"):
        find_checkpoint("nano")
    write_untrained(tmp_path / "nano")
    models = load_models("nano", device="cpu")
    assert (models.name, models.resolution) == ("nano", 128)


def test_bundled_model_takes_nothing_from_other_folders(tmp_path, monkeypatch):
    monkeypatch.setattr(module, "NANO_FOLDER", tmp_path / "nano")
    shutil.rmtree(write_untrained(tmp_path / "nano") / "vae")
    put_all(tmp_path / "1.6")
    with pytest.raises(WeightsMissingError, match="nano lacks vae"):
        find_checkpoint("nano", [tmp_path])


@pytest.mark.parametrize(
    ("platform", "variable", "expected"),
    [
        ("linux", "XDG_DATA_HOME", "base/latentsync"),
        ("win32", "LOCALAPPDATA", "base/latentsync"),
        ("linux", None, "home/.local/share/latentsync"),
        ("darwin", None, "home/Library/Application Support/latentsync"),
        ("win32", None, "home/AppData/Local/latentsync"),
    ],
)
def test_user_folder(tmp_path, monkeypatch, platform, variable, expected):
    monkeypatch.undo()
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(Path, "home", lambda: tmp_path / "home")
    for name in ("XDG_DATA_HOME", "LOCALAPPDATA", "LATENTSYNC_MODELS"):
        monkeypatch.delenv(name, raising=False)
    if variable:
        monkeypatch.setenv(variable, str(tmp_path / "base"))
    assert default_folders() == [tmp_path / expected]


def test_report(tmp_path):
    put_all(tmp_path / "LatentSync-1.6", 1000)
    put(tmp_path / "1.5" / "latentsync_unet.pt", 10)
    own = write_untrained(tmp_path / "mine")
    rows = {row.source: row for row in list_checkpoints([tmp_path])}
    assert list(rows) == ["nano", "1.5", "1.6", str(own)]
    assert rows["1.6"].complete and rows["1.6"].size == 1000
    assert rows["1.5"].folder == tmp_path / "1.5"
    assert rows[str(own)].complete and 9_000_000 < rows[str(own)].size < 10_000_000


def test_report_names_what_is_missing(tmp_path):
    rows = {row.source: row for row in list_checkpoints([tmp_path])}
    assert rows["1.6"].missing[0] == "latentsync_unet.pt" and rows["1.6"].folder is None


def test_the_best_for_people(tmp_path):
    """Never the bundled one or another for drawn faces, and never an incomplete one."""
    with pytest.raises(WeightsMissingError, match=r"weights get 1\.6`, or .* `--model nano`"):
        best_checkpoint([tmp_path])
    drawn = write_untrained(tmp_path / "a drawn one")
    manifest = json.loads((drawn / "latentsync.json").read_text())
    (drawn / "latentsync.json").write_text(json.dumps(manifest | {"faces": "drawn"}))
    put(tmp_path / "LatentSync-1.6" / "latentsync_unet.pt", 10)
    with pytest.raises(WeightsMissingError):
        best_checkpoint([tmp_path])
    own = write_untrained(tmp_path / "own")
    assert best_checkpoint([tmp_path]) == str(own)
    shutil.rmtree(tmp_path / "LatentSync-1.6")
    put_all(tmp_path / "LatentSync-1.5", 1000)
    assert best_checkpoint([tmp_path]) == "1.5"
    put_all(tmp_path / "LatentSync-1.6", 1000)
    assert best_checkpoint([tmp_path]) == "1.6"


def test_a_broken_manifest_hides_no_other_checkpoint(tmp_path):
    own = write_untrained(tmp_path / "own")
    (write_untrained(tmp_path / "broken") / "latentsync.json").write_text("{")
    assert {str(own), str(tmp_path / "broken")} <= {row.source for row in list_checkpoints([tmp_path])}


def test_the_files_of_another_pack_are_known_by_their_length(tmp_path):
    pack = tmp_path / "custom_nodes" / "ComfyUI-LatentSyncWrapper"
    home = put_all(pack / "checkpoints", RELEASES["1.6"].unet.size)
    folders = folders_of_other_packs([tmp_path / "models"], [tmp_path / "custom_nodes"])
    assert folders == [home] and find_checkpoint("1.6", folders).unet == home / "latentsync_unet.pt"


def test_a_library_among_the_nodes_of_a_comfyui_looks_into_its_folders(tmp_path, monkeypatch):
    elsewhere = importlib.import_module("latentsync_core.weights.elsewhere")
    own = tmp_path / "custom_nodes" / "latentsync-native" / "latentsync_core" / "weights" / "elsewhere.py"
    home = put_all(tmp_path / "models" / "checkpoints" / "LatentSync-1.6")
    assert home.parent not in default_folders()
    monkeypatch.setattr(elsewhere, "__file__", str(own))
    assert find_checkpoint("1.6").unet == home / "latentsync_unet.pt"
    assert default_folders()[1:] == [tmp_path / "models" / "latentsync", tmp_path / "models", home.parent]
