"""Measure a checkpoint made by `train nano` on held-out synthetic people; a run that was stopped goes on.

Writes into the output folder: a JSON and a strip for each case, `measured.json` with all figures beside what they
should be, and `sheet.jpg`, which shows source, result and truth of every case.
"""

from __future__ import annotations

import argparse
import json
import logging
import time
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import torch

from latentsync_core import Options, load_models
from latentsync_core.data import Array
from latentsync_core.faces import FaceFinder
from latentsync_core.models.bundle import LipSyncModels

from ..images import read_image, save_jpeg, telling_moments
from ..training.cases import FIRST_SEED, Case, make_case, perform
from ..training.evaluate import Curves, Evaluators, evaluate
from ..training.latents import digest
from ..training.mouth_regressor import MouthRegressor
from ..training.recipes import NANO
from ..training.stages import RunDirectory
from ..truth import correlation

Table = dict[str, npt.NDArray[np.float64]]
"""What was measured on every case, by name."""
Target = tuple[str, Callable[[Table], float], str, float | None]
Measured = dict[str, Any]

COLUMNS, TILE = 8, 96
SHEET_BYTES = 500_000

TARGETS: tuple[Target, ...] = (
    ("mean correlation with the new mouth", lambda t: t["new"].mean(), ">=", 0.75),
    ("least correlation with the new mouth", lambda t: t["new"].min(), ">=", 0.4),
    ("the same by face mesh, mean", lambda t: t["mesh_new"].mean(), "", None),
    ("the same by face mesh, least", lambda t: t["mesh_new"].min(), "", None),
    ("face mesh on true frames, mean", lambda t: t["mesh_ceiling"].mean(), "", None),
    (
        "with the old mouth, above what both have in common, mean",
        lambda t: (t["old"] - t["common"]).mean(),
        "<=",
        0.2,
    ),
    (
        "with the old mouth, above what both have in common, most",
        lambda t: (t["old"] - t["common"]).max(),
        "",
        None,
    ),
    ("fraction of cases with a lag of at most one frame", lambda t: (abs(t["lag"]) <= 1).mean(), ">=", 0.9),
    ("correlation without audio, mean", lambda t: t["mute"].mean(), "<", 0.2),
    (
        "correlation without audio, above what both have in common, mean",
        lambda t: (t["mute"] - t["common"]).mean(),
        "",
        None,
    ),
    ("movement without audio, fraction of the true one, mean", lambda t: t["mute_motion"].mean(), "<", 0.2),
    ("movement without audio, fraction of the true one, most", lambda t: t["mute_motion"].max(), "", None),
    ("correlation with shuffled audio, mean", lambda t: t["shuffled"].mean(), "<", 0.2),
    ("opening in silence, fraction of its range, mean", lambda t: t["silent"].mean(), "<", 0.12),
    ("opening in silence, fraction of its range, most", lambda t: t["silent"].max(), "", None),
    ("jitter in silence against the truth, mean", lambda t: t["jitter"].mean(), "<=", 1.5),
    ("jitter in silence against the truth, most", lambda t: t["jitter"].max(), "", None),
    ("PSNR in the mask, mean, dB", lambda t: t["psnr"].mean(), ">=", 26),
    ("PSNR in the mask, least, dB", lambda t: t["psnr"].min(), "", None),
    ("PSNR in the mask of the VAE alone, mean, dB", lambda t: t["vae_psnr"].mean(), ">=", 30),
    ("gain of the opening, mean", lambda t: t["gain"].mean(), "", None),
)
"""What is measured over all cases, and what it has to be; None is only reported."""
COMPARE = {">=": np.greater_equal, "<=": np.less_equal, "<": np.less}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder of the training run")
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--preset", default="balanced")
    parser.add_argument("--steps", type=int)
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--output", type=Path, help="default: RUN/judge")
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    torch.set_num_threads(2)
    output = args.output or args.run / "judge"
    output.mkdir(parents=True, exist_ok=True)

    changes = {name: value for name in ("steps", "guidance") if (value := getattr(args, name)) is not None}
    options = Options.preset(args.preset, **changes)
    models = load_models(args.run / "checkpoint", device="cpu")
    mouth_regressor = RunDirectory(NANO, args.run).load_trained("reader", MouthRegressor())
    evaluators = Evaluators(mouth_regressor, FaceFinder(), models.vae)
    made_with = {
        "options": {"preset": args.preset, **changes},
        "weights": [
            digest(network) for network in (models.unet, models.vae, models.whisper, mouth_regressor)
        ],
    }
    cases = [
        load_or_evaluate(number, models, options, evaluators, made_with, output)
        for number in range(args.cases)
    ]
    write_report(cases, made_with, output)
    draw_sheet([output / f"case-{number:02d}.png" for number in range(args.cases)], output / "sheet.jpg")


