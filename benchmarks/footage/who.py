"""Measure who is taken for whom: unseen cuts, other light and framing, dissolves, crossings.

28 persons (PERSONS; st_alex shows the person of vr_3 and is left out). Contact sheet: output/footage/dissolve.jpg,
where the painted part is green, as strong as the new mouth would be.

    python benchmarks/footage/who.py MEDIA_FOLDER
"""

from dataclasses import replace

import cv2
import numpy as np
from common import media_argument, read_small, write_sheet

from latentsync_core import FileClip, TensorClip, Waveform, make_plan
from latentsync_core.compositing import blend_mask, paste
from latentsync_core.faces import FaceFinder, choose, crop_size, keep_mask, smooth_matrices, survey
from latentsync_core.faces.track import link

PERSONS = (
    "demo1 demo3 lp_d0 lp_d10 lp_d11 lp_d12 lp_d13 lp_d14 lp_d18 lp_d19 lp_d20 lp_d3 lp_d6 lp_d9 lp_s13 lp_s18 lp_s20 "
    "lp_s29 lp_s32 mt_sun mt_yongen st_katie th vr_1 vr_2 vr_3 vr_4 vr_5"
).split()
PAIRS = [
    ("vr_4", "vr_3"),
    ("vr_2", "vr_4"),
    ("vr_3", "vr_5"),
    ("lp_d12", "lp_d9"),
    ("lp_s20", "mt_sun"),
    ("demo3", "th"),
]
LENGTHS = 0, 8, 16, 25, 50
"""Frames of a dissolve, at 25 a second."""
DISSOLVED = 76
"""Frames of a clip with a dissolve in its middle."""
LATER = 48
"""The frame that is shown again in other light and framing."""
BACKDROP = cv2.GaussianBlur(
    np.random.default_rng(0).integers(40, 140, (540, 960, 3)).astype(np.uint8), (0, 0), 9
)

SHOTS = {
    "zoom 1.6": lambda frame, box: zoom(frame, box, 1.6),
    "zoom 0.6": lambda frame, box: zoom(frame, box, 0.6),
    "x0.55 light": lambda frame, box: frame * 0.55,
    "warm light": lambda frame, box: frame * [1.15, 1, 0.75],
    "side light": lambda frame, box: frame * np.linspace(0.5, 1.3, frame.shape[1])[None, :, None],
    "gamma 1.8": lambda frame, box: 255 * (frame / 255.0) ** 1.8,
}


def zoom(frame, box, factor):
    """Enlarge a frame about a face; what is outside is mirrored."""
    x, y = (box[:2] + box[2:]) / 2
    height, width = frame.shape[:2]
    matrix = np.array([[factor, 0, width / 2 - factor * x], [0, factor, height / 2 - factor * y]])
    return cv2.warpAffine(frame, matrix, (width, height), borderMode=cv2.BORDER_REFLECT)


def read(folder, name, count):
    """Read the first frames of a clip, at most 720 px long."""
    clip = FileClip(folder / f"{name}.mp4")
    return read_small(clip, range(min(count, len(clip))), 720)


def find_one(finder, frames):
    """Find the best face of each frame, a list of one or none each."""
    return [finder.find([frame], thorough=True)[0][:1] for frame in frames]


def bring_to_place(faces):
    """Move and scale faces so that they lie where everybody's lie."""
    box = np.mean([face.box for (face,) in filter(None, faces)], axis=0)
    scale = 240 / (box[3] - box[1])
    shift = np.array([200.0, 220.0]) - (box[:2] + box[2:]) / 2 * scale

    def move(face):
        corners = (face.box.reshape(2, 2) * scale + shift).ravel()
        numbers = np.concatenate([(face.points * scale + shift).ravel(), corners, face.numbers[10:]])
        return replace(face, numbers=numbers)

    return [[move(face) for face in some] for some in faces]


def measure_cuts(faces):
    """Print how often two persons are one after a cut at the same place, seen and unseen."""
    placed = {name: bring_to_place(some[:15]) for name, some in faces.items()}
    for label, cuts in (("unseen", []), ("seen", [15])):
        merged = 0
        for a in placed:
            for b in placed:
                persons, _ = link(placed[a] + placed[b], cuts, 12) if a != b else ([], [])
                merged += any(min(person.faces) < 15 <= max(person.faces) for person in persons)
        print(f"{label} cuts at the same place: {merged} of {len(placed) * (len(placed) - 1)} merged")


def measure_shots(folder, finder, faces):
    """Print who is known again among all persons in another shot."""
    gallery, cuts = [], []
    for some in faces.values():
        cuts.append(len(gallery))
        gallery += some[:12]
    for label, change in SHOTS.items():
        right, wrong, lost = 0, 0, []
        for number, name in enumerate(faces):
            frame = read(folder, name, LATER + 1)[-1]
            box = faces[name][LATER][0].box
            shot = find_one(finder, [np.clip(change(frame, box), 0, 255).astype(np.uint8)])
            persons, _ = link(gallery + shot, [*cuts, len(gallery)], 12)
            first = next((min(person.faces) for person in persons if len(gallery) in person.faces), None)
            known = first in range(12 * number, 12 * number + 12)
            right += known
            wrong += not known and first is not None and first < len(gallery)
            lost += [] if shot[0] else [name]
        without = f"; no face found: {', '.join(lost)}" if lost else ""
        print(
            f"another shot, {label}: known again {right} of {len(faces)}, mistaken {wrong}{without}",
            flush=True,
        )


