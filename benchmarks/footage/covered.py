"""Measure how often a mouth that something hides is noticed, and how often a clear one is taken for hidden.

Real clips, with a microphone or a hand drawn before the mouth for 16 of 75 frames, and with other light, blur and
noise; drawn people with a hand, whose truth is known. What is printed is what the plan makes of it: frames that keep
their mouth. The contact sheet, output/footage/covered.jpg, has a stand-in for the networks that paints mouths green.

    python benchmarks/footage/covered.py MEDIA_FOLDER
"""

import time
from collections import defaultdict
from dataclasses import replace

import cv2
import numpy as np
from common import LONGEST, media_argument, read_small, write_sheet

from latentsync_core import FileClip
from latentsync_core.compositing import blend_mask, keep_source, paste
from latentsync_core.faces import FaceFinder, crop_face, crop_size, keep_mask, smooth_matrices
from latentsync_core.faces.align import fit_similarity
from latentsync_core.faces.covered import describe_cells, measure_covered
from latentsync_core.plan.hidden import fade_by_cover
from latentsync_lab.synthetic import bundled_speech, talking_clip
from latentsync_lab.synthetic.events import Occlusion, draw_hand
from latentsync_lab.synthetic.identity import Identity

NAMES = """
    demo1 demo3 lp_d0 lp_d3 lp_d6 lp_d9 lp_d10 lp_d11 lp_d12 lp_d13 lp_d14 lp_d18 lp_d19 lp_d20 lp_s13 lp_s18 lp_s20
    lp_s29 lp_s32 mt_sun mt_yongen st_alex st_katie th vr_1 vr_2 vr_3 vr_4 vr_5
""".split()
SHOWN = "vr_4", "vr_2", "st_katie", "lp_d13"
FRAMES, HIT = 75, np.arange(30, 46)
DRAWN = range(12)
THIRD = 1 / 3


def draw_microphone(frame, points, radius):
    """Draw a microphone before the mouth, in place; radius in brow distances."""
    apart = np.linalg.norm(points[1] - points[0])
    x, y = points[2] + [0, 0.75 * apart]
    r, middle = int(radius * apart), (int(x), int(y))
    foot = int(x - 0.4 * apart), int(y + 3.5 * apart)
    cv2.line(frame, middle, foot, (35, 35, 38), int(0.34 * apart), cv2.LINE_AA)
    cv2.circle(frame, middle, r, (62, 62, 66), -1, cv2.LINE_AA)
    for row in range(-4, 5):
        level = int(y + row * r / 5)
        cv2.line(frame, (int(x - 0.9 * r), level), (int(x + 0.9 * r), level), (90, 90, 95), 1, cv2.LINE_AA)


def hold_hand(frame, points, identity):
    """Draw a hand of a person before the mouth, in place."""
    unit = 1.25 * np.linalg.norm(points[1] - points[0])
    middle = points[2] + [0, 0.7 * unit / 1.25]
    image = frame.astype(np.float32) / 255
    draw_hand(image, np.array([[1, 0, -middle[0]], [0, 1, -middle[1]]]) / unit, identity, (0.0, 0.3))
    frame[:] = np.clip(image * 255, 0, 255).astype(np.uint8)


def match_skin(frame, points):
    """Return a drawn person with the skin of this one, as it is beside the nose."""
    apart = np.linalg.norm(points[1] - points[0])
    cheeks = [points[2] + [side * 0.45 * apart, 0.1 * apart] for side in (-1, 1)]
    reach = max(2, int(0.1 * apart))
    colors = [frame[int(y) - reach : int(y) + reach, int(x) - reach : int(x) + reach] for x, y in cheeks]
    skin = np.mean([np.median(color.reshape(-1, 3), 0) for color in colors if color.size], 0) / 255 / 0.9
    return replace(Identity.random(3), skin=tuple(np.clip(skin, 0, 1)))


OBJECTS = {
    "microphone": lambda frame, points, own: draw_microphone(frame, points, 0.42),
    "large microphone": lambda frame, points, own: draw_microphone(frame, points, 0.58),
    "hand": lambda frame, points, own: hold_hand(frame, points, Identity.random(3)),
    "hand of own skin": hold_hand,
}
CHANGES = {
    "dark": lambda frame, apart: frame * 0.55,
    "warm": lambda frame, apart: frame * [1.15, 1, 0.75],
    "gamma": lambda frame, apart: 255 * (frame / 255.0) ** 1.8,
    "side light": lambda frame, apart: frame * np.linspace(0.5, 1.3, frame.shape[1])[:, None],
    "blur": lambda frame, apart: cv2.GaussianBlur(frame, (0, 0), 0.06 * apart),
    "noise": lambda frame, apart: frame + np.random.default_rng(0).normal(0, 14, frame.shape),
}


def load(folder, name, finder):
    """Return the first frames of a clip with faces of a moderate size, and the largest face of each frame."""
    clip = FileClip(folder / f"{name}.mp4")
    frames = read_small(clip, range(min(FRAMES, len(clip.times))), LONGEST)
    faces = [pick(finder.find([frame])[0]) for frame in frames]
    kept = [i for i, face in enumerate(faces) if face is not None]
    return [frames[i] for i in kept], [faces[i] for i in kept], clip.times[kept]


def pick(faces, near=None):
    """Return the largest face, or the one nearest to three points; None without faces."""

    def size(face):
        return np.prod(face.box[2:] - face.box[:2]) if near is None else -np.abs(face.points - near).mean()

    return max(faces, key=size, default=None)


def judge(cells, openings, times):
    """Return how much of the new mouth each frame shows, (N,)."""
    covered = measure_covered(dict(enumerate(cells)), np.array(openings), times, ())
    return fade_by_cover(covered, (), 1 / np.median(np.diff(times)))


