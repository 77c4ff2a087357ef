"""What workers bring and what the driver costs, measured; and what follows for many GPUs, simulated.

    python benchmarks/scaling.py [--workers 1 2 8] [--rounds 5]

1. Workers that sleep a second for a window and take no CPU show the driver: windows a second, its CPU seconds for a
   window (reading and cropping twice, pasting) and its memory; also the CPU seconds of survey and encoder. Each number
   of workers has a process of its own, and is simulated beside it.
2. One worker and two in turns, sleeping and with the networks of nano, in processes of one thread: the ratio of each
   round. It needs two idle cores, and the driver is a third process.
3. The simulation, for 1 to 1,000 GPUs: benchmarks/results/gpus.json and gpus.png.
"""

import argparse
import json
import logging
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import psutil

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.simulation import Costs, simulate  # noqa: E402
from latentsync_core import FileClip, Options, Waveform, find_face, load_models, open_writer  # noqa: E402
from latentsync_core.pipeline import plan_sync, render  # noqa: E402
from latentsync_core.pool import MadeWindow, ModelSource, WindowPool, WorkerIdentity, WorkerProcess  # noqa: E402
from latentsync_core.process import count_cores  # noqa: E402
from latentsync_lab.fresh import write_untrained  # noqa: E402
from latentsync_lab.synthetic import bundled_speech, talking_clip  # noqa: E402

RESULTS = ROOT / "benchmarks" / "results"
RESOLUTION, FRAMES, SLEEP = 256, 300, 1.0
NETWORK, DISK = 1250.0, 200.0
"""MB a second, assumed: 10 Gbit/s each way, and a plain disk."""
GPUS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000)
CLIP_WINDOWS = 27
"""Of a simulated clip: 15 s at 25 frames a second and an overlap of 2."""
LAYOUTS = {
    "one driver, 2 cores": (2, 1000),
    "one driver, 32 cores": (32, 1000),
    "a driver with 32 cores for 8 GPUs": (32, 8),
}
"""Cores of a driver, all of which are assumed to be used, and GPUs that one has at most."""


class Sleeper:
    """Makes windows of their own crops in a given time."""

    identity = WorkerIdentity("none", "float32", "none", "none", "none", "sleeper", 1)

    def __init__(self, seconds):
        self._seconds = seconds

    def make(self, task, on_step=lambda: None):
        if task.latents is None:
            time.sleep(self._seconds)
        return MadeWindow(np.zeros((1, 4, len(task.crops), 32, 32), np.float32), task.crops)


def sleepers(count, seconds=SLEEP):
    return [partial(WorkerProcess, partial(Sleeper, seconds))] * count


def write_clip(path, height, width, frames):
    """Write a drawn head that talks, as h264."""
    said = bundled_speech("a")
    drawn = talking_clip(3, said, size=(width, height))
    kept = [np.asarray(frame) for frame in drawn.read(range(50))]
    with open_writer(path, height, width, 25) as writer:
        for index in range(frames):
            writer.write(kept[index % len(kept)], index / 25)


def plan(path, models, options):
    """Return the plan of a clip and a speech as long, and the CPU seconds of the survey."""
    clip = FileClip(path)
    noise = np.random.default_rng(1).normal(0, 0.1, (1, len(clip) * 640)).astype(np.float32)
    begin = time.process_time()
    track = find_face(clip, "largest", device="cpu")
    surveyed = time.process_time() - begin
    return plan_sync(clip, Waveform(noise, 16000), options, track, models=models), surveyed


def measure(dub, models, begin, work=None):
    """Render by a pool; return the figures."""
    process = psutil.Process()
    with WindowPool(begin) as pool:
        while len(pool.to_json()["workers"]) < len(pool):
            time.sleep(0.1)
        before = peak = process.memory_info().rss
        cpu, start = time.process_time(), time.monotonic()
        for _ in render(dub, models, pool=pool, work=work):
            peak = max(peak, process.memory_info().rss)
        seconds, cpu = time.monotonic() - start, time.process_time() - cpu
    return {
        "workers": len(begin),
        "windows": dub.windows,
        "seconds": round(seconds, 3),
        "windows_per_second": round(dub.windows / seconds, 4),
        "driver_cpu_seconds_per_window": round(cpu / dub.windows, 4),
        "driver_MB_above_start": round((peak - before) / 1e6, 1),
    }


def measure_driver(workers, folder):
    """The figures of one number of sleeping workers, on a clip of 1280x720."""
    models = load_models(folder / "256", device="cpu", with_unet=False)
    dub, surveyed = plan(folder / "large.mp4", models, Options(covered="ignore"))
    work = folder / f"work-{workers}"
    figures = measure(dub, models, sleepers(workers), work)
    begin = time.process_time()
    clip = dub.clip
    with open_writer(folder / f"out-{workers}.mp4", clip.height, clip.width, 25) as writer:
        for index, frame in enumerate(clip.read(range(len(clip)))):
            writer.write(frame, index / 25)
    kept = [path.stat().st_size for path in work.glob("window-*")]
    return figures | {
        "survey_cpu_seconds_per_window": round(surveyed / dub.windows, 4),
        "encoder_cpu_seconds_per_window": round((time.process_time() - begin) / dub.windows, 4),
        "kept_MB_per_window": round(sum(kept) / len(kept) / 1e6, 3),
    }


