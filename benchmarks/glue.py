"""What a frame costs outside of the networks and the video encoder.

    python benchmarks/glue.py VIDEO AUDIO [--frames N] [--resolution R]

Runs the real pipeline with a small untrained network, times the networks by hooks, and prints milliseconds a
frame of: the networks, and everything else (decoding twice, cutting out, blending, pasting, bookkeeping).
"""

import argparse
import json
import logging
import tempfile
import time
from pathlib import Path

import torch

from latentsync_core import FileClip, Options, lip_sync, load_models, read_audio
from latentsync_core.faces import FaceFinder, choose, survey
from latentsync_lab.fresh import write_untrained


class Stopwatch:
    """Adds up the time spent inside modules."""

    def __init__(self, *modules):
        self.seconds = 0.0
        for module in modules:
            module.register_forward_pre_hook(self._start)
            module.register_forward_hook(self._stop)

    def _start(self, *_):
        self._started = time.perf_counter()

    def _stop(self, *_):
        self.seconds += time.perf_counter() - self._started


class FirstFrames:
    """The first frames of a clip."""

    def __init__(self, clip, frames):
        self.fps, self.height, self.width = clip.fps, clip.height, clip.width
        self.times, self.read = clip.times[:frames], clip.read
        self.duration = len(self.times) / float(clip.fps)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("video", type=Path)
    parser.add_argument("audio", type=Path)
    parser.add_argument("--frames", type=int, default=150)
    parser.add_argument("--resolution", type=int, default=256)
    args = parser.parse_args()
    logging.disable()
    clip, speech = FirstFrames(FileClip(args.video), args.frames), read_audio(args.audio)
    with tempfile.TemporaryDirectory() as folder:
        models = load_models(write_untrained(Path(folder) / "nano", args.resolution), device="cpu")
    finder = FaceFinder("cpu")
    count = len(clip.times)

    watch = Stopwatch(*(part for part in vars(finder).values() if isinstance(part, torch.nn.Module)))
    survey_seconds, found = time_call(lambda: survey(clip, finder))
    survey_networks = watch.seconds
    watch = Stopwatch(models.unet, *models.vae.children(), models.whisper)
    options = Options(steps=1, guidance=1.0)
    result_seconds, _ = time_call(
        lambda: sum(1 for _ in lip_sync(clip, speech, models, options, choose(found)))
    )
    figures = {
        "frames": count,
        "size": f"{clip.width}x{clip.height}",
        "crop": args.resolution,
        "survey_ms": to_milliseconds(survey_seconds - survey_networks, count),
        "result_ms": to_milliseconds(result_seconds - watch.seconds, count),
        "everything_but_networks_and_encoder_ms": to_milliseconds(
            survey_seconds + result_seconds - survey_networks - watch.seconds, count
        ),
        "networks_ms": to_milliseconds(survey_networks + watch.seconds, count),
    }
    print(json.dumps(figures, indent=2))


def time_call(work):
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result


def to_milliseconds(seconds, frames):
    return round(1000 * seconds / frames, 1)


if __name__ == "__main__":
    main()
