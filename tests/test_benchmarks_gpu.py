"""What `dev.py gpu` checks and measures, run on the CPU with small networks."""

import json
import time

import numpy as np
import pytest
import torch

from benchmarks.gpu import __main__ as command
from benchmarks.gpu import checks, measure
from benchmarks.gpu.session import Session

CPU = torch.device("cpu")


@pytest.fixture
def quick(monkeypatch):
    """Each thing is timed once, and the small network is compiled by the tests of models alone."""
    monkeypatch.setattr(Session, "time_median", Session.time_once)
    monkeypatch.setattr(checks, "CompiledUNet", lambda unet, *_, **__: unet)
    monkeypatch.setattr(measure, "CompiledUNet", lambda unet, *_, **__: unet)


@pytest.mark.usefixtures("quick")
def test_all_parts_run_and_the_checks_pass(tmp_path, capsys):
    path = tmp_path / "gpu.json"
    assert command.main(["--device", "cpu", "--tiny", "--minutes", "60", "--output", str(path)]) == 0
    found = json.loads(path.read_text())
    parts = found["parts"]
    assert list(parts) == ["checks", "presets", "several windows at once", "whole run", "compiled step"]
    assert [row["check"] for row in parts["checks"]] == [
        "fp32, one by one", "fp32, 4 at once", "bf16, one by one", "bf16, 4 at once", "short memory",
        "compiled step, of its deviation",
    ]  # fmt: skip
    assert all(row["passed"] for row in parts["checks"]) and found["skipped"] == []
    assert [row["preset"] for row in parts["presets"]] == list(measure.PRESETS)
    assert parts["several windows at once"][-1] == {"at once": "auto takes 1"}
    assert parts["whole run"][0]["seconds a second"] > 0
    assert "| check | got | accepted | passed |" in capsys.readouterr().out


def test_what_does_not_fit_the_time_is_said():
    session = Session(CPU, True, ends=time.monotonic() + 5)
    assert session.has_time("this", 1) and not session.has_time("that", 1000)
    (sentence,) = session.skipped
    assert sentence.startswith("that: skipped, as ") and sentence.endswith("it may take 1000 s.")


@pytest.mark.usefixtures("quick")
def test_a_difference_that_is_too_large_fails(tmp_path, monkeypatch):
    made = np.full((1, 2, 3), 2.0)
    assert checks.compare("a", made, made + 0.1, "fp16")["passed"]
    assert not checks.compare("a", made, made + 0.6, "fp16")["passed"]
    monkeypatch.setattr(
        command, "list_parts", lambda session: [("checks", [{"check": "a", "passed": False}])]
    )
    assert command.main(["--device", "cpu", "--output", str(tmp_path / "gpu.json")]) == 1


def test_without_a_gpu_it_says_what_to_do(capsys, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert command.main([]) == 2
    assert "finds no CUDA device. Run dev.py with a Python that" in capsys.readouterr().err
