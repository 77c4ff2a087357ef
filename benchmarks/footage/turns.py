"""Measure how far heads are turned, against the truth, and what a turned head shows of the new mouth.

Drawn heads of known yaw: the error of each person. Heads that swing about the limit, and one frame that is measured
badly: how often the mouth is switched, how many frames change, how fast it fades. The most turned faces of the media,
for the eye: output/footage/turned.jpg.

    python benchmarks/footage/turns.py MEDIA_FOLDER
"""

import cv2
import numpy as np
from common import media_argument, write_sheet

from latentsync_core import FaceTrack, FileClip
from latentsync_core.faces import FaceFinder
from latentsync_core.plan.turned import fade_by_turn
from latentsync_lab.synthetic.backdrop import paint_backdrop
from latentsync_lab.synthetic.head import Expression, Head
from latentsync_lab.synthetic.identity import Identity
from latentsync_lab.synthetic.warp import Pose

SIDE, LIMIT, FPS = 320, 69.0, 25
VIEW = np.array([[1, 0, -SIDE / 2], [0, 1, -0.46 * SIDE]]) / (0.36 * SIDE)
PERSONS = range(24)
POSES = [Pose(yaw, pitch) for yaw in range(-40, 41, 10) for pitch in (-8, 0, 8)]
EVERY = 10
"""Of the frames of the media, those that are looked at."""


def draw(seed, poses):
    """Yield one person in some poses, (320, 320, 3) in 0..1."""
    identity = Identity.random(seed)
    head, backdrop = Head(identity), paint_backdrop(identity, SIDE, SIDE).astype(np.float32)
    for pose in poses:
        image = backdrop.copy()
        head.draw(image, VIEW, pose, Expression())
        yield np.clip(image, 0, 1)


def measure_drawn(finder):
    """Print the error of the yaw on drawn heads, each person's mean and the worst."""
    truth = np.array([pose.yaw for pose in POSES])
    errors = np.array([[f[0].yaw for f in finder.find(list(draw(seed, POSES)))] for seed in PERSONS]) - truth
    means = np.abs(errors).mean(1)
    print(f"yaw of {len(PERSONS)} drawn persons in {len(POSES)} poses of up to 40 degrees:")
    print(f"  mean error {np.abs(errors).mean():.1f}, within 8 degrees {np.mean(np.abs(errors) <= 8):.3f}")
    print(f"  of one person: median {np.median(means):.1f}, worst {np.sort(means)[-3:].round(1).tolist()}")
    print(f"  persons within 8 degrees on average: {np.sum(means <= 8)} of {len(means)}")


def fade(yaw):
    """Return how much of the new mouth each frame shows, for the yaw (N,)."""
    return fade_by_turn(FaceTrack(np.ones((len(yaw), 3, 2)), np.ones(len(yaw)), yaw=yaw), FPS, LIMIT)


def measure_switches():
    """Print how often the mouth is switched about the limit, and what one bad frame changes."""
    for swing in (2.0, 4.0, 8.0):
        yaw = LIMIT + swing * np.sin(np.arange(250) / 2)
        print(f"swing of {swing:g} degrees about the limit, 10 s: {np.sum(np.diff(fade(yaw) > 0))} switches")
    yaw = np.full(100, 10.0)
    yaw[50] = 85
    print(f"one bad frame: {np.sum(fade(yaw) < 1)} frames change")
    steps = np.abs(np.diff(fade(np.concatenate([np.linspace(0, 90, 45), np.linspace(90, 0, 45)]))))
    print(f"a head that turns by 50 degrees a second: largest step of alpha {steps.max():.2f}")


def show_most_turned(finder, media):
    """Write the most turned faces of the media, with their yaw and what they show of the new mouth."""
    faces = []
    for path in sorted(media.glob("*.mp4")):
        clip = FileClip(path)
        numbers = range(0, len(clip), EVERY)
        for number, frame in zip(numbers, map(np.asarray, clip.read(numbers)), strict=True):
            faces += [
                (abs(f.yaw), f.yaw, path.stem, number, _cut(frame, f.box)) for f in _find(finder, frame)
            ]
    faces.sort(key=lambda face: -face[0])
    print(f"{len(faces)} faces of the media; the most turned: {[round(face[0]) for face in faces[:8]]}")
    best = {face[2]: face for face in reversed(faces)}.values()
    shown = sorted(best, key=lambda face: -face[0])[:18]
    labels = [f"{name} {number}: {yaw:.0f} degrees" for _, yaw, name, number, _ in shown]
    write_sheet("turned", [face[-1] for face in shown], labels, 6)


def _find(finder, frame):
    scale = min(1.0, 720 / max(frame.shape[:2]))
    small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    for face in finder.find([small])[0]:
        face.box[:] /= scale
        yield face


def _cut(frame, box):
    margin = 0.2 * (box[2:] - box[:2]).max()
    left, top, right, bottom = np.concatenate([box[:2] - margin, box[2:] + margin]).clip(0).astype(int)
    return frame[top:bottom, left:right].copy()


def main():
    media, finder = media_argument(__doc__), FaceFinder("cpu")
    measure_drawn(finder)
    measure_switches()
    show_most_turned(finder, media)


if __name__ == "__main__":
    main()
