"""Measure a checkpoint made by `train nano` on held-out synthetic people, and draw a contact sheet."""

import argparse
import json
import logging
from dataclasses import asdict
from pathlib import Path

import cv2
import numpy as np
import torch

from latentsync_core import Options, load_models
from latentsync_core.training.judge import verdicts
from latentsync_core.training.reader import MouthReader
from latentsync_core.training.recipes import NANO
from latentsync_core.training.stages import Workshop

COLUMNS = 12


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("run", type=Path, help="the folder of the training run")
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--guidance", type=float)
    parser.add_argument("--output", type=Path, default=Path("output/judge"))
    args = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    torch.set_num_threads(2)
    args.output.mkdir(parents=True, exist_ok=True)
    changes = {} if args.guidance is None else {"guidance": args.guidance}
    models = load_models(args.run / "checkpoint", device="cpu")
    reader = Workshop(NANO, args.run).trained("reader", MouthReader())
    rows, strips = [], []
    for case, result, verdict in verdicts(args.cases, models, reader, Options.preset(args.preset, **changes)):
        rows.append(asdict(verdict))
        print({name: round(value, 3) for name, value in rows[-1].items()}, flush=True)
        strips.append(strip(case, result))
        cv2.imwrite(str(args.output / "sheet.png"), np.vstack(strips)[..., ::-1])
        (args.output / "verdicts.json").write_text(json.dumps(rows, indent=1) + "\n")
    for name in rows[0]:
        values = np.array([row[name] for row in rows])
        print(
            f"{name:8} mean {np.nanmean(values):.3f}  least {np.nanmin(values):.3f}  most {np.nanmax(values):.3f}"
        )


def strip(case, result):
    """Source, result and truth, one below the other, at some moments of a case."""
    moments = np.linspace(2, len(result) - 3, COLUMNS).astype(int)
    rows = [list(case.source.read(moments)), [result[k] for k in moments], list(case.truth.read(moments))]
    size = case.source.width
    top, left = int(0.2 * size), int(0.2 * size)
    side = int(0.6 * size)
    parts = [[frame[top : top + side, left : left + side] for frame in row] for row in rows]
    return np.vstack(
        [np.hstack([cv2.resize(p, (128, 128), interpolation=cv2.INTER_AREA) for p in row]) for row in parts]
    )


if __name__ == "__main__":
    main()
