"""Measure how well a checkpoint's mouths follow held-out speech and a second, harder set of it, by face mesh alone.

It needs no training run: FaceMesh, which has never seen a drawn face, reads how far the mouths open. OUTPUT holds a
JSON a case, so that a run that was stopped goes on, and `harder.json` with all figures.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from latentsync_core import Options, find_face, lip_sync, load_models
from latentsync_core.faces import FaceFinder, measure_openings
from latentsync_core.models.bundle import LipSyncModels

from ..training.cases import FIRST_SEED, Case, make_case
from ..training.evaluate import RESOLUTION, true_matrices
from ..training.harder import FIRST_HARDER_SEED, HARDER_CASES, KINDS, make_harder_case
from ..training.latents import digest
from ..truth import best_lag, correlation, gain

USUAL = "held-out"

Row = dict[str, Any]
"""Of a case: kind, person, figures, and what it was made with."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", type=Path, help="a folder, as latentsync_core/assets/nano")
    parser.add_argument("--cases", type=int, default=20, help="of the held-out set (default: %(default)s)")
    parser.add_argument(
        "--harder", type=int, default=HARDER_CASES, help="cases of the harder set (default: %(default)s)"
    )
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--output", type=Path, default=Path("output/evaluate_harder"))
    args = parser.parse_args()
    models, finder = load_models(args.checkpoint, device="cpu"), FaceFinder()
    made_with = {
        "preset": args.preset,
        "weights": [digest(n) for n in (models.unet, models.vae, models.whisper)],
    }
    args.output.mkdir(parents=True, exist_ok=True)

    def load_or_evaluate(kind: str, person: int, make: Callable[[], Case]) -> Row:
        path = args.output / f"{person}.json"
        if path.exists() and (earlier := json.loads(path.read_text()))["made_with"] == made_with:
            return dict(earlier)
        started, options = time.perf_counter(), Options.preset(args.preset)
        row: Row = {
            "kind": kind,
            "person": person,
            **measure_case(make(), models, options, finder),
            "made_with": made_with,
        }
        path.write_text(json.dumps(row) + "\n")
        print(f"{row} ({time.perf_counter() - started:.0f} s)", flush=True)
        return row

    rows = [
        load_or_evaluate(KINDS[n % len(KINDS)], FIRST_HARDER_SEED + n, partial(make_harder_case, n))
        for n in range(args.harder)
    ]
    rows += [load_or_evaluate(USUAL, FIRST_SEED + n, partial(make_case, n)) for n in range(args.cases)]
    write_rows(rows, made_with, args.output / "harder.json")


def measure_case(case: Case, models: LipSyncModels, options: Options, finder: FaceFinder) -> dict[str, float]:
    """Measure how the mouths of the result follow the true ones, and how those of true frames do."""
    made = list(lip_sync(case.source, case.speech, models, options, find_face(case.source)))
    true = list(case.truth.read(range(len(case.truth.times))))
    matrices = true_matrices(case.source)
    ours, best = (measure_openings(finder, frames, matrices, RESOLUTION) for frames in (made, true))
    opening = case.truth.truth[0].mouth.openness
    figures = {
        "follows": correlation(ours, opening),
        "ceiling": correlation(best, opening),
        "gain": gain(ours, opening) / gain(best, opening),
        "lag": best_lag(ours, opening),
    }
    return {name: round(value, 3) for name, value in figures.items()}


def write_rows(rows: list[Row], made_with: dict[str, Any], path: Path) -> None:
    """Print and write the figures of every kind and of every person."""
    measured = {kind: [row for row in rows if row["kind"] == kind] for kind in (USUAL, *KINDS)}
    kinds = {kind: summarize(found) for kind, found in measured.items() if found}
    people = [{key: value for key, value in row.items() if key != "made_with"} for row in rows]
    path.write_text(json.dumps({"kinds": kinds, "people": people, "made_with": made_with}, indent=1) + "\n")
    for kind, figures in kinds.items():
        print(kind, figures)


def summarize(rows: list[Row]) -> dict[str, float]:
    table = {name: np.array([row[name] for row in rows]) for name in ("follows", "ceiling", "gain", "lag")}
    figures = {
        "follows, mean": table["follows"].mean(),
        "follows, least": table["follows"].min(),
        "the same of true frames, mean": table["ceiling"].mean(),
        "gain of the opening, mean": table["gain"].mean(),
        "lag of at most one frame": (abs(table["lag"]) <= 1).mean(),
    }
    return {"cases": len(rows), **{name: round(float(value), 3) for name, value in figures.items()}}


if __name__ == "__main__":
    main()
