"""Ablations of the nano model: losses of stage 2 (short runs from one stage 1), and options of the sampler.

    python -m latentsync_lab.scripts.ablate losses RUN OUT        # every variant with every seed, the same steps
    python -m latentsync_lab.scripts.ablate inference RUN OUT     # guidance, steps, samplers, reuse, on RUN/checkpoint

Every cell is a .json in OUT; what is there is not computed again, so several processes can divide the work by
`--seeds`. A PNG shows all of them.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from latentsync_core import Options, lip_sync, load_models
from latentsync_core.faces import keep_mask
from latentsync_core.metrics.temporal import temporal_distance
from latentsync_core.models.bundle import LipSyncModels
from latentsync_core.partial import replacing

from ..training import NANO, train
from ..training.cases import Case, make_case
from ..training.evaluate import mouth_crops
from ..training.mouth_regressor import MouthRegressor, read_mouth
from ..training.stages import RunDirectory
from ..training.start import START
from ..training.vae import to_pixels
from ..truth import correlation

if TYPE_CHECKING:
    from matplotlib.figure import Figure

WINDOW = 16
COMMON = (
    "data",
    "latents",
    START,
    *(f"{name}.pt" for name in ("encoder", "vae", "decoder", "unet", "syncnet", "videomae")),
)
VARIANTS: dict[str, dict[str, Any] | None] = {
    "stage 1 alone": None,
    "all losses": {},
    "no SyncNet": {"sync": 0.0},
    "no TREPA": {"temporal": 0.0},
}
SWEEPS: dict[str, dict[float, dict[str, Any]]] = {
    "guidance": {value: {"guidance": value} for value in (1.0, 1.5, 2.0, 3.0)},
    "steps of dpm++": {n: {"sampler": "dpm++", "steps": n} for n in (5, 8, 12, 20)},
    "reuse": {n: {"reuse": n} for n in (1, 2, 3)},
    "steps of ddim": {n: {"sampler": "ddim", "steps": n} for n in (5, 8, 12, 20, 50)},
}
MEASURES = {
    "new": "follows the new audio (r)",
    "old": "follows the old mouth (r)",
    "gain": "gain of the opening",
    "psnr": "PSNR in the mask, dB",
    "trepa": "TREPA distance to the truth, 1e-6",
}

CellScores = dict[str, Any]
"""`mean`: every one of MEASURES over all cases; `cases`: those of each."""
Examine = Callable[[Path, Options], CellScores]
"""Evaluates a checkpoint with options."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("what", choices=["losses", "inference"])
    parser.add_argument("run", type=Path, help="the folder of a training run, stages up to `videomae` done")
    parser.add_argument("out", type=Path)
    parser.add_argument("--steps", type=int, default=300, help="of stage 2 in every cell")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2], metavar="SEED")
    parser.add_argument("--people", type=int, default=NANO.data.identities, help="in training, of the run's")
    parser.add_argument("--cases", type=int, default=6)
    parser.add_argument("--preset", default="balanced", help="of the options that are not swept")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    logging.basicConfig(level=logging.INFO)
    torch.set_num_threads(args.threads)
    examiner = Examiner(RunDirectory(NANO, args.run), args.cases)
    (ablate_losses if args.what == "losses" else ablate_inference)(args, examiner)


class Examiner:
    """Evaluates on few cases, with the mouth regressor and the video network of a run."""

    def __init__(self, run_dir: RunDirectory, cases: int) -> None:
        self.mouth_regressor = run_dir.load_trained("reader", MouthRegressor())
        self.clip_encoder = run_dir.load_clip_encoder().cpu()
        self.cases = [make_case(number) for number in range(cases)]

    def __call__(self, checkpoint: Path, options: Options) -> CellScores:
        """Return the means of `MEASURES` over the cases, and the values of each case."""
        models = load_models(checkpoint, device="cpu")
        rows = [self._evaluate(case, models, options) for case in self.cases]
        return {
            "mean": {name: float(np.mean([row[name] for row in rows])) for name in MEASURES},
            "cases": rows,
        }

    @torch.inference_mode()
    def _evaluate(self, case: Case, models: LipSyncModels, options: Options) -> dict[str, float]:
        frames = [np.asarray(f) for f in lip_sync(case.source, case.speech, models, options)]
        true_frames = [np.asarray(f) for f in case.truth.read(range(len(frames)))]
        result, true = (to_pixels(mouth_crops(case.source, part)) for part in (frames, true_frames))
        predicted = read_mouth(self.mouth_regressor, result)[:, 0]
        new, old = (clip.truth[0].mouth.openness[: len(frames)] for clip in (case.truth, case.source))
        painted = 1 - torch.from_numpy(keep_mask(result.shape[-1]))
        square = float(((result - true) ** 2 * painted).sum() / (painted.sum() * 3 * len(result)))
        windows = zip(result.split(WINDOW), true.split(WINDOW), strict=True)
        distances = [
            float(temporal_distance(self.clip_encoder, a[None], b[None]))
            for a, b in windows
            if len(a) == WINDOW
        ]
        return {
            "new": correlation(predicted, new),
            "old": correlation(predicted, old),
            "gain": float(np.polyfit(new, predicted, 1)[0]),
            "psnr": 10 * float(np.log10(4 / max(square, 1e-8))),
            "trepa": 1e6 * float(np.mean(distances)),
        }