def measure_share(frame, points, draw, own):
    """Return which fraction of the painted part of the crop an object hides, and its mask in the frame."""
    black, white = np.zeros_like(frame), np.full_like(frame, 255)
    draw(black, points, own), draw(white, points, own)
    mask = 1 - (white.astype(np.float32) - black).mean(-1) / 255
    crop = (
        crop_face(np.repeat(mask[..., None], 3, -1), fit_similarity(points[None], 256)[0], 256)[..., 0] / 255
    )
    painted = 1 - keep_mask(256)
    return float((crop * painted).sum() / painted.sum()), mask


def measure_clip(folder, name, finder, counts, sheet):
    """Count the frames of one clip: (kept, all) by what was done to them."""
    frames, faces, times = load(folder, name, finder)
    cells = [describe_cells(frame, face.points) for frame, face in zip(frames, faces, strict=True)]
    openings = [face.opening for face in faces]
    clear = judge(cells, openings, times)
    counts["clear"] += count(clear)
    own = match_skin(frames[HIT[0]], faces[HIT[0]].points)
    far = np.abs(np.arange(len(frames))[:, None] - HIT).min(1) > 8
    for kind, draw in OBJECTS.items():
        shown, opened, shares = list(cells), list(openings), []
        for i in HIT:
            frame, points = frames[i].copy(), faces[i].points
            draw(frame, points, own)
            shares.append(measure_share(frame, points, draw, own)[0])
            face = pick(finder.find([frame])[0], points) or faces[i]
            shown[i], opened[i] = describe_cells(frame, face.points), face.opening
        alpha = judge(shown, opened, times)
        hit, third = alpha[HIT], np.array(shares) >= THIRD
        counts[kind] += count(hit)
        counts[f"{kind}, a third and more"] += count(hit[third])
        counts["clear beside them"] += count(alpha[far])
        if name in SHOWN and kind != "large microphone":
            sheet.append((f"{name} {kind}", frames, faces, times, draw, own, alpha))
    apart = np.linalg.norm(faces[HIT[0]].points[1] - faces[HIT[0]].points[0])
    for kind, change in CHANGES.items():
        shown = list(cells)
        for i in HIT:
            frame = np.clip(change(frames[i], apart), 0, 255).astype(np.uint8)
            shown[i] = describe_cells(frame, faces[i].points)
        hit = judge(shown, openings, times)[HIT]
        counts[f"clear, {kind}"] += count(hit)


def count(alpha):
    """Return how many frames keep their mouth, keep it or show the new one in part, and how many there are."""
    return np.array([(alpha == 0).sum(), (alpha < 1).sum(), len(alpha)])


def show(counts):
    for kind, (kept, touched, whole) in counts.items():
        share = kept / max(1, whole)
        print(f"{kind:38} kept {kept:4} of {whole:4} ({share:.3f}), kept or in part {touched:4}")


def measure_drawn(counts):
    """Count the frames of drawn people with a hand."""
    for seed in DRAWN:
        clip = talking_clip(
            seed, bundled_speech("a").samples[0, :48000], size=(192, 192), events=(Occlusion(1.0, 2.2),)
        )
        truth = clip.truth[0]
        cells = [describe_cells(frame, truth.points[i]) for i, frame in enumerate(clip.read(range(75)))]
        alpha = judge(cells, truth.mouth.openness * 0.2, clip.times)
        far = (clip.times < 0.9) | (clip.times > 2.3)
        for kind, part in (("drawn: hand", truth.occluded), ("drawn: clear", far)):
            counts[kind] += count(alpha[part])


def paint(frame, matrix, strength):
    """Paint the mouth's region green."""
    crop = crop_face(frame, matrix, 256)
    mouth = np.clip(crop * [0.7, 1, 0.7] + [0, 60, 0], 0, 255).astype(np.float32)
    return paste(frame, mouth, matrix, crop_size(256), blend_mask(keep_mask(256), 0.06) * strength)


def cut_out(image, points):
    """Return the part of an image around a face."""
    reach = 2.6 * np.linalg.norm(points[1] - points[0])
    (x0, y0), (x1, y1) = (points[2] + [0, reach / 4] + side * reach for side in (-1, 1))
    return image[max(0, int(y0)) : int(y1), max(0, int(x0)) : int(x1)]


def draw_sheet(rows):
    """Write a row for each object: the source, painted over, kept, and with a mask."""
    images, labels = [], []
    for name, frames, faces, times, draw, own, alpha in rows:
        i = int(HIT[8])
        frame, points = frames[i].copy(), faces[i].points
        draw(frame, points, own)
        _, mask = measure_share(frame, points, draw, own)
        matrix = smooth_matrices(np.stack([face.points for face in faces]), times, 256)[i]
        painted = paint(frame, matrix, 1.0)
        patches = painted, paint(frame, matrix, alpha[i]), keep_source(frame, painted, mask)
        shown = frame, *(patch.apply(frame) for patch in patches)
        images += [cut_out(image, points) for image in shown]
        labels += [name, "before: painted over", f"now: shown {alpha[i]:.2f}", "with a mask"]
    write_sheet("covered", images, labels, 8, side=200)


def main():
    folder = media_argument(__doc__)
    finder, sheet = FaceFinder("cpu"), []
    counts = defaultdict(lambda: np.zeros(3, int))
    measure_drawn(counts)
    started = time.process_time()
    for name in NAMES:
        measure_clip(folder, name, finder, counts, sheet)
        print(name, f"{time.process_time() - started:.0f} s", flush=True)
    show(counts)
    draw_sheet(sheet)


if __name__ == "__main__":
    main()
