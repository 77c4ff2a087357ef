"""Copy a trained and evaluated model into the core, and write the report of where it comes from and what it can do.

RUN is the folder of `train nano`, after `python -m latentsync_lab.scripts.evaluate_nano RUN` and, for a second set of
speech, `python -m latentsync_lab.scripts.evaluate_harder RUN/checkpoint --output RUN/judge`. NOTES is a Markdown file with
what no other file knows: how long the training took, on what, and what was changed on the way. A run that began with
the shipped model goes on with the history that its report tells.
"""

from __future__ import annotations

import argparse
import filecmp
import hashlib
import json
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from latentsync_core import Options, load_models
from latentsync_core.pipeline import lip_sync
from latentsync_core.weights.locate import NANO_FOLDER

from ..images import read_image, save_jpeg
from ..training import NANO
from ..training.cases import FIRST_SEED, make_case
from ..training.curves import draw_curve
from ..training.data import FIRST_TEST_SEED, FIRST_TRAINING_SEED
from ..training.harder import FAST, FIRST_HARDER_SEED
from ..training.stages import NOTE, RunDirectory
from ..training.start import START

MOST_BYTES = 12_000_000
CURVES = ("encoder", "vae", "decoder", "unet", "syncnet", "videomae", "pixels")
MEASURED, UNET = "measured.json", "latentsync_unet.safetensors"
REPORT = Path("docs/nano")

Stages = dict[str, dict[str, Any]]
"""Name of a stage -> its steps and last scores."""
TableRow = Sequence[str]


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("run", type=Path)
    parser.add_argument("--notes", type=Path, required=True)
    parser.add_argument(
        "--judged", dest="evaluated", type=Path, help="what evaluate_nano.py wrote (default: RUN/judge)"
    )
    parser.add_argument("--folder", type=Path, default=NANO_FOLDER, help="where to (default: %(default)s)")
    parser.add_argument("--report", type=Path, default=REPORT, help="where to (default: %(default)s)")
    args = parser.parse_args()
    evaluated = args.evaluated or args.run / "judge"
    measured = json.loads((evaluated / MEASURED).read_text())

    begun = read_history(args.run, args.folder, args.report)
    shutil.copytree(args.run / "checkpoint", args.folder, dirs_exist_ok=True)
    args.report.mkdir(parents=True, exist_ok=True)
    weights = sorted(args.folder.rglob("*.safetensors"))
    if (size := sum(path.stat().st_size for path in weights)) > MOST_BYTES:
        raise SystemExit(
            f"The weights are {size / 1e6:.1f} MB; at most {MOST_BYTES / 1e6:.0f} may be shipped."
        )
    stages = read_stages(args.run)
    earlier = {name_in_history(name, begun) if name in stages else name: name for name in begun}
    measured["rounding"] = measure_rounding(args.run)
    if (harder := evaluated / "harder.json").exists():
        measured["harder"] = json.loads(harder.read_text())
    measured["training"] = {key: begun[name] for key, name in earlier.items()} | stages
    (args.report / MEASURED).write_text(json.dumps(measured, indent=1) + "\n")
    shutil.copy(evaluated / "sheet.jpg", args.report / "sheet.jpg")
    for key, name in earlier.items():
        if key != name:
            shutil.copy(args.report / f"{name}.jpg", args.report / f"{key}.jpg")
    for name in stages:
        draw_small(args.run / f"{name}.json", args.report / f"{name}.jpg")
    images = [f"{key}.jpg" for key in measured["training"]]
    (args.report / "README.md").write_text(
        format_readme(measured, args.notes.read_text(encoding="utf-8"), weights, images, args.folder),
        encoding="utf-8",
    )
    print(f"{args.folder}: {size / 1e6:.2f} MB of weights")


def measure_rounding(run: Path) -> dict[str, float]:
    """Measure how far half precision moves the result of a case, in grey levels of the changed pixels."""
    half = load_models(run / "checkpoint", device="cpu")
    unet, vae, whisper = (network.cpu() for network in RunDirectory(NANO, run).load_finished())
    case, options = make_case(0), Options.preset("draft")
    source = list(case.source.read(range(len(case.source.times))))
    both = [
        np.stack(list(lip_sync(case.source, case.speech, models, options))).astype(np.int16)
        for models in (half, replace(half, unet=unet, vae=vae, whisper=whisper))
    ]
    changed = (both[1] != np.stack(source)).any(-1)
    error = np.abs(both[0] - both[1])[changed]
    return {"mean": round(float(error.mean()), 4), "most": int(error.max())}


def read_stages(run: Path) -> Stages:
    """Read the steps and the last held-out scores of every stage."""
    curves = {name: run / f"{name}.json" for name in CURVES}
    read = {name: json.loads(path.read_text()) for name, path in curves.items() if path.exists()}
    return {name: {"steps": c["steps"], "scores": (c["scores"] or [{}])[-1]} for name, c in read.items()}


