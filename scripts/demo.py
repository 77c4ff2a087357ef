"""Make a talking clip, give it other words, and show what came out. Run it by `python dev.py demo`."""

import argparse
import logging
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
from tqdm import tqdm

from latentsync_core import FileClip, Options, lip_sync, load_models, make_plan, open_writer
from latentsync_core.pipeline import find_face
from latentsync_core.synthetic import bundled_speech, talking_clip
from latentsync_core.weights import untrained

SEED = 5
SHEET_FRAMES = 6
NOTICE = """\
This checkout holds no trained model yet. The demo runs the whole real pipeline with a small network of
RANDOM weights in the official checkpoint layout, so the new mouth is noise: it shows that everything around
the network works, not what LatentSync looks like. For that: python -m latentsync_core weights get 1.6"""


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("output/demo"))
    folder = parser.parse_args().output
    folder.mkdir(parents=True, exist_ok=True)
    logging.basicConfig(level=logging.WARNING)
    print(NOTICE, end="\n\n")
    started = time.perf_counter()
    said, new = bundled_speech("a"), bundled_speech("b")

    source, result = folder / "source.mp4", folder / "result.mp4"
    made = talking_clip(SEED, said)
    write(
        source,
        made,
        tqdm(made.read(range(len(made.times))), "render", len(made.times), disable=None),
        made.times,
        said,
    )

    clip, options = FileClip(source), Options.preset("draft", length="cut_off")
    with tempfile.TemporaryDirectory() as checkpoint:
        models = load_models(untrained(Path(checkpoint) / "untrained"), device="cpu")
    track = find_face(clip)
    plan = make_plan(clip, new, options, track, window_frames=models.window_frames)
    print(plan)
    frames = list(
        tqdm(lip_sync(clip, new, models, options, track, plan=plan), "lip-sync", len(plan), disable=None)
    )
    write(result, clip, frames, plan.times, new, plan.duration)

    sources = list(clip.read(plan.source.tolist()))
    pairs = [np.hstack(pair) for pair in zip(sources, frames, strict=True)]
    write(folder / "side_by_side.mp4", clip, pairs, plan.times, new, plan.duration)
    write_sheet(folder / "sheet.png", sources, frames)
    print(f"\n{time.perf_counter() - started:.0f} s. Look at {folder}:")
    for path in sorted(folder.iterdir()):
        print(f"  {path.name:18} {path.stat().st_size / 1e3:6.0f} kB")


def write(path, clip, frames, times, sound, duration=None):
    frames = iter(frames)
    first = next(frames)
    with open_writer(path, *first.shape[:2], clip.fps, audio=sound, duration=duration) as writer:
        for seconds, frame in zip(times, (first, *frames), strict=True):
            writer.write(frame, float(seconds))


def write_sheet(path, sources, frames):
    """Sources above, results below, at even times."""
    picks = np.linspace(0, len(frames) - 1, SHEET_FRAMES).round().astype(int)
    rows = [np.hstack([pictures[i] for i in picks]) for pictures in (sources, frames)]
    cv2.imwrite(str(path), np.vstack(rows)[..., ::-1])


if __name__ == "__main__":
    main()
