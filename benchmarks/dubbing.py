"""Measure dubs of drawn films whose truth is known: does each mouth follow its own line, and no other?

Two to four people stand in a row, all of them talking already; lines are laid on them, some at the same time. What is
printed for each line: the correlation of its mouth's opening with its own words, with those of a line that another
person says at the same time, and that of the two lines' words with each other, which a mouth cannot help. A contact
sheet goes to output/dubbing.jpg.

    python benchmarks/dubbing.py [--films 4] [--preset draft]
"""

import argparse
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from latentsync_core import Options, TensorClip, Waveform, load_models, render
from latentsync_core.data import SPEECH_RATE, Line
from latentsync_core.faces import FaceFinder, measure_openings, smooth_matrices
from latentsync_core.pipeline import plan_dub
from latentsync_lab.synthetic import Identity, Motion, Person, Scene, SyntheticClip, mono_16k, speak
from latentsync_lab.synthetic.mouth import mouth_from_speech

FPS, SECONDS, HEIGHT, WIDTH = 25, 5, 270, 230
"""Of a film; the width is that of one person."""
OWN = "The weather will be fine again tomorrow, as it was on all of these long days before."
TEXTS = (
    "Hello! Open the window, please.",
    "Who are you? Go away, all of you!",
    "I am your brother, how do you do?",
    "Many apples fall far away from the tree.",
    "Our house is over there, by the water.",
)
VOICES = "en-us", "en-gb+f3", "en-us+m4", "en-gb+f2"


def draw_film(seed, people):
    """Draw people who talk; return the clip and its truth."""
    own = [
        np.resize(mono_16k(speak(OWN, VOICES[i], 140 + 10 * i)), SECONDS * SPEECH_RATE) for i in range(people)
    ]
    cast = tuple(
        Person(
            Identity.random(100 * seed + i),
            own[i],
            (WIDTH * (i + 0.5), HEIGHT / 2),
            62.0,
            Motion(100 * seed + i),
        )
        for i in range(people)
    )
    drawn = SyntheticClip(Scene(cast, Fraction(FPS), SECONDS * FPS, (WIDTH * people, HEIGHT), (), seed=seed))
    return TensorClip(np.stack(list(drawn.read(range(SECONDS * FPS)))), FPS), drawn.truth


def write_lines(seed, truth):
    """Give every person a line, at a time by chance; most overlap with another."""
    rng = np.random.default_rng(seed)
    texts = rng.permutation(len(TEXTS))
    for i, person in enumerate(truth):
        said = mono_16k(speak(TEXTS[texts[i]], VOICES[i], 150))
        x, y = person.points[0].mean(0)
        start = float(rng.uniform(0, SECONDS - len(said) / SPEECH_RATE))
        yield Line(Waveform(said[None], SPEECH_RATE), start, str(i + 1), speaker=(float(x), float(y)))


def measure_film(seed, people, preset, models):
    """Return correlations (own, leaked, shared) of each line, whether all else is untouched, and frames to look at."""
    clip, truth = draw_film(seed, people)
    lines = list(write_lines(seed, truth))
    dub = plan_dub(clip, lines, Options.preset(preset), models=models)
    frames = np.stack(list(render(dub, models)))
    source = np.stack(list(clip.read(range(len(clip.times)))))
    assert (frames[~dub.changed] == source[~dub.changed]).all()
    openings = [open_of(frames, person.points, clip.times) for person in truth]
    words = [words_of(line, clip.times) for line in lines]
    found = []
    for i, line in enumerate(lines):
        inside = ~np.isnan(words[i]) & ~np.isnan(openings[i])
        own = np.corrcoef(openings[i][inside], words[i][inside])[0, 1]
        for j in range(len(lines)):
            both = inside & ~np.isnan(words[j])
            if j != i and both.sum() >= FPS:
                leaked, shared = (np.corrcoef(a[both], words[j][both])[0, 1] for a in (openings[i], words[i]))
                found.append((line.name, lines[j].name, own, leaked, shared))
        if all(row[0] != line.name for row in found):
            found.append((line.name, "-", own, np.nan, np.nan))
    middle = int(np.argmax(dub.changed)) + int(dub.changed.sum()) // 2
    return found, np.vstack([source[middle], frames[middle]])


def open_of(frames, points, times):
    return measure_openings(FaceFinder(), list(frames), smooth_matrices(points, times, 256), 256)


def words_of(line, times):
    """Return how open the words want a mouth at each time, NaN outside of the line."""
    inside = (times >= line.start) & (times < line.start + line.audio.duration)
    wanted = np.full(len(times), np.nan)
    wanted[inside] = mouth_from_speech(line.audio.samples[0], times[inside] - line.start).openness
    return wanted


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--films", type=int, default=4)
    parser.add_argument("--preset", default="draft")
    args = parser.parse_args()
    models, rows, images = load_models("nano", device="cpu"), [], []
    for seed in range(1, args.films + 1):
        found, image = measure_film(seed, 2 + seed % 3, args.preset, models)
        rows += found
        images.append(cv2.copyMakeBorder(image, 0, 0, 0, 4 * WIDTH - image.shape[1], cv2.BORDER_CONSTANT))
        for name, other, own, leaked, shared in found:
            print(
                f"film {seed}, line {name}: own {own:.2f}; line {other}: {leaked:.2f}, words {shared:.2f}",
                flush=True,
            )
    own, over = np.array([row[2] for row in rows]), np.array([row[3] - max(0, row[4]) for row in rows])
    print(f"own words: mean {own.mean():.3f}, least {own.min():.3f}")
    print(f"another line's words, beyond what the words share: {np.nanmax(over):.2f} at most")
    Path("output").mkdir(exist_ok=True)
    cv2.imwrite("output/dubbing.jpg", np.vstack(images)[..., ::-1])


if __name__ == "__main__":
    main()
