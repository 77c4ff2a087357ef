"""Measure whether a checkpoint's SyncNet finds known shifts of the audio, on held-out synthetic people.

Acceptance: shifts of -10..10 frames are found within one frame on at least 90 % of the clips.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch

from latentsync_core.media import to_mono_16k
from latentsync_core.metrics.score import SAMPLES_PER_FRAME, measure_sync
from latentsync_core.metrics.view import look
from latentsync_core.models.syncnet import StableSyncNet
from latentsync_core.weights import find_syncnet, load_syncnet

from ..training.cases import Case, make_case

SHIFTS = range(-10, 11)

NEAR = 1
"""Frames by which a found shift may be wrong."""


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint", help="a folder with a SyncNet, nano, or 1.6")
    parser.add_argument("--cases", type=int, default=20)
    parser.add_argument("--output", type=Path, default=Path("output/evaluate_sync.json"))
    args = parser.parse_args()
    torch.set_num_threads(2)
    syncnet = load_syncnet(find_syncnet(args.checkpoint))
    rows = []
    for number in range(args.cases):
        rows.append(evaluate_case(make_case(number), syncnet))
        row = rows[-1]
        print(
            f"{number:3}: {row['right']:.0%} right, in sync {row['found'][10]:+d}, confidence {row['confidence']:.3f}",
            flush=True,
        )
    args.output.parent.mkdir(parents=True, exist_ok=True)
    args.output.write_text(json.dumps(rows, indent=1) + "\n")
    right = np.array([row["right"] for row in rows])
    print(f"clips on which every shift is found within {NEAR} frame: {(right == 1).mean():.0%}")
    print(f"shifts found, over all clips: {right.mean():.1%}")


def evaluate_case(case: Case, syncnet: StableSyncNet) -> dict[str, Any]:
    """Shift the audio of a clip that is in sync, and measure each time how it has to be moved back."""
    view, samples = look(case.truth, syncnet), to_mono_16k(case.speech)
    curves = [measure_sync(view, delay(samples, shift), syncnet) for shift in SHIFTS]
    found = [-curve.offset for curve in curves]
    right = np.mean(np.abs(np.subtract(found, SHIFTS)) <= NEAR)
    return {"found": found, "right": float(right), "confidence": curves[10].confidence}


def delay(samples: npt.NDArray[np.float32], frames: int) -> npt.NDArray[np.float32]:
    """Delay the audio by so many frames (advance it if negative), with silence where nothing is left."""
    moved = np.zeros_like(samples)
    start = frames * SAMPLES_PER_FRAME
    kept = samples[max(0, -start) : len(samples) - max(0, start)]
    moved[max(0, start) : max(0, start) + len(kept)] = kept
    return moved


if __name__ == "__main__":
    main()
