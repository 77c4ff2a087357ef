"""What `sync --report` and `plan --save` write."""

from __future__ import annotations

import argparse
from dataclasses import asdict
from typing import Any

import numpy as np
import torch

from .. import __version__
from ..data import MEASURED, Array, FaceTrack, Plan
from ..diffusion import fingerprint_networks
from ..models.bundle import LipSyncModels
from ..plan import LinePlan
from ..pool import WindowPool
from ..preflight import Preflight


def report_plan(args: argparse.Namespace, line: LinePlan, preflight: Preflight) -> dict[str, Any]:
    """Return what is known before anything is denoised, ready for JSON."""
    options, track, plan = line.options, line.track, line.plan
    content = plan.to_json()
    content["each_frame"] |= _list_measured(track, plan)
    return {
        "version": __version__,
        "video": str(args.video),
        "audio": str(args.audio),
        "preset": args.preset,
        "options": asdict(options) | {"fps": None if options.fps is None else float(options.fps)},
        "preflight": preflight.to_json(),
        "face": {
            "found_in": int(track.found.sum()),
            "of_frames": len(track),
            "mean_score": round(track.score, 3),
            "greatest_turn": round(track.greatest_turn, 1),
        },
        "plan": content,
    }


def report_model(models: LipSyncModels, warning: str | None, pool: WindowPool | None) -> dict[str, Any]:
    """Return which networks these are and where they run, ready for JSON. warning: that they do not suit the faces."""
    if pool is None:
        made = {
            "hash": fingerprint_networks(models),
            "device": str(models.device),
            "dtype": models.precision,
            "threads": torch.get_num_threads(),
        }
    else:
        first = pool.wait_for_worker()
        made = {"hash": first.networks, "device": first.device, "dtype": first.precision} | pool.to_json()
    return {"name": models.name, "resolution": models.resolution, "warning": warning} | made


def _list_measured(track: FaceTrack, plan: Plan) -> dict[str, list[Any]]:
    """Return what was measured of the face in each frame of the result; None where it was not seen."""
    columns = {"score": track.scores, "turn": track.turn} | {name: getattr(track, name) for name in MEASURED}
    return {name: _to_list(values[plan.source]) for name, values in columns.items() if values is not None}


def _to_list(values: Array) -> list[Any]:
    if values.dtype == bool:
        return values.tolist()
    return [None if np.isnan(value) else round(value, 3) for value in values.astype(np.float64).tolist()]
