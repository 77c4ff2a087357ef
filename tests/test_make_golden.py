"""The comparison of scripts/make_golden.py; the official code itself is run by hand (tests/golden/README.md)."""

import sys
from pathlib import Path

import numpy as np
import torch

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "scripts"))
import make_golden


def compare(tmp_path, name, made, kept, allowed=2e-5):
    paths = tmp_path / f"made_{name}", tmp_path / f"kept_{name}"
    for path, content in zip(paths, (made, kept), strict=True):
        make_golden.save(path, content)
    return make_golden.compare(*paths, allowed)[0]


def test_last_digits_may_differ_and_no_more(tmp_path):
    kept = torch.linspace(-1, 1, 100)
    assert compare(tmp_path, "a.safetensors", {"x": kept + 1e-5}, {"x": kept})
    assert not compare(tmp_path, "a.safetensors", {"x": kept + 1e-4}, {"x": kept})
    assert not compare(tmp_path, "a.safetensors", {"x": kept * torch.nan}, {"x": kept})


def test_frames_may_differ_by_one_grey_level_in_a_thousandth_of_their_values(tmp_path):
    kept = np.full(2000, 7, np.uint8)
    one, two, many = kept.copy(), kept.copy(), kept + 1
    one[0], two[0] = 8, 9
    assert compare(tmp_path, "a.npz", {"x": one}, {"x": kept})
    assert not compare(tmp_path, "a.npz", {"x": two}, {"x": kept})
    assert not compare(tmp_path, "a.npz", {"x": many.astype(np.uint8)}, {"x": kept})


def test_whole_numbers_names_and_shapes_are_the_same(tmp_path):
    kept = {"runs": {"1": [[1, 2]], "2": [[1, 2], [3, 4]]}, "share": [0.5, 1.0], "check": [True]}
    assert compare(tmp_path, "a.json", kept | {"share": [0.500001, 1.0]}, kept)
    for changed in (
        {"runs": {"1": [[1, 3]], "2": [[1, 2], [3, 4]]}},
        {"runs": {"1": [[1, 2]]}},
        {"share": [0.5]},
        {"check": [False]},
    ):
        assert not compare(tmp_path, "a.json", kept | changed, kept)
