"""Measure what happens in frames that do not show the face, or in which it is not found.

Real clips, edited so that the truth is known: a board passes and hides the face for some frames; a single frame is
something else; the detector misses the face for 8 frames although it is there; and the same in bad footage. Prints how
many frames are painted that must not be, and how many faces are found again. Contact sheet: output/footage/gaps.jpg, a
green border where the mouth is painted.

    python benchmarks/footage/gaps.py MEDIA_FOLDER
"""

from dataclasses import dataclass

import cv2
import numpy as np
from common import media_argument, read_small, write_sheet

from latentsync_core import FileClip, Options, TensorClip, Waveform, make_plan
from latentsync_core.faces import FaceFinder, choose, survey

NAMES = ("vr_2", "vr_4", "lp_d10", "lp_d14", "st_alex", "demo1")
FRAMES, LONGEST, FPS = 36, 480, 25
HIDDEN = range(14, 22)
"""Frames in which the detector is blind."""
INSERT = 20


@dataclass
class Blind:
    """A finder whose detector misses some frames of the clip; the mesh works as ever."""

    finder: FaceFinder
    frames: range
    number: int = 0

    def find(self, frames, thorough=False):
        if thorough:
            return [[] for _ in frames]
        numbers = range(self.number, self.number + len(frames))
        self.number += len(frames)
        found = self.finder.find(frames)
        return [[] if i in self.frames else faces for i, faces in zip(numbers, found, strict=True)]

    def measure(self, frames, rois):
        return self.finder.measure(frames, rois)


def load(path):
    clip = FileClip(path)
    return np.stack(read_small(clip, range(min(FRAMES, len(clip))), LONGEST))


def pass_before(frames, points):
    """Draw a board that moves steadily through the frame; return the frames in which it hides the whole face too."""
    edited, hidden = frames.copy(), []
    brows = np.linalg.norm(points[:, 1] - points[:, 0], axis=1).mean()
    width = 4.5 * brows
    for i in range(len(frames)):
        x, y = points[i].mean(0)
        middle = x + (i - len(frames) / 2) * 0.7 * brows
        left, top = int(max(0, middle - width / 2)), int(max(0, y - 3 * brows))
        edited[i, top : int(y + 4 * brows), left : int(max(0, middle + width / 2))] = 40, 60, 110
        if abs(middle - x) < 1 * brows:
            hidden.append(i)
    return edited, hidden


def insert(frames, points):
    """Put one frame of something else into the clip; return that frame too."""
    edited = frames.copy()
    noise = np.random.default_rng(1).integers(60, 200, frames[0].shape).astype(np.uint8)
    edited[INSERT] = cv2.GaussianBlur(noise, (0, 0), 15)
    return edited, [INSERT]


def darken(frames, points):
    """Bad footage: an eighth of the light, with noise."""
    noise = np.random.default_rng(2).normal(0, 4, frames.shape)
    return np.clip(frames * 0.125 + noise, 0, 255).astype(np.uint8)


def blur(frames, points):
    """Bad footage: smeared over a third of the distance of the brows."""
    length = max(3, int(np.linalg.norm(points[0, 1] - points[0, 0]) / 3))
    return np.stack([cv2.blur(f, (length, 1)) for f in frames])


def run(frames, finder, missing_face="keep"):
    """Return the person's track and the alpha of the new mouth of each frame."""
    clip = TensorClip(frames, FPS)
    samples = np.random.default_rng(0).normal(0, 0.1, (1, 16000 * len(frames) // FPS)).astype(np.float32)
    track = choose(survey(clip, finder))
    options = Options(missing_face=missing_face, length="silence")
    return track, make_plan(clip, Waveform(samples, 16000), options, track).strength


def frame_of(image, alpha):
    """Return the image with a border that is green where the mouth is painted."""
    bordered = image.copy()
    cv2.rectangle(bordered, (0, 0), (image.shape[1] - 1, image.shape[0] - 1), (0, int(255 * alpha), 0), 12)
    return bordered


def main():
    media, finder = media_argument(__doc__), FaceFinder("cpu")
    sums, tiles, labels = {}, [], []

    def count(what, number, of):
        sums[what] = np.add(sums.get(what, (0, 0)), (number, of))

    for name in NAMES:
        frames = load(media / f"{name}.mp4")
        track, alpha = run(frames, finder)
        points = track.points
        count("untouched clips: frames without a mouth", np.sum(alpha == 0), len(alpha))
        for what, edit in (("passer-by", pass_before), ("insert", insert)):
            edited, hidden = edit(frames, points)
            for policy in ("keep", "hold"):
                _, alpha = run(edited, finder, policy)
                count(
                    f"{what}, {policy}: hidden frames that are painted",
                    np.sum(alpha[hidden] > 0),
                    len(hidden),
                )
                near = [hidden[0] - 1, hidden[-1] + 1] if what == "insert" else []
                count(
                    f"{what}, {policy}: frames beside it below full alpha", np.sum(alpha[near] < 1), len(near)
                )
                if policy == "keep":
                    shown = [hidden[0] - 3, hidden[0] - 1, hidden[0], hidden[-1], hidden[-1] + 1]
                    tiles += [frame_of(edited[i], alpha[i]) for i in shown]
                    labels += [f"{name} {what} {i}: {alpha[i]:.2f}" for i in shown]
        for what, edit in (("", lambda f, p: f), (" in the dark", darken), (" in a smear", blur)):
            edited = edit(frames, points)
            whole, _ = run(edited, finder)
            track, alpha = run(edited, Blind(finder, HIDDEN))
            seen = list(HIDDEN)
            count(f"detector blind{what}: frames found again", track.found[seen].sum(), len(seen))
            error = np.linalg.norm(track.points - whole.points, axis=-1)[seen].mean(-1)
            brows = np.linalg.norm(points[seen, 1] - points[seen, 0], axis=-1)
            print(f"{name}{what}: points off by {np.nanmax(error / brows):.4f} brow distances at most")
    for what, (number, of) in sums.items():
        print(f"{what}: {number} of {of}")
    write_sheet("gaps", tiles, labels, 10)


if __name__ == "__main__":
    main()
