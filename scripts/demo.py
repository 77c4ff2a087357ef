"""Make a talking clip, give it other words, and show and measure what came out. Run it by `python dev.py demo`."""

import argparse
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from demo_images import plot_openings, plot_sync, write_animation, write_sheet
from tqdm import tqdm

from latentsync_core import (
    FaceTrack,
    FileClip,
    Options,
    TensorClip,
    load_models,
    open_writer,
    plan_sync,
    render,
)
from latentsync_core.faces import FaceFinder, measure_openings, smooth_matrices
from latentsync_core.media import cut
from latentsync_core.metrics.score import measure_sync
from latentsync_core.metrics.view import look
from latentsync_core.speakers import find_face
from latentsync_core.weights import find_syncnet, load_syncnet
from latentsync_lab.images import write_label
from latentsync_lab.synthetic import bundled_speech, mono_16k, talking_clip

SEED = 5
"""The person; training takes its people from seed 100 000 on."""
OLD_WORDS, NEW_WORDS = ("b", 1.32, 2.32), ("a", 0.16, 2.08)
"""Bundled speech, start and length in seconds: "Watch how my mouth follows every word" and "Hello! Open the window"."""


@dataclass(frozen=True, eq=False)
class Shown:
    """The same moments as source, result and truth; frames (H, W, 3) uint8."""

    source: list
    result: list
    truth: list


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("output/demo"))
    parser.add_argument("--preset", default="balanced", help="default: %(default)s")
    parser.add_argument(
        "--pictures",
        dest="images",
        type=Path,
        metavar="FOLDER",
        help="also write the README's images there",
    )
    args = parser.parse_args()
    args.output.mkdir(parents=True, exist_ok=True)
    started = time.perf_counter()

    models = load_models("nano", device="cpu")
    print(f"{models.name}: {models.note}")
    said, new = (cut(bundled_speech(name), *span) for name, *span in (OLD_WORDS, NEW_WORDS))
    made, true = talking_clip(SEED, said), talking_clip(SEED, new)
    source = args.output / "source.mp4"
    write(source, made, made.read(range(len(made.times))), made.times, said)

    clip, options = FileClip(source), Options.preset(args.preset, length="cut_off")
    track = find_face(clip)
    dub = plan_sync(clip, new, options, track, models=models)
    (line,) = dub.lines
    plan = line.plan
    print(plan)
    frames = render(dub, models)
    frames = [np.asarray(frame) for frame in tqdm(frames, "lip-sync", len(plan), disable=None)]
    write(args.output / "result.mp4", clip, frames, plan.times, new, plan.duration)

    count = min(len(frames), len(true.times))
    shown = Shown(
        [np.asarray(frame) for frame in clip.read(plan.source[:count].tolist())],
        frames[:count],
        list(true.read(range(count))),
    )
    write(
        args.output / "side_by_side.mp4", clip, draw_side_by_side(shown), plan.times[:count], new, count / 25
    )
    new_mouth, old_mouth = (c.truth[0].mouth.openness[:count] for c in (true, made))
    write_sheet(args.output / "sheet.jpg", shown, new_mouth, old_mouth)
    points = true.truth[0].points[:count]
    measure(shown, points, new_mouth, old_mouth, true.times[:count], args.output / "opening.png")
    evaluate_sync(points, shown, mono_16k(new), args.output / "sync.png")
    if args.images:
        copy_images(args.output, args.images, shown)

    print(f"\n{time.perf_counter() - started:.0f} s. Look at {args.output}:")
    for path in sorted(args.output.iterdir()):
        print(f"  {path.name:18} {path.stat().st_size / 1e3:6.0f} kB")


def write(path, clip, frames, times, audio, duration=None):
    frames = iter(frames)
    first = next(frames)
    with open_writer(path, *first.shape[:2], clip.fps, audio=audio, duration=duration) as writer:
        for seconds, frame in zip(times, (first, *frames), strict=True):
            writer.write(frame, float(seconds))


def draw_side_by_side(shown):
    """Yield frames that show source, result and truth, each with its name."""
    for row in zip(shown.source, shown.result, shown.truth, strict=True):
        parts = []
        for frame, text in zip(row, ("source", "result", "truth"), strict=True):
            parts.append(write_label(frame.copy(), text, (8, 20)))
        yield np.hstack(parts)


def measure(shown, points, new, old, times, path):
    """Print and plot how the opening of the result's mouth follows the true mouths of the new and the old words."""
    matrices = smooth_matrices(points, times, 128)
    predicted, best = (
        measure_openings(FaceFinder(), part, matrices, 128) for part in (shown.result, shown.truth)
    )
    known = ~np.isnan(predicted + best)
    scale = np.polyfit(
        best[known], new[known], 1
    )  # the mesh measures in its own units: true mouths give the scale
    plot_openings(path, times, new, old, np.polyval(scale, predicted))

    def correlation(a, b):
        return np.corrcoef(a[known], b[known])[0, 1]

    print(
        f"Correlation of the mouth's opening with the new words: {correlation(predicted, new):.2f} "
        f"(on true frames, read in the same way: {correlation(best, new):.2f}; with the old words: "
        f"{correlation(predicted, old):.2f}; of new with old words: {correlation(old, new):.2f})"
    )


def evaluate_sync(points, shown, samples, path):
    """Plot the sync curve of source, result and truth."""
    syncnet, track = load_syncnet(find_syncnet("nano")), FaceTrack.from_points(points)
    views = {name: look(TensorClip(frames, 25), syncnet, track=track) for name, frames in vars(shown).items()}
    curves = {name: measure_sync(view, samples, syncnet) for name, view in views.items()}
    plot_sync(path, curves)
    print("Sync by SyncNet:", ", ".join(f"{n} {c.offset:+d} ({c.confidence:.2f})" for n, c in curves.items()))


def copy_images(output, folder, shown):
    folder.mkdir(parents=True, exist_ok=True)
    write_animation(folder / "demo.webp", list(draw_side_by_side(shown)))
    for image in (*output.glob("*.jpg"), *output.glob("*.png")):
        (folder / f"demo-{image.name}").write_bytes(image.read_bytes())


if __name__ == "__main__":
    main()
