"""What is special about the bundled model: what it says of itself, and half precision in its files."""

import numpy as np
import pytest
import torch

from latentsync_core.diffusion import Denoiser, WindowInput
from latentsync_core.errors import WeightsMismatchError
from latentsync_core.faces import keep_mask
from latentsync_core.options import Options
from latentsync_core.weights import (
    Manifest,
    convert_checkpoint,
    find_checkpoint,
    load_models,
    write_checkpoint,
)
from latentsync_core.weights.catalogue import SCHEDULER_CONFIG
from latentsync_core.weights.locate import NANO_FOLDER
from latentsync_lab.fresh import nano_networks, write_untrained


@pytest.fixture(scope="module")
def networks():
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(3)
        return nano_networks()


def test_a_note_reaches_the_models(tmp_path, networks):
    manifest = Manifest(resolution=128, unet_heads=4, unet_groups=16, note="For drawn people — only.")
    folder = write_checkpoint(tmp_path / "a", *networks, manifest, SCHEDULER_CONFIG)
    assert load_models(folder, device="cpu").note == manifest.note
    assert "noise" in load_models(write_untrained(tmp_path / "b"), device="cpu").note


def test_what_it_is_for_reaches_the_models(tmp_path, networks):
    manifest = Manifest(resolution=128, unet_heads=4, unet_groups=16, faces="drawn")
    folder = write_checkpoint(tmp_path / "a", *networks, manifest, SCHEDULER_CONFIG)
    assert load_models(folder, device="cpu").faces == "drawn"
    assert (
        convert_checkpoint(find_checkpoint(folder), tmp_path / "b").is_dir()
        and Manifest.read(tmp_path / "b").faces == "drawn"
    )
    assert (
        Manifest.read(NANO_FOLDER).faces == "drawn"
        and load_models(write_untrained(tmp_path / "c")).faces is None
    )
    (folder / "latentsync.json").write_text('{"faces": "cats"}')
    with pytest.raises(WeightsMismatchError, match="faces takes drawn .* got 'cats'"):
        Manifest.read(folder)


def test_half_precision_in_the_files_changes_little(tmp_path, networks):
    manifest = Manifest(resolution=128, unet_heads=4, unet_groups=16)
    mouths, sizes = [], []
    for kind in (torch.float16, torch.float32):
        folder = write_checkpoint(tmp_path / str(kind), *networks, manifest, SCHEDULER_CONFIG, kind)
        sizes.append(sum(path.stat().st_size for path in folder.rglob("*.safetensors")))
        models = load_models(folder, device="cpu")
        assert {p.dtype for part in (models.unet, models.vae) for p in part.parameters()} == {torch.float32}
        mouths.append(one_window(models))
    assert sizes[0] < 0.51 * sizes[1]
    difference = np.abs(mouths[0] - mouths[1])
    assert 0 < difference.mean() < 0.01 * mouths[1].std()


def one_window(models):
    rng = np.random.default_rng(4)
    crops = rng.uniform(0, 255, (3, 128, 128, 3)).astype(np.float32)
    tokens = rng.standard_normal((3, 30, 64), dtype=np.float32)
    denoiser = Denoiser(models, keep_mask(128), Options(steps=3))
    return denoiser.decode(denoiser.denoise(WindowInput(crops, tokens)))