def ablate_losses(args: argparse.Namespace, examiner: Examine) -> None:
    """Train and evaluate every variant with every seed."""
    points: dict[str, list[dict[str, float]]] = {}
    for variant, changes in VARIANTS.items():
        for seed in args.seeds if changes is not None else [0]:
            folder = args.out / "losses" / f"{variant.replace(' ', '-')}-{seed}"
            compute = partial(train_variant, args, changes, seed, folder, examiner)
            scores = load_cell(folder.with_suffix(".json"), compute)
            points.setdefault(variant, []).append(scores["mean"])
            draw_losses(points, args.out / "losses.png")


def train_variant(
    args: argparse.Namespace, changes: dict[str, Any] | None, seed: int, folder: Path, examiner: Examine
) -> CellScores:
    """Train stage 2 in `folder` on the data and stage 1 of the run, and evaluate it."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in COMMON:
        if (args.run / name).exists() and not (folder / name).exists():
            # Every cell starts from the run's own files, which are never written to: its stages are done.
            os.symlink((args.run / name).resolve(), folder / name)
    loop = replace(NANO.pixels.loop, steps=args.steps, seed=seed, warmup=max(1, args.steps // 15))
    data = replace(NANO.data, identities=args.people)
    recipe = replace(NANO, data=data, pixels=replace(NANO.pixels, loop=loop, **(changes or {})))
    if changes is not None:
        train(recipe, folder, "pixels")
    train(recipe, folder, "export")
    return examiner(folder / "checkpoint", Options.preset(args.preset))


def ablate_inference(args: argparse.Namespace, examiner: Examine) -> None:
    """Evaluate the run's checkpoint with every option."""
    points: dict[str, dict[float, dict[str, float]]] = {}
    for sweep, values in SWEEPS.items():
        for value, changes in values.items():
            options = Options.preset(args.preset, **changes)
            name = f"{options.sampler}-{options.steps}-guidance-{options.guidance}-reuse-{options.reuse}"
            path = args.out / "inference" / f"{name}.json"
            scores = load_cell(path, partial(examiner, args.run / "checkpoint", options))
            points.setdefault(sweep, {})[value] = scores["mean"]
            draw_sweeps(points, args.out / "inference.png")


def load_cell(path: Path, compute: Callable[[], CellScores]) -> CellScores:
    """Read a cell's file; where there is none, write what `compute` returns, whole or not at all."""
    if not path.exists():
        scores = compute()
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as part:
            part.write_text(json.dumps(scores, indent=1) + "\n")
    found: CellScores = json.loads(path.read_text())
    print(path.stem, {name: round(value, 3) for name, value in found["mean"].items()}, flush=True)
    return found


def draw_losses(points: dict[str, list[dict[str, float]]], path: Path) -> None:
    """Draw a panel for each measure: a dot for each seed and a line at the mean of each variant."""
    figure, panels = panels_of(1, len(MEASURES))
    for panel, (name, title) in zip(panels[0], MEASURES.items(), strict=True):
        for place, means in enumerate(points.values()):
            values = [mean[name] for mean in means]
            panel.plot([place] * len(values), values, "o", alpha=0.5)
            panel.hlines(np.mean(values), place - 0.3, place + 0.3, "black")
        panel.set_xticks(range(len(points)), list(points), rotation=45, ha="right")
        panel.set_title(title, fontsize=9)
    save_figure(figure, path)


def draw_sweeps(points: dict[str, dict[float, dict[str, float]]], path: Path) -> None:
    """Draw a row for each sweep, with a panel for each measure."""
    figure, panels = panels_of(len(points), len(MEASURES))
    for row, (sweep, by_value) in zip(panels, points.items(), strict=True):
        for panel, (name, title) in zip(row, MEASURES.items(), strict=True):
            panel.plot(list(by_value), [mean[name] for mean in by_value.values()], "o-")
            panel.set_title(title, fontsize=9)
            panel.set_xlabel(sweep)
    save_figure(figure, path)


def panels_of(rows: int, columns: int) -> tuple[Figure, Any]:
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2.7 * columns, 3.2 * rows), layout="constrained")
    return figure, figure.subplots(rows, columns, squeeze=False)


def save_figure(figure: Figure, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=80)


if __name__ == "__main__":
    main()
