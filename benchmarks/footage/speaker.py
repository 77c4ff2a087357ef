"""Measure who is told to speak: drawn scenes of two with known truth, and pairs of real people.

Drawn: one says what is heard; the other keeps silent, or says something else that is not heard. Real: of each two
clips side by side with the audio of one, by how the mouths open, as where no SyncNet for people is at hand. The
speakers (TALKERS) move their mouths; of the others most keep silent.

    python benchmarks/footage/speaker.py MEDIA_FOLDER
"""

from collections import Counter
from fractions import Fraction

import numpy as np
from common import load_footage, media_argument
from who import PERSONS

from latentsync_core import FaceTrack, TensorClip, find_face, read_audio
from latentsync_core.data import SPEECH_RATE
from latentsync_core.faces import FaceFinder, Survey
from latentsync_core.metrics.active_speaker import detect_speaker
from latentsync_lab.synthetic import Identity, Motion, Person, Scene, Silence, SyntheticClip, mono_16k, speak

SCENES = 40
SECONDS = 4
SIZE = 480, 270
TALKERS = "demo1 demo3 lp_d10 lp_d11 lp_d12 lp_d20 lp_d6 st_katie th vr_2 vr_3 vr_4 vr_5".split()
TEXTS = (
    "The quick brown fox jumps over the lazy dog, and nobody saw it happen.",
    "Please remember to bring the documents that we talked about last week.",
    "I never said she stole my money, but everybody thinks I did.",
    "In the morning we walked along the river until the rain began.",
    "There are many ways of telling a story, and this is only one of them.",
    "Could you open the window, it is getting quite warm in here, thank you.",
    "Seven silver swans swam silently across the shining summer sea.",
    "What happened after that is something I would rather not talk about.",
)
VOICES = "en-us", "en-gb+f3", "en-us+m4", "en-gb+f2"


def draw_scene(seed):
    """Draw two people; return the clip, with what is heard, and the place of the speaker: 0 left, 1 right."""
    rng = np.random.default_rng(seed)
    texts, voices, people = (
        rng.choice(8, 2, replace=False),
        rng.integers(4, size=2),
        rng.choice(200, 2, False),
    )
    said = [mono_16k(speak(TEXTS[t], VOICES[v], 150)) for t, v in zip(texts, voices, strict=True)]
    speaker = int(rng.integers(2))
    units = [60.0, 60.0]
    units[speaker] *= rng.uniform(0.7, 1.1)
    cast = tuple(
        Person(
            Identity.random(int(people[i])), np.resize(said[i], SECONDS * SPEECH_RATE),
            (SIZE[0] * (0.27 + 0.46 * i), SIZE[1] / 2), units[i], Motion(int(people[i])),
        )
        for i in (0, 1)
    )  # fmt: skip
    silence = () if seed % 2 else (Silence(0, SECONDS, 1 - speaker),)
    drawn = SyntheticClip(Scene(cast, Fraction(25), SECONDS * 25, SIZE, silence, seed=seed))
    frames = np.stack(list(drawn.read(range(SECONDS * 25))))
    return TensorClip(frames, 25, drawn.speech(speaker)), speaker


def measure_drawn():
    """Print how often the right one is found, and how sure it is."""
    right, surest = Counter(), []
    for seed in range(SCENES):
        clip, speaker = draw_scene(seed)
        track = find_face(clip)
        (scene,) = track.choice.scenes
        found = int(np.nanmean(track.points[..., 0]) > SIZE[0] / 2) == speaker
        right[seed % 2, scene.by, found] += 1
        surest.append(scene.sure)
        print(f"  {seed}: {track.choice}", "" if found else "WRONG", flush=True)
    for (talks, by, found), count in sorted(right.items()):
        print(
            f"the other {'talks too' if talks else 'is silent'}, by {by}: {'right' if found else 'WRONG'} {count}"
        )


def measure_openings(folder, finder, name):
    """Return how the mouth opens in the first four seconds, at the clip's rate, and that rate."""
    footage = load_footage(folder, name, 120)
    openings = [next((face.opening for face in finder.find([frame])[0]), np.nan) for frame in footage.frames]
    return np.interp(np.arange(100) / 25, footage.times, fill(openings))


def fill(values):
    """Fill in what is NaN."""
    values = np.asarray(values)
    known = np.flatnonzero(~np.isnan(values))
    return np.interp(np.arange(len(values)), known, values[known])


def measure_pairs(folder):
    """Print how often the mouth that opens with the audio is the speaker's."""
    finder = FaceFinder()
    openings = {name: measure_openings(folder, finder, name) for name in PERSONS}
    points = np.tile(np.array([[40.0, 40], [80, 40], [60, 65]]), (100, 1, 1))
    clip, told = TensorClip(np.zeros((100, 8, 8, 3), np.uint8), 25), Counter()
    for speaker in TALKERS:
        audio = read_audio(folder / f"{speaker}.mp4", duration=4)
        for other in PERSONS:
            if other != speaker:
                tracks = tuple(
                    FaceTrack(points + 100 * i, np.ones(100), openings=openings[name])
                    for i, name in enumerate((speaker, other))
                )
                boxes = np.stack([np.full((100, 4), [20.0, 20, 100, 100]) + 100 * i for i in (0, 1)])
                (scene,) = detect_speaker(clip, Survey(tracks, boxes, np.array([], int)), audio, ()).scenes
                told[
                    "undecided" if scene.by != "opening" else "right" if scene.persons == (1,) else "WRONG"
                ] += 1
    print(f"real pairs by opening against loudness: {dict(told)}")


def main():
    folder = media_argument(__doc__)
    measure_pairs(folder)
    measure_drawn()


if __name__ == "__main__":
    main()
