"""Measure what has held from the start, so that it can be kept so: faces found, cuts seen, crops that do not jitter.

Real clips as they are, and single frames of theirs in bad light, out of focus, rolled; pictures of animals and drawings
in MEDIA_FOLDER/pictures/animals and MEDIA_FOLDER/pictures/drawn, where they are.

    python benchmarks/footage/holds.py MEDIA_FOLDER
"""

import cv2
import numpy as np
from common import media_argument
from who import PERSONS, read

from latentsync_core import TensorClip
from latentsync_core.faces import FaceFinder, choose, crop_size, smooth_matrices, survey
from latentsync_core.faces.cuts import find_cuts, make_thumbnail
from latentsync_core.upstream import align_causally

FRAMES = 125
SHOWN = 24
NEAR = 0.3
"""A face is found where its points are this near to the true ones, in brow distances, on average."""
AROUND_CUT = 15
ROLLS = 20, 45, 70, 90


def roll(frame, face, degrees):
    """Turn a frame about the face; return it and the points there."""
    x, y = (face.box[:2] + face.box[2:]) / 2
    matrix = cv2.getRotationMatrix2D((float(x), float(y)), degrees, 1.0)
    turned = cv2.warpAffine(frame, matrix, frame.shape[1::-1], borderMode=cv2.BORDER_REPLICATE)
    return turned, face.points @ matrix[:, :2].T + matrix[:, 2]


def light_from_behind(frame, face):
    """Darken a face before a white background."""
    middle, reach = (face.box[:2] + face.box[2:]) / 2, (face.box[2:] - face.box[:2]) * 0.75
    y, x = np.mgrid[: frame.shape[0], : frame.shape[1]]
    outside = (((x - middle[0]) / reach[0]) ** 2 + ((y - middle[1]) / reach[1]) ** 2 > 1).astype(np.float32)
    glow = cv2.GaussianBlur(outside, (0, 0), float(reach[0]) / 8)[..., None]
    return frame * 0.25 * (1 - glow) + 255 * glow


CHANGES = {
    "black and white": lambda frame, face: np.repeat(frame.mean(-1, keepdims=True), 3, -1),
    "x0.12 light": lambda frame, face: frame * 0.12,
    "blur of 0.1 brow distances": lambda frame, face: cv2.GaussianBlur(frame, (0, 0), 0.1 * measure_brows(face.points)),
    "noise of sigma 25": lambda frame, face: frame + np.random.default_rng(0).normal(0, 25, frame.shape),
    "back light": light_from_behind,
}  # fmt: skip


def measure_brows(points):
    return float(np.linalg.norm(points[1] - points[0]))


def is_found(finder, frame, points):
    """Tell whether a face with these points is found in the frame."""
    faces = finder.find([np.clip(frame, 0, 255).astype(np.uint8)], thorough=True)[0]
    off = [np.linalg.norm(face.points - points, axis=1).mean() for face in faces]
    return min(off, default=np.inf) < NEAR * measure_brows(points)


def measure_clips(folder, finder):
    """Print in how many frames faces are found, what cuts are seen, and how the crops jitter."""
    found, count, place, size = 0, 0, [], []
    for name in sorted(path.stem for path in folder.glob("*.mp4")):
        frames = np.stack(read(folder, name, FRAMES))
        seen = survey(TensorClip(frames, 25), finder)
        track = choose(seen)
        found, count = found + track.found.sum(), count + len(frames)
        ours = smooth_matrices(track.points, np.arange(len(frames)) / 25, 256, track.cuts)
        upstream = align_causally(np.round(track.points), 256)
        (a, b), (c, d) = measure_jitter(ours), measure_jitter(upstream)
        place.append(a / c), size.append(b / d)
        print(
            f"{name}: {track.found.sum()} of {len(frames)} frames, {len(seen.tracks)} persons, cuts "
            f"{seen.cuts.tolist()}, jitter over upstream's {a / c:.2f}, of the size {b / d:.2f}",
            flush=True,
        )
    print(f"faces in {found} of {count} frames")
    for label, values in (("jitter over upstream's", place), ("jitter of the size over upstream's", size)):
        print(f"{label}: {min(values):.2f} to {max(values):.2f}, median {np.median(values):.2f}")


def measure_jitter(matrices):
    """Return the median second difference of the place in the frame of the crop's middle, and of its log size."""
    middle = np.array(crop_size(256)) / 2 - matrices[:, :, 2]
    places = np.linalg.solve(matrices[:, :, :2], middle[..., None])[..., 0]
    sizes = np.log(np.abs(np.linalg.det(matrices[:, :, :2])))
    step = np.linalg.norm(np.diff(places, 2, axis=0), axis=1)
    return float(np.nanmedian(step)), float(np.nanmedian(np.abs(np.diff(sizes, 2))))


def measure_persons(folder, finder):
    """Print how many persons are found in bad light, out of focus, and rolled."""
    shown = {}
    for name in PERSONS:
        frame = read(folder, name, SHOWN + 1)[-1]
        shown[name] = frame, finder.find([frame], thorough=True)[0][0]
    for label, change in CHANGES.items():
        lost = [
            n for n, (frame, face) in shown.items() if not is_found(finder, change(frame, face), face.points)
        ]
        say(label, len(shown) - len(lost), len(shown), lost)
    for degrees in ROLLS:
        lost = [n for n, (frame, face) in shown.items() if not is_found(finder, *roll(frame, face, degrees))]
        say(f"rolled by {degrees} degrees", len(shown) - len(lost), len(shown), lost)


def say(label, found, count, lost):
    print(f"{label}: {found} of {count} persons{'; not ' if lost else ''}{', '.join(lost)}", flush=True)


def measure_cuts(folder):
    """Print how many hard cuts between every two clips are seen."""
    images = {}
    for name in PERSONS:
        frames = [
            cv2.resize(f, (640, 360), interpolation=cv2.INTER_AREA) for f in read(folder, name, AROUND_CUT)
        ]
        images[name] = np.stack([make_thumbnail(frame) for frame in frames])
    pairs = [(a, b) for a in images for b in images if a != b]
    seen = [AROUND_CUT in find_cuts(np.concatenate([images[a], images[b]])).tolist() for a, b in pairs]
    print(f"hard cuts between two clips: {sum(seen)} of {len(seen)} seen")


def measure_pictures(folder, finder):
    """Print how many faces are found in pictures of animals and in drawings."""
    for kind in ("animals", "drawn"):
        paths = sorted((folder / "pictures" / kind).glob("*"))
        faces = [finder.find([cv2.imread(str(path))[..., ::-1]], thorough=True)[0] for path in paths]
        named = [f"{path.stem} {some[0].score:.2f}" for path, some in zip(paths, faces, strict=True) if some]
        print(f"pictures, {kind}: faces in {len(named)} of {len(paths)}: {', '.join(named)}")


def main():
    folder, finder = media_argument(__doc__), FaceFinder()
    measure_cuts(folder)
    measure_persons(folder, finder)
    measure_pictures(folder, finder)
    measure_clips(folder, finder)


if __name__ == "__main__":
    main()
