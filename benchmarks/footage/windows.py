"""Measure the borders of windows and the mouths of short ones, with `nano` on drawn people.

How much a mouth changes at a border depends on what is said there. So the windows are laid from several first frames,
and each change at a border is compared with that between the very same frames where they lie inside a window. Short
windows are compared with the same frames inside a long one. The contact sheet output/footage/silence.jpg shows a
pause with each way of `silence`. No media are needed.

    python benchmarks/footage/windows.py [--steps 20]
"""

import argparse
from dataclasses import replace

import numpy as np
import torch
from common import write_sheet

from latentsync_core import Options, Waveform, lip_sync, load_models, plan_sync, render
from latentsync_core.faces import FaceFinder, crop_face, measure_openings, smooth_matrices
from latentsync_core.metrics.temporal import MOUTH
from latentsync_core.plan.layout import fill_window, lay_windows
from latentsync_lab.synthetic import bundled_speech, mono_16k, talking_clip

RATE, FPS, SIZE, FRAMES = 16_000, 25, 16, 40
PEOPLE = ((60_100, "ab"), (60_102, "ba"))
"""Seeds, and which bundled sentences the person says and shall say."""
OVERLAPS = (0, 2, 4)
SHIFTS = (0, 4, 8)
ISLANDS = (1, 4)
"""Lengths of short windows."""


def main():
    torch.set_num_threads(1)
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--steps", type=int, default=20, help="of DDIM")
    options = Options(steps=parser.parse_args().steps, sampler="ddim", reuse=1, length="cut_off")
    models = load_models("nano", device="cpu")
    scenes = [Scene(seed, *voices) for seed, voices in PEOPLE]
    for overlap in OVERLAPS:
        print_borders(scenes, models, replace(options, overlap=overlap))
    print_islands(scenes[0], models, options)
    print_silence(models, options)


class Scene:
    """A drawn person, and other words for them."""

    def __init__(self, seed, said, new):
        said, new = (mono_16k(bundled_speech(name))[4800:] for name in (said, new))
        self.clip = talking_clip(seed, said[: FRAMES * RATE // FPS], FPS, (240, 240))
        self.speech = Waveform(new[None, : FRAMES * RATE // FPS], RATE)
        self.track = self.clip.truth[0].track
        self.matrices = smooth_matrices(self.track.points, self.clip.times, 128)

    def mouths(self, models, options, windows, shown):
        """Return the crops of the mouth after a run with these windows, (N, h, w, 3)."""
        dub = plan_sync(self.clip, self.speech, options, self.track, models=models)
        (line,) = dub.lines
        plan = replace(line.plan, windows=tuple(windows), strength=shown.astype(np.float32))
        frames = render(replace(dub, lines=(replace(line, plan=plan),)), models)
        left, right, top, bottom = (round(part * 128) for part in MOUTH)
        return np.stack(
            [
                crop_face(f, m, 128)[top:bottom, left:right]
                for f, m in zip(frames, self.matrices, strict=False)
            ]
        )


def changes(mouths):
    return np.abs(np.diff(mouths, axis=0)).mean((1, 2, 3))


def print_borders(scenes, models, options):
    border, inside, worst = 0.0, 0.0, []
    for scene in scenes:
        at, within = [[] for _ in range(FRAMES)], [[] for _ in range(FRAMES)]
        for shift in SHIFTS:
            windows = lay_windows(np.arange(shift, FRAMES), SIZE, options.overlap)
            change = changes(scene.mouths(models, options, windows, np.arange(FRAMES) >= shift))
            near = {f + i for w in windows[1:] for f in w.frames[:1] for i in range(-1, options.overlap)}
            for i in range(shift, FRAMES - 1):
                (at if i in near else within)[i].append(change[i])
        both = [(np.mean(a), np.mean(b)) for a, b in zip(at, within, strict=True) if a and b]
        border, inside = border + sum(a for a, _ in both), inside + sum(b for _, b in both)
        worst.append(sum(a for a, _ in both) / sum(b for _, b in both))
    print(
        f"overlap {options.overlap}: change at borders / inside {border / inside:.3f}, by person "
        + ", ".join(f"{ratio:.3f}" for ratio in worst),
        flush=True,
    )


def print_islands(scene, models, options):
    whole = np.arange(16, 32)
    shown = np.isin(np.arange(FRAMES), whole)
    reference = scene.mouths(models, options, lay_windows(whole, SIZE, 0), shown)[whole]
    usable, breaks = np.ones(FRAMES, bool), np.zeros(FRAMES, bool)
    for length in ISLANDS:
        parts = [w for i in range(16, 32, length) for w in lay_windows(np.arange(i, i + length), SIZE, 0)]
        parts = [replace(w, segment=i) for i, w in enumerate(parts)]
        filled = [fill_window(w, SIZE, scene.clip.times, usable, breaks) for w in parts]
        for name, windows in (("alone", parts), ("filled", filled)):
            mouths = scene.mouths(models, options, windows, shown)[whole]
            print(
                f"windows of {length} frames {name}: {np.abs(mouths - reference).mean():.2f} levels from the same "
                f"frames in one window of 16, whose mouth changes by {changes(reference).mean():.2f} a frame",
                flush=True,
            )


def print_silence(models, options):
    """A pause of 0.65 s in noise at 20 dB; the person goes on talking in the source."""
    scene = Scene(60_101, "a", "b")
    said = scene.speech.samples[0].copy()
    said[11_200:21_600] = 0
    noise = np.random.default_rng(0).standard_normal(len(said))
    said += (noise * np.sqrt(np.square(said).mean()) * 10 ** (-20 / 20)).astype(np.float32)
    scene.speech = Waveform(said[None], RATE)
    pause, images, labels = np.arange(21, 31), [], []
    for silence in ("source", "model", "closed", "keep"):
        if silence == "source":
            frames = list(scene.clip.read(range(FRAMES)))
        else:
            chosen = replace(options, silence=silence)
            frames = list(lip_sync(scene.clip, scene.speech, models, chosen, scene.track))
        opening = measure_openings(FaceFinder(), frames, scene.matrices[: len(frames)], 128)
        print(
            f"in the pause, {silence}: opening {opening[pause].mean():.4f}, changing by "
            f"{np.abs(np.diff(opening[pause])).mean():.4f} a frame; in all frames up to {opening.max():.3f}",
            flush=True,
        )
        images += [
            crop_face(frames[i], scene.matrices[i], 128).clip(0, 255).astype(np.uint8)
            for i in range(15, 36, 2)
        ]
        labels += [f"{silence} {i}" for i in range(15, 36, 2)]
    write_sheet("silence", images, labels, 11, side=150)


if __name__ == "__main__":
    main()
