"""Measure dubs of drawn films whose truth is known: does each mouth follow its own line, and no other?

Two to four people talk already, and lines are laid on them, most at the same time, in three scenes: they stand in a
row; the outer two walk past each other, through all others; a cut to another framing, in which they stand the other
way round, and a few frames of landscape. What is printed for each line: the correlation of its mouth's opening with
its own words, where the new mouth shows in full (it fades in and out within the line's first and last 0.12 s); that
of the drawn film's mouth with the film's words, which is as far as the measurement itself goes; that with lines that
others say at the same time, beyond what the words share, which a mouth cannot help; and in how many frames the lips of
a person without a line are not the film's own. Contact sheets go to output/.

    python benchmarks/dubbing.py [--scenes row crossing cuts] [--people 2 3 4] [--preset draft] [--seed 1]
"""

import argparse
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

import cv2
import numpy as np

from latentsync_core import Options, TensorClip, Waveform, load_models, render
from latentsync_core.data import SPEECH_RATE, Line
from latentsync_core.faces import FaceFinder, measure_openings, smooth_matrices
from latentsync_core.pipeline import plan_dub
from latentsync_lab.synthetic import (
    Cutaway,
    Identity,
    Motion,
    Person,
    Scene,
    SyntheticClip,
    Walk,
    mono_16k,
    mouth_from_speech,
    speak,
)
from latentsync_lab.truth import correlation

FPS, SECONDS, HEIGHT, WIDTH = 25, 5, 270, 230
"""Of a film; the width is that of one person."""
UNIT, CLOSE_UNIT = 62.0, 75.0
"""Pixels in a head unit, before and after a cut."""
OWN = "The weather will be fine again tomorrow, as it was on all of these long days before."
TEXTS = (
    "Hello! Open the window, please.",
    "Who are you? Go away, all of you!",
    "I am your brother, how do you do?",
    "Many apples fall far away from the tree.",
    "Our house is over there, by the water.",
)
VOICES = "en-us", "en-gb+f3", "en-us+m4", "en-gb+f2"


def make_shot(seed, speeches, seconds, *events, mirrored=False, unit=UNIT):
    """Draw people who say `speeches`, in a row from left to right, or from right to left."""
    size = WIDTH * len(speeches), HEIGHT
    cast = tuple(
        Person(
            Identity.random(100 * seed + i),
            said,
            (WIDTH * (len(speeches) - i - 0.5 if mirrored else i + 0.5), HEIGHT / 2),
            unit,
            Motion(100 * seed + i),
        )
        for i, said in enumerate(speeches)
    )
    return SyntheticClip(Scene(cast, Fraction(FPS), round(seconds * FPS), size, events, seed=seed))


def draw_row(seed, speeches, seconds):
    return [make_shot(seed, speeches, seconds)]


def draw_crossing(seed, speeches, seconds):
    """The last one passes in front."""
    way, last = WIDTH * (len(speeches) - 1), len(speeches) - 1
    times = 0.2 * seconds, 0.8 * seconds
    return [make_shot(seed, speeches, seconds, Walk(*times, way=way), Walk(*times, last, way=-way))]


def draw_cuts(seed, speeches, seconds):
    first = round(seconds * FPS / 2) / FPS
    later = [said[round(first * SPEECH_RATE) :] for said in speeches]
    rest = seconds - first
    landscape = Cutaway(0.4 * rest, 0.5 * rest)
    return [
        make_shot(seed, speeches, first),
        make_shot(seed, later, rest, landscape, mirrored=True, unit=CLOSE_UNIT),
    ]


SCENES = {"row": draw_row, "crossing": draw_crossing, "cuts": draw_cuts}


@dataclass(frozen=True)
class Film:
    """One or more shots."""

    shots: list[SyntheticClip]

    def __post_init__(self):
        frames = [frame for shot in self.shots for frame in shot.read(range(shot.scene.frames))]
        object.__setattr__(self, "frames", np.stack(frames))
        object.__setattr__(self, "clip", TensorClip(self.frames, FPS))

    def gather(self, person, what):
        """Return what is true of a person in every frame, by its name in `Truth`."""
        return np.concatenate([getattr(shot.truth[person], what) for shot in self.shots])

    def measure(self, person, frames):
        """Measure how open a person's mouth is in frames of the film, (N,)."""
        found, first = [], 0
        for shot in self.shots:
            some = frames[first : first + shot.scene.frames]
            matrices = smooth_matrices(shot.truth[person].points, shot.times, 256)
            found.append(measure_openings(FaceFinder(), list(some), matrices, 256))
            first += len(some)
        return np.where(self.gather(person, "visible"), np.concatenate(found), np.nan)

    def own_words(self, person):
        return np.concatenate([shot.truth[person].mouth.openness for shot in self.shots])

    def find(self, person, first):
        """Return the first frame from `first` on that shows a person, and where the face is."""
        points = self.gather(person, "points")
        frame = first + int(np.flatnonzero(self.gather(person, "visible")[first:])[0])
        x, y = points[frame].mean(0)
        return frame, (float(x), float(y))

    def say(self, person, waveform, start, name):
        """Return a line of a person, who is named by where the face is when it begins."""
        frame, place = self.find(person, round(start * FPS))
        return Line(waveform, start, name, speaker=place, speaker_at=frame / FPS)