def read_history(run: Path, shipped: Path, report: Path) -> Stages:
    """Read the stages of the runs before the shipped model, if this run began with it; else return none."""
    start = run / START / UNET
    if not start.exists() or not filecmp.cmp(start, shipped / UNET, shallow=False):
        return {}
    return json.loads((report / MEASURED).read_text())["training"]


def name_in_history(name: str, begun: Stages) -> str:
    """Name a stage that was run again: unet-1 is what the first run left, unet-2 the second."""
    return f"{name}-{1 + sum(other.startswith(f'{name}-') for other in begun)}"


def draw_small(curve: Path, path: Path) -> None:
    """Draw a stage's curve as a small JPEG."""
    with tempfile.TemporaryDirectory() as place:
        drawn = Path(place) / f"{path.stem}.png"
        draw_curve(json.loads(curve.read_text()), drawn)
        save_jpeg(path, read_image(drawn), 60_000)


def format_readme(
    measured: dict[str, Any], notes: str, weights: list[Path], images: list[str], folder: Path
) -> str:
    made_with = measured["made_with"]["options"]
    return f"""# nano

A {NOTE}. A LatentSync of the published architecture (UNet, VAE, Whisper encoder; 128 px, windows of 16
frames) with 1/300 of the parameters, trained from nothing by `latentsync_lab/training`. It has seen no recording
of a person: faces are drawn by `latentsync_lab/synthetic`, voices are espeak-ng's. The weights were made by this
project and have its licence, Apache-2.0.

## What it can do

{len(measured["people"])} clips, made by `python -m latentsync_lab.scripts.evaluate_nano` with {describe_options(made_with)}: the person says A, the
model is given B. People (seeds from {FIRST_SEED}), voices and sentences were never trained on. Correlations are of
the mouth's opening over the frames of a clip, read by a network that knows the true opening of unchanged frames.

{format_table(("", "measured", "wanted", ""), [format_figure(row) for row in measured["figures"]])}

Half precision changes the result by {measured["rounding"]["mean"]} grey levels in the mean, {measured["rounding"]["most"]} at most.

{format_harder(measured["harder"]) if "harder" in measured else ""}
Three rows a clip: source, result, truth.

![Source, result and truth of every clip](sheet.jpg)

{format_table(list(measured["people"][0]), [list(map(str, row.values())) for row in measured["people"]])}

## How it was made

    python -m latentsync_lab train nano --out RUN
    python -m latentsync_lab.scripts.evaluate_nano RUN
    python -m latentsync_lab.scripts.ship_nano RUN --notes NOTES.md

Training people have seeds from {FIRST_TRAINING_SEED}, those of the scores below from {FIRST_TEST_SEED}; seed of every stage, unless said below: \
{NANO.unet.loop.seed}. All other numbers: `latentsync_lab/training/recipes/nano.py`.

{format_table(("stage", "steps", "held-out scores"), [format_stage(*item) for item in measured["training"].items()])}

{notes.strip()}

{chr(10).join(f"![]({name})" for name in images)}

## Files

{chr(10).join(f"    {hashlib.sha256(p.read_bytes()).hexdigest()}  {p.relative_to(folder).as_posix()}" for p in weights)}
"""


def format_harder(harder: dict[str, Any]) -> str:
    """Format what `evaluate_harder.py` measured: the set above by face mesh alone, and the harder speech."""
    rows = [(kind, *map(str, figures.values())) for kind, figures in harder["kinds"].items()]
    head = ("speech", *next(iter(harder["kinds"].values())))
    return f"""### Harder speech

The figures above hold for speech like that of the training. `python -m latentsync_lab.scripts.evaluate_harder` (preset `{harder["made_with"]["preset"]}`) reads
the mouths by face mesh alone, of clips of that kind (*held-out*, where listed) and of a second set with other people (seeds from
{FIRST_HARDER_SEED}) and voices: fast speech ({FAST} words a minute), speech in a bare room, languages that are in no
training, and speech 40 dB quieter. Correlations with the true opening; the gain is against that of true frames.

{format_table(head, rows)}
"""


def describe_options(options: dict[str, Any]) -> str:
    changes = [f"{name} {value}" for name, value in options.items() if name != "preset"]
    return ", ".join([f"preset `{options['preset']}`", *changes])


def format_figure(row: dict[str, Any]) -> TableRow:
    return (
        row["name"],
        f"{row['value']:.3f}",
        row["wanted"],
        {True: "met", False: "**not met**", None: ""}[row["met"]],
    )


def format_stage(name: str, stage: dict[str, Any]) -> TableRow:
    scores = ", ".join(f"{key} {value:.3f}" for key, value in stage["scores"].items() if key != "step")
    return name, str(stage["steps"]), scores


def format_table(head: TableRow, rows: Sequence[TableRow]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


if __name__ == "__main__":
    main()