def run_alone(workers, folder):
    """Measure in a process of its own, whose memory is not that of the runs before."""
    command = [sys.executable, __file__, "--one", str(workers), "--folder", str(folder)]
    return json.loads(subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True).stdout)


def measure_rounds(rounds, folder):
    """One worker and two, in turns: the ratios of their windows a second, for each kind of worker."""
    models = load_models("nano", device="cpu", with_unet=False)
    dub, _ = plan(folder / "small.mp4", models, Options.preset("quality", covered="ignore"))
    load = partial(ModelSource("nano").load, "cpu", 1)
    kinds = {"sleeping": sleepers, "nano": lambda count: [partial(WorkerProcess, load)] * count}
    rows = {kind: [] for kind in kinds}
    for number in range(rounds):
        for kind, begin in kinds.items():
            rate = {
                n: measure(dub, models, begin(n))["windows_per_second"] for n in ((1, 2), (2, 1))[number % 2]
            }
            load_average = round(os.getloadavg()[0], 2)
            rows[kind].append(
                {"one": rate[1], "two": rate[2], "ratio": round(rate[2] / rate[1], 3), "load": load_average}
            )
            print(kind, rows[kind][-1], flush=True)
    return {
        kind: {"rounds": found, "median_ratio": statistics.median(row["ratio"] for row in found)}
        for kind, found in rows.items()
    }


def costs_of(figures, window_seconds):
    """What a simulated driver costs, by the figures of a real one; half of its CPU lies before a window, half after."""
    half = figures["driver_cpu_seconds_per_window"] / 2
    return Costs(window_seconds, half, half)


def compare(figures):
    """Add the simulated windows a second to the measured ones."""
    costs = replace(costs_of(figures, (SLEEP,)), driver_cores=count_cores())
    made = simulate(costs, figures["workers"], clips=1, windows=figures["windows"])
    figures = figures | {"simulated_windows_per_second": round(made.windows_per_second, 4)}
    print(figures, flush=True)
    return figures


def costs_of_batch(figures):
    """All that a driver of `batch` does for windows of a GPU that takes a second: survey, paste, encode, keep."""
    costs = costs_of(figures, (SLEEP,))
    return replace(
        costs,
        encode_seconds=figures["encoder_cpu_seconds_per_window"],
        clip_seconds=figures["survey_cpu_seconds_per_window"] * CLIP_WINDOWS,
        window_MB=16 * RESOLUTION**2 * 12 / 1e6, network=NETWORK,
        kept_MB=figures["kept_MB_per_window"], disk=DISK,
    )  # fmt: skip


def simulate_sizes(costs):
    """A row for each layout and number of GPUs."""
    for layout, (cores, most) in LAYOUTS.items():
        for gpus in GPUS:
            drivers = -(-gpus // most)
            clips = drivers * max(30, 60 * gpus // drivers // CLIP_WINDOWS)
            made = simulate(replace(costs, driver_cores=cores), gpus, clips, CLIP_WINDOWS, drivers=drivers)
            yield {
                "layout": layout,
                "gpus": gpus,
                "windows_per_second": round(made.windows_per_second, 2),
                "MB_per_second_each_way": round(made.windows_per_second * costs.window_MB, 1),
                "clips_per_minute": round(made.clips / made.seconds * 60, 2),
                "busy": {name: round(part, 3) for name, part in made.busy.items()},
                "limit": made.limit,
            }


def draw(rows, path):
    """Draw windows a second over the number of GPUs."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7, 4.5), constrained_layout=True)
    FigureCanvasAgg(figure)
    axes = figure.subplots()
    axes.loglog(GPUS, GPUS, color="0.7", linestyle="--", label="GPUs alone")
    for layout in reversed(LAYOUTS):
        rates = [row["windows_per_second"] for row in rows if row["layout"] == layout]
        axes.loglog(GPUS, rates, marker="o", label=layout)
    axes.set(xlabel="GPUs that take 1 s for a window", ylabel="windows a second, simulated")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(path, dpi=110)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--workers", type=int, nargs="*", default=[1, 2, 8])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--one", type=int, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    logging.disable()
    if args.one:
        print(json.dumps(measure_driver(args.one, args.folder)))
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_untrained(folder / "256", RESOLUTION)
        write_clip(folder / "large.mp4", 720, 1280, FRAMES)
        write_clip(folder / "small.mp4", 192, 192, FRAMES // 2)
        measured = [compare(run_alone(count, folder)) for count in args.workers]
        ratios = measure_rounds(args.rounds, folder)
    rows = list(simulate_sizes(costs_of_batch(measured[-1])))
    print(*rows, sep="\n")
    RESULTS.mkdir(exist_ok=True)
    found = {"measured": measured, "ratios": ratios, "simulated": rows}
    (RESULTS / "gpus.json").write_text(json.dumps(found, indent=1) + "\n")
    draw(rows, RESULTS / "gpus.png")


if __name__ == "__main__":
    main()