def write_film(scene, seed, people):
    """Draw people who talk, and give each a line, at a time by chance; most overlap with another."""
    own = [mono_16k(speak(OWN, VOICES[i], 140 + 10 * i)) for i in range(people)]
    film = Film(SCENES[scene](seed, [np.resize(said, SECONDS * SPEECH_RATE) for said in own], SECONDS))
    rng = np.random.default_rng(seed)
    lines = []
    for i, text in zip(range(people), rng.permutation(len(TEXTS)), strict=False):
        said = mono_16k(speak(TEXTS[text], VOICES[i], 150))
        start = float(rng.uniform(0, SECONDS - len(said) / SPEECH_RATE))
        lines.append(film.say(i, Waveform(said[None], SPEECH_RATE), start, str(i + 1)))
    return film, lines


@dataclass(frozen=True)
class Followed:
    """What became of a line."""

    name: str
    own: float
    """Correlation of the mouth with the line's words."""
    drawn: float
    """Of the drawn mouth with the film's own words in the same frames."""
    leaked: float
    """Greatest correlation with another line's words at the same time, beyond that of the words; NaN without any."""
    shown: int
    """Frames that this is measured in: the face is to be seen, and the new mouth in full."""


def follow_lines(film, lines, dub, frames):
    """Yield for each line, of the persons in their order, how well its mouth follows it in the frames of a dub."""
    words = [words_of(line, film.clip.times) for line in lines]
    for i, line in enumerate(lines):
        opening = film.measure(i, frames)
        inside = ~np.isnan(words[i]) & ~np.isnan(opening) & find_full(dub, line.name)
        drawn = film.measure(i, film.frames)[inside]
        leaked = np.nan
        for j, other in enumerate(words):
            both = inside & ~np.isnan(other)
            if j != i and both.sum() >= FPS:
                shared = max(0.0, correlation(words[i][both], other[both]))
                leaked = np.fmax(leaked, correlation(opening[both], other[both]) - shared)
        yield Followed(
            line.name,
            correlation(opening[inside], words[i][inside]),
            correlation(drawn, film.own_words(i)[inside]),
            float(leaked),
            int(inside.sum()),
        )


def find_full(dub, name):
    """Tell which frames show the new mouth of a line in full, (N,)."""
    full = np.zeros(len(dub), bool)
    for line in dub.lines:
        if line.name == name:
            full[line.first : line.last] |= line.plan.strength == 1
    return full


def count_strange_lips(film, lines, frames):
    """Count frames in which the lips of a person who says no line then are not the film's own."""
    count = 0
    for i, line in enumerate(lines):
        silent = np.isnan(words_of(line, film.clip.times)) & film.gather(i, "visible")
        for k in np.flatnonzero(silent):
            left, top, right, bottom = np.rint(film.gather(i, "boxes")[k]).astype(int)
            count += (frames[k][top:bottom, left:right] != film.frames[k][top:bottom, left:right]).any()
    return count


def words_of(line, times):
    """Return how open the words want a mouth at each time, NaN outside of the line."""
    inside = (times >= line.start) & (times < line.start + line.audio.duration)
    wanted = np.full(len(times), np.nan)
    wanted[inside] = mouth_from_speech(line.audio.samples[0], times[inside] - line.start).openness
    return wanted


def dub_film(film, lines, options, models):
    """Return the plan and the frames of a dub, of which those without a line are checked to be the film's own."""
    dub = plan_dub(film.clip, lines, options, models=models)
    print(*dub.lines, *dub.problems, sep="\n", flush=True)
    frames = np.stack(list(render(dub, models)))
    lined = np.any([~np.isnan(words_of(line, film.clip.times)) for line in lines], axis=0)
    assert (frames[~lined] == film.frames[~lined]).all() and (
        frames[~dub.changed] == film.frames[~dub.changed]
    ).all()
    return dub, frames


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--scenes", nargs="+", choices=SCENES, default=list(SCENES))
    parser.add_argument("--people", nargs="+", type=int, default=[2, 3, 4])
    parser.add_argument("--preset", default="draft")
    parser.add_argument("--seed", type=int, default=1)
    args = parser.parse_args()
    models, rows = load_models("nano", device="cpu"), []
    Path("output").mkdir(exist_ok=True)
    for people in args.people:
        for scene in args.scenes:
            film, lines = write_film(scene, args.seed + people, people)
            dub, frames = dub_film(film, lines, Options.preset(args.preset), models)
            strange = count_strange_lips(film, lines, frames)
            for row in follow_lines(film, lines, dub, frames):
                rows.append(row)
                print(
                    f"{scene}, {people} people, line {row.name}: own {row.own:.3f} (drawn {row.drawn:.3f}) in "
                    f"{row.shown} frames; leaked {row.leaked:.2f}; strange lips in {strange} frames",
                    flush=True,
                )
            shown = range(0, len(frames), len(frames) // 6)
            sheet = np.vstack([np.hstack([film.frames[k], frames[k]]) for k in shown])
            cv2.imwrite(f"output/dubbing_{scene}_{people}.jpg", sheet[..., ::-1])
    own, leaked = np.array([row.own for row in rows]), np.array([row.leaked for row in rows])
    print(
        f"own words: mean {own.mean():.3f}, least {own.min():.3f}; drawn: {np.mean([r.drawn for r in rows]):.3f}"
    )
    print(f"another line's words, beyond what the words share: {np.nanmax(leaked):.2f} at most")


if __name__ == "__main__":
    main()