def load_or_evaluate(
    number: int,
    models: LipSyncModels,
    options: Options,
    evaluators: Evaluators,
    made_with: dict[str, Any],
    output: Path,
) -> Measured:
    """Return a case's measurements: of an earlier run with the same weights and options, or new ones."""
    path = output / f"case-{number:02d}.json"
    if path.exists() and (earlier := json.loads(path.read_text()))["made_with"] == made_with:
        return dict(earlier)
    started = time.perf_counter()
    case = make_case(number)
    results = perform(case, models, options)
    evaluation, curves = evaluate(case, results, evaluators)
    cv2.imwrite(str(path.with_suffix(".png")), draw_strip(case, results.new, curves)[..., ::-1])
    content = {
        "person": FIRST_SEED + number,
        "seconds": round(time.perf_counter() - started, 1),
        "verdict": asdict(evaluation),
        "curves": {name: np.round(values, 4).tolist() for name, values in asdict(curves).items()},
        "made_with": made_with,
    }
    path.write_text(json.dumps(content) + "\n")
    print(f"{number:2} ({content['seconds']:.0f} s)", round_values(asdict(evaluation)), flush=True)
    return content


def write_report(cases: list[Measured], made_with: dict[str, Any], output: Path) -> None:
    """Print and write every figure, over all cases and for each person."""
    rows = [content["verdict"] for content in cases]
    table = {name: np.array([row[name] for row in rows]) for name in rows[0]}
    figures = [check_figure(name, measure(table), sign, limit) for name, measure, sign, limit in TARGETS]
    figures.append(
        check_figure("the mouth regressor on all true frames", correlate_pooled(cases), ">=", 0.98)
    )
    people = [{"person": content["person"], **round_values(content["verdict"])} for content in cases]
    measured = {"figures": figures, "people": people, "made_with": made_with}
    (output / "measured.json").write_text(json.dumps(measured, indent=1) + "\n")
    for row in figures:
        print(f"{row['name']:50} {row['value']:7.3f} {row['wanted']:8} {VERDICTS[row['met']]}")


VERDICTS = {True: "met", False: "NOT MET", None: ""}


def check_figure(name: str, value: float, sign: str, limit: float | None) -> dict[str, Any]:
    met = None if limit is None else bool(COMPARE[sign](value, limit))
    return {
        "name": name,
        "value": round(float(value), 4),
        "wanted": f"{sign} {limit}" if sign else "",
        "met": met,
    }


def correlate_pooled(cases: list[Measured]) -> float:
    """Correlate what the mouth regressor predicts with the truth, over the true frames of all cases."""
    best, new = (np.concatenate([c["curves"][name] for c in cases]) for name in ("best", "new"))
    return correlation(best, new)


def round_values(evaluation: dict[str, float]) -> dict[str, float]:
    return {name: round(value, 3) for name, value in evaluation.items()}


def draw_strip(case: Case, result: list[Array], curves: Curves) -> Array:
    """Stack source, result and truth at the moments where source and truth differ most."""
    moments = telling_moments(curves.new, curves.old, COLUMNS)
    rows = [list(case.source.read(moments)), [result[k] for k in moments], list(case.truth.read(moments))]
    top = left = round(0.2 * case.source.width)
    side = round(0.6 * case.source.width)
    parts = [[frame[top : top + side, left : left + side] for frame in row] for row in rows]
    return np.vstack(
        [np.hstack([cv2.resize(p, (TILE, TILE), interpolation=cv2.INTER_AREA) for p in row]) for row in parts]
    )


def draw_sheet(strips: list[Path], path: Path) -> None:
    """Write an image of all cases, two side by side."""
    images = [np.pad(read_image(s), ((3, 3), (3, 3), (0, 0)), constant_values=255) for s in strips]
    if len(images) % 2:
        images.append(np.full_like(images[0], 255))
    rows = [np.hstack(pair) for pair in zip(images[::2], images[1::2], strict=True)]
    save_jpeg(path, np.vstack(rows), SHEET_BYTES)


if __name__ == "__main__":
    main()
