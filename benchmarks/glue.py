"""What a frame costs outside of the networks: decoding, colours, cutting out, pasting, encoding, bookkeeping.

    python benchmarks/glue.py VIDEO AUDIO [--frames N] [--resolution R] [--encoder-preset P] [--rounds N]

Runs the survey and a lip-sync from file to file. The denoiser is left out: it hands the crops back, so that what is
measured is everything else. The face networks run, and their time is taken off. Prints milliseconds a frame, of wall
time and of processors, for each round.
"""

import argparse
import json
import logging
import os
import tempfile
import time
from contextlib import closing
from pathlib import Path

import cv2
import torch

from latentsync_core import FileClip, Options, load_models, open_writer, read_audio
from latentsync_core.diffusion import Denoiser
from latentsync_core.faces import FaceFinder, choose, survey
from latentsync_core.pipeline import plan_sync, render
from latentsync_core.process import tune_process
from latentsync_lab.fresh import write_untrained


class Stopwatch:
    """Adds up the time spent inside modules, which run in one thread."""

    def __init__(self, *modules):
        self.wall = self.cpu = 0.0
        for module in modules:
            module.register_forward_pre_hook(self._start)
            module.register_forward_hook(self._stop)

    def _start(self, *_):
        self.wall, self.cpu = self.wall - time.perf_counter(), self.cpu - time.thread_time()

    def _stop(self, *_):
        self.wall, self.cpu = self.wall + time.perf_counter(), self.cpu + time.thread_time()


class FirstFrames:
    """The first frames of a clip."""

    def __init__(self, clip, frames):
        self._clip, self.times = clip, clip.times[:frames]
        self.duration = len(self.times) / float(clip.fps)

    def __getattr__(self, name):
        return getattr(self._clip, name)


def measure(work):
    wall, cpu = time.perf_counter(), time.process_time()
    result = work()
    return result, time.perf_counter() - wall, time.process_time() - cpu


def write_result(clip, audio, models, track, path, preset):
    speech, options = read_audio(audio), Options(steps=1, guidance=1.0)
    dub = plan_sync(clip, speech, options, track, models=models)
    frames = render(dub, models)
    looks = {
        "color": clip.color,
        "pixel_aspect": clip.pixel_aspect,
        "samples": getattr(clip, "samples", None),
    }
    with (
        closing(frames),
        open_writer(
            path,
            clip.height,
            clip.width,
            dub.fps,
            audio=audio,
            duration=dub.duration,
            preset=preset,
            **looks,
        ) as writer,
    ):
        for seconds, frame in zip(dub.times, frames, strict=True):
            writer.write(frame, float(seconds))
    return len(dub.times)


def run(args, models, folder):
    clip, finder = FirstFrames(FileClip(args.video), args.frames), FaceFinder("cpu")
    watch = Stopwatch(*(part for part in vars(finder).values() if isinstance(part, torch.nn.Module)))
    found, wall, cpu = measure(lambda: survey(clip, finder))
    count = len(clip.times)
    figures = {"survey": [(wall - watch.wall) / count, (cpu - watch.cpu) / count]}
    made, wall, cpu = measure(
        lambda: write_result(clip, args.audio, models, choose(found), folder / "o.mp4", args.encoder_preset)
    )
    figures["result"] = [wall / made, cpu / made]
    figures["both"] = [sum(pair) for pair in zip(*figures.values(), strict=True)]
    return {name: [round(1000 * seconds, 1) for seconds in pair] for name, pair in figures.items()}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--frames", type=int, default=100)
    parser.add_argument("--resolution", type=int, default=256)
    parser.add_argument("--encoder-preset", default="medium")
    parser.add_argument("--rounds", type=int, default=3)
    args = parser.parse_args()
    logging.disable()
    tune_process()
    torch.set_num_threads(1)
    Denoiser.denoise, Denoiser.decode = (
        lambda _, window: torch.from_numpy(window.crops)[None],
        lambda _, crops: crops[0].numpy(),
    )
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        models = load_models(write_untrained(folder / "nano", args.resolution), device="cpu")
        for _ in range(args.rounds):
            figures = run(args, models, folder)
            print(json.dumps({"wall_and_cpu_ms": figures, "load": round(os.getloadavg()[0], 1)}), flush=True)
    print(f"{args.frames} frames, crops of {args.resolution} px, {cv2.getNumThreads()} threads of OpenCV")


if __name__ == "__main__":
    main()
