"""Finished windows: found again exactly when they are the same, and never a reason to fail."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from safetensors import SafetensorError
from safetensors.torch import save
from support.runs import FAST, sync
from support.tiny import golden_pipeline_models

from latentsync_core import Options
from latentsync_core.diffusion import WindowStore, fingerprint_networks


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


def test_a_stopped_run_goes_on_where_it_was(models, tmp_path):
    def stop(stage, done, total):
        if (stage, done) == ("resync", 5):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync(models, 30, work=tmp_path, progress=stop)
    kept = {path.name for path in tmp_path.iterdir()}
    assert len(kept) == 2 and all(name.endswith(".safetensors") for name in kept)
    steps = {}
    resumed = sync(
        models,
        30,
        work=tmp_path,
        progress=lambda stage, done, total: steps.setdefault(stage, []).append((done, total)),
    )
    whole = steps["resync"][0][1]
    assert steps["resync"][:5] == [(0, whole), (0, whole - 2), (0, whole - 4), (1, whole - 4), (2, whole - 4)]
    assert all(np.array_equal(a, b) for a, b in zip(resumed, sync(models, 30), strict=True))


def test_finished_windows_are_not_mistaken_for_those_of_another_run(models, tmp_path):
    sync(models, 10, work=tmp_path)
    count = len(list(tmp_path.iterdir()))
    sync(models, 10, work=tmp_path)
    assert len(list(tmp_path.iterdir())) == count
    sync(models, 10, work=tmp_path, options=Options(seed=3, **FAST))
    assert len(list(tmp_path.iterdir())) == 2 * count


def test_any_changed_weight_or_option_makes_windows_anew(models, tmp_path):
    crops, tokens = np.zeros((2, 64, 64, 3), np.float32), np.zeros((2, 50, 16), np.float32)

    def key(models, **options):
        store = WindowStore(tmp_path, fingerprint_networks(models), Options(**options))
        return store.key_of(crops, tokens)

    keys = [
        key(models),
        key(models, reuse=2),
        key(models, steps=3),
        key(models, sampler="ddim"),
        key(models, guided=0.5),
        key(models, seed=1),
    ]
    keys.append(key(replace(models, dtype=torch.bfloat16)))
    for network in (models.unet, models.vae):
        name, weight = list(network.named_parameters())[len(list(network.parameters())) // 2]
        with torch.no_grad():
            weight += 1e-3
            keys.append(key(models))
            weight -= 1e-3
    assert len(set(keys)) == 9
    assert key(models, overlap=8, feather=0.2) == keys[0]


@pytest.mark.parametrize("content", [b"", b"not tensors", save({"other": torch.zeros(3)})])
def test_a_damaged_window_is_made_again(models, tmp_path, content, caplog):
    whole = sync(models, 10, work=tmp_path)
    for path in tmp_path.iterdir():
        path.write_bytes(content)
    again = sync(models, 10, work=tmp_path)
    assert all(np.array_equal(a, b) for a, b in zip(whole, again, strict=True))
    assert "is made again" in caplog.text


def test_a_full_disk_costs_the_store_and_not_the_run(models, tmp_path, monkeypatch, caplog):
    def full(*args):
        raise SafetensorError("Error while serializing: No space left on device")

    monkeypatch.setattr("latentsync_core.kept.save_file", full)
    assert len(sync(models, 10, work=tmp_path)) == 10
    assert caplog.text.count("no longer kept") == 1


def test_windows_are_not_written_through_a_link(models, tmp_path):
    elsewhere, link = tmp_path / "elsewhere", tmp_path / "link"
    elsewhere.mkdir()
    link.symlink_to(elsewhere)
    sync(models, 4, work=link)
    assert list(elsewhere.iterdir()) == []