def cut_head(folder, finder, name, height):
    """Cut the head out of a clip, its face so high, (DISSOLVED, 2 * height, 2 * height, 3)."""
    frames = read(folder, name, DISSOLVED)
    frames += frames[::-1][: DISSOLVED - len(frames)]
    box = np.mean([some[0].box for some in find_one(finder, frames[::9]) if some], axis=0)
    scale, (x, y) = height / (box[3] - box[1]), (box[:2] + box[2:]) / 2
    matrix = np.array([[scale, 0, height - scale * x], [0, scale, height - scale * y]])
    return [
        cv2.warpAffine(f, matrix, (2 * height, 2 * height), borderMode=cv2.BORDER_REPLICATE) for f in frames
    ]


def dissolve(one, other, length):
    """Show one head, then another, at the same place; the first frames of both are those of their clips."""
    frames = []
    for i in range(DISSOLVED):
        part = float(np.clip((i - DISSOLVED / 2 + length / 2) / max(length, 1), 0, 1))
        frame = BACKDROP.copy()
        frame[60:460, 280:680] = cv2.addWeighted(one[i], 1 - part, other[i], part, 0)
        frames.append(frame)
    return frames


def measure_dissolves(folder, finder):
    """Print into how many persons dissolves are parted, and how the mouth fades; draw one."""
    heads = {name: cut_head(folder, finder, name, 200) for pair in PAIRS for name in pair}
    noise = np.random.default_rng(0).standard_normal((1, DISSOLVED * 640)).astype(np.float32) / 10
    for length in LENGTHS:
        parted, fades, steps = 0, [], []
        for a, b in PAIRS:
            clip = TensorClip(np.stack(dissolve(heads[a], heads[b], length)), 25)
            found = survey(clip, finder)
            parted += len(found.tracks) == 2
            first = next(number for number, track in enumerate(found.tracks, 1) if track.found[0])
            track = choose(found, first)
            plan = make_plan(clip, Waveform(noise, 16000), track=track)
            fades.append(int(((plan.strength > 0) & (plan.strength < 1)).sum()))
            steps.append(float(np.abs(np.diff(plan.strength)).max()))
            if length == 25 and (a, b) == PAIRS[1]:
                draw_fade(clip, track, plan)
        print(
            f"dissolves of {length} frames: two persons in {parted} of {len(PAIRS)}, fading frames {fades}, largest "
            f"step of the mouth's strength {max(steps):.2f}",
            flush=True,
        )


def draw_fade(clip, track, plan):
    """Draw every third frame about the dissolve, the painted part green."""
    matrices = smooth_matrices(track.points, clip.times, 256, track.cuts)
    green = np.full((256, 256, 3), (40, 220, 60), np.float32)
    mask, images, labels = blend_mask(keep_mask(256), 0.06), [], []
    shown = list(range(16, 60, 3))
    for i, frame in zip(shown, clip.read(shown), strict=True):
        if plan.strength[i] > 0:
            patch = paste(frame, (green + 128) / 2, matrices[i], crop_size(256), mask * plan.strength[i])
            frame = patch.apply(frame)
        images.append(frame[60:460, 280:680])
        labels.append(f"{i}: {plan.strength[i]:.2f} {plan.reasons[i]}")
    write_sheet("dissolve", images, labels, columns=5)


def measure_crossings(folder, finder):
    """Print whether two persons who walk past each other stay themselves."""
    for a, b in (("vr_4", "vr_5"), ("vr_2", "vr_1")):
        one, other = (cut_head(folder, finder, name, height) for name, height in ((a, 150), (b, 140)))
        frames = []
        for i in range(50):
            frame = BACKDROP.copy()
            for head, x, y in ((other[i], 650 - 650 * i // 49, 120), (one[i], 650 * i // 49, 100)):
                frame[y : y + len(head), x : x + len(head)] = head
            frames.append(frame)
        found = survey(TensorClip(np.stack(frames), 25), finder)
        ways = []
        for track in found.tracks:
            x = track.points[track.found, 2, 0]
            ways.append(f"{track.found.sum()} frames from x {x[0]:.0f} to {x[-1]:.0f}")
        print(f"{a} and {b} cross: {len(found.tracks)} persons: {'; '.join(ways)}", flush=True)


def main():
    folder, finder = media_argument(__doc__), FaceFinder()
    faces = {name: find_one(finder, read(folder, name, LATER + 1)) for name in PERSONS}
    measure_cuts(faces)
    measure_shots(folder, finder, faces)
    measure_crossings(folder, finder)
    measure_dissolves(folder, finder)


if __name__ == "__main__":
    main()
