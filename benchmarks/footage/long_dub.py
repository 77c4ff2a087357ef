"""What many lines on a long film cost: memory, passes over the film, and windows of a retake, with stand-in networks.

    python benchmarks/footage/long_dub.py [--lines 5 50] [--minutes 1 10] [--size 256x144]

For each length a film is written that shows two seconds of a drawn head over and over, and lines that are files of
48 kHz stereo, one after another, over most of it. A process of its own surveys the film, plans and dubs it into another
file with a store of finished windows, and then does the line in the middle again with another seed. The stand-ins are
those of long.py: as the film repeats itself and nothing is heard, most windows of a long one are found in the store.
Printed are the peak memory after each stage, how often all frames were read, and how many windows were denoised.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import wave
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import torch
from long import KnownFinder, SilentWhisper, Stages, repeat_speech, write_video

from latentsync_core import FileClip, Options, load_models, open_writer, pipeline, render, speakers
from latentsync_core.dub import FilmClock, read_cues
from latentsync_core.media import place_lines
from latentsync_core.pipeline import plan_dub

OPTIONS = Options(steps=2, guidance=1.0, reuse=1)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--lines", type=int, nargs="+", default=[5, 50])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 10])
    parser.add_argument("--size", default="256x144")
    parser.add_argument("--inside", type=Path, help=argparse.SUPPRESS)
    args = parser.parse_args()
    if args.inside:
        print(json.dumps(measure(args.inside)))
        return
    peaks = []
    for count, minutes in zip(args.lines, args.minutes, strict=True):
        with tempfile.TemporaryDirectory() as folder:
            write_video(Path(folder) / "film.mp4", *map(int, args.size.split("x")), minutes)
            write_lines(Path(folder), count, 60 * minutes)
            done = subprocess.run(
                [sys.executable, __file__, "--inside", folder], check=True, capture_output=True, text=True
            )
        measured = json.loads(done.stdout.splitlines()[-1])
        peaks.append(max(measured["peak MB after"].values()))
        print(f"{count} lines on {minutes:g} min of {args.size}: {json.dumps(measured)}", flush=True)
    print(f"the longest takes {peaks[-1] - peaks[0]:.1f} MB more than the shortest")


def write_lines(folder, count, seconds):
    """Write a cue sheet of lines that each take 80 % of their share of the film, and their audio."""
    share = seconds / count
    said = np.rint(repeat_speech(0.8 * share).samples[0] * 32767).astype("<i2")
    rows = ["name,audio,start"]
    for number in range(count):
        with wave.open(str(folder / f"{number}.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(48000)
            file.writeframes(np.roll(said, 997 * number).repeat(6).tobytes())  # 3 times as often, twice
        rows.append(f"{number},{number}.wav,{number * share:.3f}")
    (folder / "cues.csv").write_text("\n".join(rows))


class CountingDenoiser:
    """Counts windows; its latents are the mean of each crop, and its mouths of that colour."""

    windows = 0

    def __init__(self, models, keep, options, on_step, sample_latents=False):
        self.side, self.on_step, self.steps = models.resolution, on_step, options.steps

    def denoise(self, crops, tokens, numbers):
        CountingDenoiser.windows += 1
        for _ in range(self.steps):
            self.on_step()
        return torch.from_numpy(crops.mean((1, 2), keepdims=True))

    def decode(self, latents):
        return latents.numpy().repeat(self.side, 1).repeat(self.side, 2)


class CountingClip(FileClip):
    """Counts the frames that are read."""

    read_frames = 0

    def read(self, indices):
        indices = list(indices)
        CountingClip.read_frames += len(indices)
        return super().read(indices)


def measure(folder):
    """Survey, plan and dub; return passes over the film, windows, and the peak memory in MB after each stage."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    models = load_models("nano", device="cpu")
    models = replace(models, whisper=SilentWhisper(models.whisper.config))
    finder = KnownFinder(np.load(folder / "film.npy"))
    pipeline.windows.Denoiser = CountingDenoiser
    pipeline.windows.fingerprint_networks = lambda models: "stand-in"
    speakers.FaceFinder = lambda device: finder
    clip = CountingClip(folder / "film.mp4")
    run = Stages(len(clip))
    lines = read_cues(folder / "cues.csv", FilmClock.of(clip)).lines
    measured = {"windows": 0}
    for take in ("dub", "retake"):
        before = CountingClip.read_frames, CountingDenoiser.windows
        dub = plan_dub(clip, lines, OPTIONS, models=models, work=folder / "store")
        run.end(f"plan of the {take}")
        assert len(dub.lines) == len(lines) and not dub.problems
        write_dub(folder / f"{take}.mp4", clip, dub, models, folder / "store")
        run.end(take)
        measured[take] = {
            "times that all frames were read": round((CountingClip.read_frames - before[0]) / len(clip), 3),
            "windows denoised": CountingDenoiser.windows - before[1],
        }
        middle = len(lines) // 2
        measured["windows"] = dub.windows
        measured["windows of the retake"] = len(dub.lines[middle].plan.windows)
        lines = [*lines[:middle], replace(lines[middle], options={"seed": 3}), *lines[middle + 1 :]]
    return {"frames": len(clip), "surveyed": finder.count, **measured, "peak MB after": run.peaks}


def write_dub(path, clip, dub, models, work):
    audio = place_lines(None, dub.heard)
    with open_writer(path, clip.height, clip.width, clip.fps, preset="ultrafast", audio=audio) as writer:
        for start, frame in zip(dub.times, render(dub, models, work=work), strict=True):
            writer.write(frame, float(start))


if __name__ == "__main__":
    main()
