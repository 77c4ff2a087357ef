"""Windows a second against workers, what the driver costs, and what follows for many GPUs.

    python benchmarks/scaling.py [--frames N] [--resolution R] [--seconds S] [--workers 1 2 4 8]

Sleeping workers, which take S seconds for a window and no CPU, show the driver: windows a second, its CPU seconds for
a window (reading twice, cropping twice, pasting) and its peak memory. `--real` adds untrained networks of nano's size,
in one and two processes of one thread each. The last table is computed from these figures: at which number of GPUs the
driver, or a network of 10 Gbit/s, limits.
"""

import argparse
import json
import logging
import subprocess
import sys
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np
import psutil

from latentsync_core import FaceTrack, Options, TensorClip, Waveform, load_models
from latentsync_core.pipeline import plan_sync, render
from latentsync_core.pool import (
    MadeWindow,
    ModelSource,
    WindowPool,
    WorkerHere,
    WorkerIdentity,
    WorkerProcess,
)
from latentsync_lab.fresh import write_untrained

HEIGHT, WIDTH = 720, 1280
POINTS = [[500.0, 250], [780, 255], [640, 430]]
NETWORK_MB = 1250.0
"""A second, of 10 Gbit/s."""
GPUS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)


class Sleeper:
    """Makes windows in a given time, of their own crops."""

    identity = WorkerIdentity("none", "float32", "none", "none", "none", "sleeper", 1)

    def __init__(self, seconds):
        self._seconds = seconds

    def make(self, task, on_step=lambda: None):
        end = time.monotonic() + self._seconds
        while time.monotonic() < end:
            time.sleep(min(0.05, max(0.0, end - time.monotonic())))
            on_step()
        return MadeWindow(np.zeros((1, 4, len(task.crops), 8, 8), np.float32), task.crops)


def make_dub(frames, models):
    noise = np.random.default_rng(0).integers(0, 255, (16, HEIGHT, WIDTH, 3), np.uint8)
    clip = TensorClip(noise[np.arange(frames) % 16], 25)
    speech = Waveform(np.random.default_rng(1).normal(0, 0.1, (1, frames * 640)).astype(np.float32), 16000)
    track = FaceTrack.from_points(np.repeat([POINTS], frames, 0))
    return plan_sync(clip, speech, Options(grain=False, covered="ignore"), track, models=models)


def run(begin, frames, models):
    """Render by a pool; return the figures."""
    dub, process = make_dub(frames, models), psutil.Process()
    before = process.memory_info().rss
    peak = before
    with WindowPool(begin) as pool:
        while len(pool.to_json()["workers"]) < len(pool):
            time.sleep(0.1)
        cpu, start = sum(process.cpu_times()[:2]), time.monotonic()
        for _ in render(dub, models, pool=pool):
            peak = max(peak, process.memory_info().rss)
        seconds = time.monotonic() - start
    return {
        "workers": len(begin),
        "windows": dub.windows,
        "windows_per_second": round(dub.windows / seconds, 3),
        "driver_cpu_seconds_per_window": round((sum(process.cpu_times()[:2]) - cpu) / dub.windows, 4),
        "driver_MB_above_start": round((peak - before) / 1e6, 1),
    }


def simulate(window_seconds, driver_seconds, megabytes):
    """Yield for numbers of GPUs: windows a second, and what limits them."""
    limits = {"driver": 1 / driver_seconds, "10 Gbit/s": NETWORK_MB / megabytes}
    for count in GPUS:
        rates = {"GPUs": count / window_seconds} | limits
        limit = min(rates, key=rates.get)
        rate = rates[limit]
        yield {
            "gpus": count,
            "windows_per_second": round(rate, 2),
            "MB_per_second": round(rate * megabytes, 1),
            "busy": round(rate * window_seconds / count, 3),
            "limit": limit,
        }


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--frames", type=int, default=450)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--seconds", type=float, default=1.0)
    parser.add_argument("--workers", type=int, nargs="+", default=[1, 2, 4, 8])
    parser.add_argument("--real", action="store_true")
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    args = parser.parse_args()
    logging.disable()
    with tempfile.TemporaryDirectory() as folder:
        checkpoint = write_untrained(Path(folder) / "nano", args.resolution)
        models = load_models(checkpoint, device="cpu", with_unet=False)
        if args.one:  # in a process of its own, whose memory is not that of the runs before
            print(
                json.dumps(run([lambda: WorkerHere(Sleeper(args.seconds))] * args.one, args.frames, models))
            )
            return
        given = [
            "--frames",
            str(args.frames),
            "--resolution",
            str(args.resolution),
            "--seconds",
            str(args.seconds),
        ]
        for count in args.workers:
            command = [sys.executable, __file__, *given, "--one", str(count)]
            figures = json.loads(subprocess.run(command, capture_output=True, text=True, check=True).stdout)
            print("sleeping", figures, flush=True)
        for count in (1, 2) if args.real else ():
            load = partial(ModelSource(str(checkpoint)).load, "cpu", 1)
            print("networks", run([partial(WorkerProcess, load)] * count, args.frames, models), flush=True)
    megabytes = 2 * 16 * args.resolution**2 * 12 / 1e6  # crops there, mouths back
    for row in simulate(args.seconds, figures["driver_cpu_seconds_per_window"], megabytes):
        print(row)


if __name__ == "__main__":
    main()
