"""The converted networks against the outputs of the originals, and the files they come from."""

import hashlib
from pathlib import Path

import numpy as np
import pytest
import torch

import latentsync_core.faces
from latentsync_core.errors import DeviceError, WeightsMismatchError, WeightsMissingError
from latentsync_core.faces import FaceFinder
from latentsync_core.faces.graph import Graph

ASSETS = Path(latentsync_core.faces.__file__).parents[1] / "assets" / "faces"
GOLDEN = np.load(Path(__file__).with_name("golden_networks.npz"))


def golden_input():
    """Make the image on which scripts/convert_face_models.py ran the originals."""
    y, x = np.mgrid[0:192, 0:192].astype(np.float32)
    waves = np.stack([np.sin(x / 19 + y / 31), np.cos(x / 23) * np.sin(y / 29), np.cos((x + y) / 37)])
    return torch.from_numpy(waves / 2 + 0.5)[None].float()


@pytest.mark.parametrize("name", ["blazeface_full", "facemesh"])
def test_outputs_are_those_of_the_original(name):
    outputs = Graph(ASSETS / f"{name}.safetensors")(golden_input())
    assert len(outputs) == 2
    for number, output in enumerate(outputs):
        expected = GOLDEN[f"{name}_{number}"]
        assert np.abs(output.numpy().reshape(-1)[::29] - expected).max() < 1e-3


def test_each_image_of_a_batch_is_treated_alone():
    graph = Graph(ASSETS / "facemesh.safetensors")
    images = torch.cat([golden_input(), 1 - golden_input()])
    both = graph(images)[0]
    for number in range(2):
        assert torch.allclose(both[number], graph(images[number : number + 1])[0][0], atol=1e-3)


def test_notice_names_the_files_as_they_are():
    notice = (ASSETS / "NOTICE.md").read_text()
    files = list(ASSETS.glob("*.safetensors"))
    assert len(files) == 2 and sum(file.stat().st_size for file in files) < 2.5e6
    for file in files:
        assert f"{hashlib.sha256(file.read_bytes()).hexdigest()}  {file.name}" in notice


def test_missing_and_damaged_files(tmp_path):
    with pytest.raises(WeightsMissingError, match="install the library again"):
        Graph(tmp_path / "absent.safetensors")
    cut_off = tmp_path / "cut.safetensors"
    cut_off.write_bytes((ASSETS / "facemesh.safetensors").read_bytes()[:1000])
    with pytest.raises(WeightsMismatchError, match="damaged"):
        Graph(cut_off)


@pytest.mark.parametrize("device", ["cuda:99", "toaster"])
def test_unusable_device(device):
    with pytest.raises(DeviceError, match=device):
        FaceFinder(device)
