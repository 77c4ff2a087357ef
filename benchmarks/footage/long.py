"""What length costs: memory and time a frame of all but the networks, for which stand-ins answer at once.

    python benchmarks/footage/long.py [--minutes 1 60] [--size 1920x1080] [--speech 10]

For each length a file is written that shows two seconds of a drawn head, half as high as the frame, over and over; a
process of its own surveys it, plans and composites it into another file. The stand-ins find the head where it was
drawn (with a look of its own in every frame), hear zeros, and give back the crops. Printed are milliseconds a frame,
the peak memory after each stage, and what each further minute adds to it. --speech: seconds of speech (default: as
long as the video).
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace

import cv2
import numpy as np
import torch

from latentsync_core import (
    FileClip,
    Options,
    Waveform,
    load_models,
    open_writer,
    pipeline,
    plan_sync,
    render,
)
from latentsync_core.cli.stages import measure_peak_memory
from latentsync_core.faces import Face, choose, survey
from latentsync_lab.synthetic import bundled_speech, talking_clip

FPS, DRAWN = 25, 50
LOOK = 795


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 60])
    parser.add_argument("--size", default="1920x1080")
    parser.add_argument("--speech", type=float)
    parser.add_argument("--inside", nargs=2, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        print(json.dumps(measure(Path(args.inside[0]), float(args.inside[1]))))
        return
    with tempfile.TemporaryDirectory() as folder:
        measured = []
        for minutes in args.minutes:
            video = Path(folder) / "long.mp4"
            write_video(video, *map(int, args.size.split("x")), minutes)
            measured.append(run_alone(video, args.speech or 60 * minutes))
            print(f"{minutes:g} min of {args.size}: {json.dumps(measured[-1])}", flush=True)
    (a, first), (b, last) = ((args.minutes[i], measured[i]["peak MB after"]) for i in (0, -1))
    if a != b:
        more = {stage: round((last[stage] - first[stage]) / (b - a), 2) for stage in last}
        print(f"MB that a further minute adds to the peak: {json.dumps(more)}")


def write_video(path, width, height, minutes):
    """Write two seconds of a drawn head as often as it takes; its places go to a file beside it."""
    side = min(width, height) // 2
    head = talking_clip(3, bundled_speech("a"), size=(side, side))
    left, top = (width - side) // 2, (height - side) // 2
    frames = np.full((DRAWN, height, width, 3), 90, np.uint8)
    for frame, drawn in zip(frames, head.read(range(DRAWN)), strict=True):
        frame[top : top + side, left : left + side] = drawn
    np.save(path.with_suffix(".npy"), head.truth[0].points[:DRAWN] + [left, top])
    count = round(60 * minutes * FPS)
    with open_writer(path, height, width, Fraction(FPS), crf=30, preset="ultrafast") as writer:
        for index in range(count):
            writer.write(frames[index % DRAWN], index / FPS)


def run_alone(video, speech):
    done = subprocess.run(
        [sys.executable, __file__, "--inside", str(video), str(speech)],
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(done.stdout.splitlines()[-1])


class KnownFinder:
    """Finds the drawn head in frames that come in order."""

    def __init__(self, points):
        self.points, self.count = points, 0

    def find(self, batch, thorough=False):
        self.count += len(batch)
        return [[self.face(index)] for index in range(self.count - len(batch), self.count)]

    def face(self, index):
        points, noise = self.points[index % DRAWN], np.random.default_rng(index)
        look = np.linspace(-30, 30, LOOK) + noise.normal(0, 2, LOOK)
        middle, reach = points.mean(0), 1.5 * np.ptp(points, axis=0).max()
        box = np.concatenate([middle - reach, middle + reach])
        return Face.of(points, box, 0.99, np.rint(look).astype(np.int8), 0.1, 0.0)

    def find_others(self, *_):
        return []

    def measure(self, frames, rois):
        return [None] * len(rois)


class SilentWhisper:
    """Hears zeros."""

    device, dtype = torch.device("cpu"), torch.float32

    def __init__(self, config):
        self.config = config

    def __call__(self, features, output_hidden_states):
        shape = 1, self.config.max_source_positions, self.config.d_model
        return SimpleNamespace(hidden_states=[torch.zeros(shape)] * (self.config.encoder_layers + 1))


class PassingDenoiser:
    """Gives back the crops as mouths, a little brighter."""

    def __init__(self, models, keep, options, on_step, sample_latents=False):
        self.on_step, self.steps = on_step, options.steps

    def denoise(self, window):
        for _ in range(self.steps):
            self.on_step()
        return torch.from_numpy(window.crops)[None]

    def decode(self, latents):
        return latents[0].numpy() + np.float32(10)


def measure(video, seconds):
    """Run it all; return milliseconds a frame and the peak memory in MB after each stage."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    models = load_models("nano", device="cpu")
    models = replace(models, whisper=SilentWhisper(models.whisper.config))
    pipeline.windows.Denoiser = PassingDenoiser
    clip, options = FileClip(video), Options(length="silence")
    run = Stages(len(clip))
    track = choose(survey(clip, KnownFinder(np.load(video.with_suffix(".npy")))))
    run.end("survey")
    speech = repeat_speech(seconds)
    run.end("read speech")
    dub = plan_sync(clip, speech, options, track, models=models)
    run.end("plan")
    with open_writer(
        video.with_name("result.mp4"), clip.height, clip.width, clip.fps, preset="ultrafast"
    ) as writer:
        frames = render(dub, models, progress=run.note)
        for start, frame in zip(dub.times, frames, strict=True):
            writer.write(frame, float(start))
    run.end("composite and write")
    assert dub.lines[0].plan.reasons == ("resync",) * len(clip)
    return {"frames": len(clip), "CPU ms a frame": run.times, "peak MB after": run.peaks}


class Stages:
    """CPU milliseconds a frame, and the peak memory in MB after each stage."""

    def __init__(self, frames):
        self.frames, self.times = frames, {}
        self.peaks = {"start": self.peak()}
        self.since = time.process_time()

    def note(self, stage, done, total):
        if stage == "listen" and done == total:
            self.end("listen")

    def end(self, stage):
        self.peaks[stage] = self.peak()
        self.times[stage] = round(1000 * (time.process_time() - self.since) / self.frames, 2)
        self.since = time.process_time()

    def peak(self):
        return round(measure_peak_memory(torch.device("cpu"))["host"] / 1e6, 1)


def repeat_speech(seconds):
    said = bundled_speech("a")
    count = round(seconds * said.sample_rate)
    samples = np.tile(said.samples, (1, -(-count // said.samples.shape[1])))[:, :count]
    return Waveform(np.ascontiguousarray(samples), said.sample_rate)


if __name__ == "__main__":
    main()
