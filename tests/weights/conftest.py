"""A whole checkpoint in the published layout, with the golden weights: small enough to write for every test."""

import importlib
import json

import pytest
import torch
from published_files import published_unet, published_vae, published_whisper
from safetensors.torch import save_file


@pytest.fixture(autouse=True)
def no_folders_of_this_machine(monkeypatch, tmp_path):
    monkeypatch.delenv("LATENTSYNC_MODELS", raising=False)
    module = importlib.import_module(
        "latentsync_core.weights.locate"
    )  # the package's `find_checkpoint` is the function
    monkeypatch.setattr(module, "user_folder", lambda _: tmp_path / "user")
    monkeypatch.setattr(module, "try_to_load_from_cache", lambda repo, path: None)


@pytest.fixture
def published(tmp_path):
    """Folder LatentSync-1.5 as `weights get` leaves it, but 8 to 32 channels wide."""
    home = tmp_path / "models" / "LatentSync-1.5"
    (home / "whisper").mkdir(parents=True)
    (home / "vae").mkdir()
    torch.save({"global_step": 7, "state_dict": published_unet()}, home / "latentsync_unet.pt")
    torch.save(published_whisper(), home / "whisper" / "tiny.pt")
    save_file(published_vae(), home / "vae" / "diffusion_pytorch_model.safetensors")
    (home / "vae" / "config.json").write_text(
        json.dumps({"_class_name": "AutoencoderKL", "norm_num_groups": 8})
    )
    return home
