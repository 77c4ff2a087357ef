"""An evaluated run becomes the shipped model and its report."""

import hashlib
import json
import shutil
import sys

import cv2
import numpy as np
import pytest

from latentsync_lab.scripts import ship_nano

WEIGHTS = "latentsync_unet.safetensors"
MEASURED = {
    "made_with": {"options": {"preset": "draft"}},
    "figures": [{"name": "mean correlation", "value": 0.9, "wanted": ">= 0.75", "met": True}],
    "people": [{"person": 60000, "new": 0.9}],
}


@pytest.fixture
def run(tmp_path):
    """A run of one stage, `unet`, with a checkpoint that is only a name."""
    run = tmp_path / "run"
    for folder in ("checkpoint", "judge"):
        (run / folder).mkdir(parents=True)
    (run / "checkpoint" / WEIGHTS).write_bytes(b"new weights")
    curve = {"steps": 40, "losses": {"noise": [1.0, 0.5]}, "scores": [{"step": 40, "gain": 0.3}]}
    (run / "unet.json").write_text(json.dumps(curve))
    (run / "judge" / "measured.json").write_text(json.dumps(MEASURED))
    cv2.imwrite(str(run / "judge" / "sheet.jpg"), np.zeros((8, 8, 3), np.uint8))
    (run / "notes.md").write_text("Took an hour.")
    return run


@pytest.fixture
def ship(run, tmp_path, monkeypatch):
    """ship() -> the folder of the model and that of the report."""
    pytest.importorskip("matplotlib")
    monkeypatch.setattr(ship_nano, "measure_rounding", lambda run: {"mean": 0.01, "most": 1})
    folder, report = tmp_path / "nano", tmp_path / "report"
    command = ["ship_nano", run, "--notes", run / "notes.md", "--folder", folder, "--report", report]
    monkeypatch.setattr(sys, "argv", list(map(str, command)))

    def ship():
        ship_nano.main()
        return folder, report

    return ship


def test_weights_and_report_lie_apart(ship):
    folder, report = ship()
    assert [path.name for path in folder.iterdir()] == [WEIGHTS]
    assert {path.name for path in report.iterdir()} == {"README.md", "measured.json", "sheet.jpg", "unet.jpg"}
    text = (report / "README.md").read_text(encoding="utf-8")
    assert hashlib.sha256(b"new weights").hexdigest() in text
    assert "| unet | 40 | gain 0.300 |" in text
    assert "Took an hour." in text


def test_a_run_that_began_with_the_shipped_model_goes_on_with_its_history(ship, run):
    folder, report = ship()
    first_curve = (report / "unet.jpg").read_bytes()
    (run / "start").mkdir()
    shutil.copy(folder / WEIGHTS, run / "start")
    (run / "checkpoint" / WEIGHTS).write_bytes(b"better weights")
    (run / "unet.json").write_text(
        json.dumps({"steps": 7, "losses": {"noise": [0.4]}, "scores": [{"step": 7, "gain": 0.8}]})
    )
    ship()
    stages = json.loads((report / "measured.json").read_text())["training"]
    assert {name: stage["steps"] for name, stage in stages.items()} == {"unet-1": 40, "unet": 7}
    assert (report / "unet-1.jpg").read_bytes() == first_curve != (report / "unet.jpg").read_bytes()


def test_a_run_from_nothing_has_no_history(ship, run):
    ship()
    (run / "start").mkdir()
    (run / "start" / WEIGHTS).write_bytes(b"another model")
    _, report = ship()
    assert list(json.loads((report / "measured.json").read_text())["training"]) == ["unet"]
