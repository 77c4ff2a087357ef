"""Ablations on the tiny run, with an evaluation that only counts."""

import argparse
import json

import pytest
import torch
from tiny_training import TINY

from latentsync_lab.scripts import ablate

MEAN = dict.fromkeys(ablate.MEASURES, 0.5)


@pytest.fixture
def args(tmp_path, monkeypatch):
    monkeypatch.setattr(ablate, "NANO", TINY)
    monkeypatch.setattr(ablate, "VARIANTS", {"stage 1 alone": None, "no TREPA": {"temporal": 0.0}})
    monkeypatch.setattr(ablate, "SWEEPS", {"guidance": {v: {"guidance": v} for v in (1.0, 2.0)}})
    return argparse.Namespace(
        run=tmp_path / "run", out=tmp_path, steps=1, seeds=[0], people=2, preset="draft"
    )


@pytest.mark.slow
def test_losses_start_from_one_stage_1_and_finished_cells_are_kept(args, finished):
    args.run, evaluated = finished, []

    def examine(checkpoint, options):
        evaluated.append(checkpoint.parent.name)
        return {"mean": MEAN, "cases": []}

    ablate.ablate_losses(args, examine)
    ablate.ablate_losses(args, examine)
    assert evaluated == ["stage-1-alone-0", "no-TREPA-0"], "a finished cell was evaluated again"
    cell = args.out / "losses" / "no-TREPA-0"
    assert json.loads(cell.with_suffix(".json").read_text())["mean"] == MEAN
    state = torch.load(cell / "pixels.pt", weights_only=True)
    assert state["step"] == 1 and set(state["losses"]) == {"noise", "image", "sync"}
    assert not (args.out / "losses" / "stage-1-alone-0" / "pixels.pt").exists()
    assert torch.load(finished / "pixels.pt", weights_only=True)["step"] == 2, "the run itself was changed"
    assert (args.out / "losses.png").exists()


def test_inference_sweeps_options(args):
    seen = []

    def examine(checkpoint, options):
        seen.append(options.guidance)
        return {"mean": MEAN, "cases": []}

    ablate.ablate_inference(args, examine)
    assert seen == [1.0, 2.0] and (args.out / "inference.png").exists()
