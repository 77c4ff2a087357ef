"""Measure which faces are found where that is hard: small beside large, as large as the frame, squeezed, or hidden.

Real faces, enlarged, shrunk and put into frames, so that their places are known. Contact sheets: close_up.jpg and
small.jpg in output/footage; a face has a border where it is found.

    python benchmarks/footage/finding.py MEDIA_FOLDER
"""

from fractions import Fraction

import cv2
import numpy as np
from common import media_argument, write_sheet
from who import read

from latentsync_core import TensorClip
from latentsync_core.errors import FaceError
from latentsync_core.faces import FaceFinder, align_track, choose, smooth_matrices, survey

NAMES = "vr_2 vr_4 vr_3 vr_5 demo1 th vr_1 lp_d12 lp_d10 lp_d11 lp_d20 lp_d14".split()
SHAPES = (854, 480), (640, 480), (480, 854), (480, 480)
"""Width and height of the frames of close-ups."""
SIZES = 0.75, 0.9, 1.0, 1.2, 1.5
"""Height of a face over that of the frame; where the frame is upright, its width over that of the frame."""
WIDTH_OVER_HEIGHT = 0.75
"""Of a face."""
NEAR = 0.3
"""A face is found where its points are this near to the true ones, in brow distances, on average."""
LARGE, SMALL = 480, (160, 120, 100, 80, 60)
"""Pixels of faces in 1080p."""
PAIRS = ("vr_4", "vr_3"), ("vr_2", "vr_5"), ("lp_d10", "vr_1"), ("demo1", "st_katie")
PLACE = 1450, 400
"""Middle of the small face."""
COUNT = 6
ASPECTS = {"HDV, 4:3": (4, 3), "PAL wide, 64:45": (64, 45), "PAL, 16:15": (16, 15), "NTSC, 10:11": (10, 11)}
BACKDROP = cv2.GaussianBlur(
    np.random.default_rng(0).integers(40, 140, (1080, 1920, 3)).astype(np.uint8), (0, 0), 9
)


class OneLook(FaceFinder):
    """A finder without the look for faces as large as the frame."""

    def _find_large(self, images):
        return [[] for _ in images]


def zoom_in(frame, box, height, size):
    """Show a face so high in the middle of a frame of `size` (width, height); return it and the matrix to it."""
    scale, middle = height / (box[3] - box[1]), (box[:2] + box[2:]) / 2
    matrix = np.column_stack([scale * np.eye(2), np.array(size) / 2 - scale * middle])
    how = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    return cv2.warpAffine(frame, matrix, size, flags=how, borderMode=cv2.BORDER_REFLECT), matrix


def pick_found(faces, truth):
    """Return the face whose points are the true ones; None without."""
    brows = np.linalg.norm(truth[1] - truth[0])
    near = [f for f in faces if np.linalg.norm(f.points - truth, axis=1).mean() < NEAR * brows]
    return near[0] if near else None


def draw_found(image, face, color=(60, 230, 60)):
    """Draw a border around a face, and its points."""
    if face is None:
        return image
    image, (x0, y0, x1, y1) = image.copy(), face.box.round().astype(int).tolist()
    width = max(2, max(image.shape) // 200)
    cv2.rectangle(image, (x0, y0), (x1, y1), color, width)
    for x, y in face.points.round().astype(int).tolist():
        cv2.circle(image, (x, y), 2 * width, color, -1)
    return image


def measure_close_ups(folder, finders):
    """Print how many close-ups are found in one look, and now."""
    shown, images, labels = {}, [], []
    for name in NAMES:
        frame = read(folder, name, 1)[0]
        shown[name] = frame, finders["now"].find([frame], thorough=True)[0][0]
    for size in SHAPES:
        for part in SIZES:
            height = part * (size[1] if size[0] >= size[1] else size[0] / WIDTH_OVER_HEIGHT)
            found = dict.fromkeys(finders, 0)
            for name, (frame, face) in shown.items():
                image, matrix = zoom_in(frame, face.box, height, size)
                truth = face.points @ matrix[:, :2].T + matrix[:, 2]
                for label, finder in finders.items():
                    seen = pick_found(finder.find([image], thorough=True)[0], truth)
                    found[label] += seen is not None
                    if name in NAMES[1:4] and part in (1.0, 1.5) and size[0] <= size[1]:
                        images.append(draw_found(image, seen))
                        labels.append(f"{label}: {part:g} of {size[0]} x {size[1]}")
            counts = ", ".join(f"{label} {count}" for label, count in found.items())
            print(
                f"{size[0]} x {size[1]}, face {part:.2f} of the frame: {counts} of {len(NAMES)}", flush=True
            )
    write_sheet("close_up", images, labels, columns=8, side=220)


def put_heads(folder, finder, pair, small):
    """Return frames of 1080p with a large face on the left and a small one at PLACE, (COUNT, 1080, 1920, 3)."""
    frames = np.repeat(BACKDROP[None], COUNT, 0)
    for name, height, (x, y) in zip(pair, (LARGE, small), ((560, 540), PLACE), strict=True):
        clip = read(folder, name, COUNT)
        box, side = finder.find([clip[0]], thorough=True)[0][0].box, 2 * height
        for frame, head in zip(frames, clip, strict=True):
            cut = zoom_in(head, box, height, (side, side))[0]
            frame[y - height : y + height, x - height : x + height] = cut
    return frames


def measure_small(folder, finder):
    """Print how many small faces are found beside a large one, and what a given point or box names."""
    images, labels = [], []
    for small in SMALL:
        found = at_point = at_box = refused = frames_found = 0
        for pair in PAIRS:
            clip = TensorClip(put_heads(folder, finder, pair, small), 25)
            (x, y), reach = PLACE, small / 2
            seen = survey(clip, finder)
            here = [track for track in seen.tracks if is_here(track, small)]
            found += len(here) == 1
            frames_found += sum(track.found.sum() for track in here)
            at_point += is_here(choose(survey(clip, finder, place=PLACE), PLACE), small)
            box = x - reach, y - reach, x + reach, y + reach
            at_box += is_here(choose(survey(clip, finder, place=box), box), small)
            refused += is_refused(seen, (1250.0, 1070.0)) + is_refused(seen, (x + 2.0 * small, y))
            if pair == PAIRS[0]:
                images.append(draw_tracks(next(iter(clip.read([3]))), seen, 3))
                labels.append(f"{LARGE} px and {small} px")
        print(
            f"{LARGE} px beside {small} px: found in {found} of {len(PAIRS)} clips ({frames_found} of "
            f"{len(PAIRS) * COUNT} frames), at a point {at_point}, at a box {at_box}; points off every face refused "
            f"{refused} of {2 * len(PAIRS)}",
            flush=True,
        )
    write_sheet("small", images, labels, columns=3, side=480)


def is_here(track, small):
    """Tell whether a track is that of the small face."""
    off = np.nanmean(track.points, axis=(0, 1)) - PLACE
    return bool(np.linalg.norm(off) < small)


def is_refused(found, point):
    try:
        choose(found, point)
    except FaceError:
        return True
    return False


def draw_tracks(frame, found, index):
    """Draw the boxes of all persons."""
    image = frame.copy()
    for x0, y0, x1, y1 in found.boxes[:, index].round():
        if not np.isnan(x0):
            cv2.rectangle(image, (int(x0), int(y0)), (int(x1), int(y1)), (60, 230, 60), 5)
    return image


def measure_boxes(folder, finder):
    """Print what a box does where no detector finds the face: it is hidden behind coarse blocks."""
    found = boxed = 0
    for name in NAMES:
        frame = read(folder, name, 1)[0]
        (x0, y0, x1, y1) = box = finder.find([frame], thorough=True)[0][0].box.round().clip(0)
        part = frame[int(y0) : int(y1), int(x0) : int(x1)]
        part[:] = cv2.resize(cv2.resize(part, (4, 5)), part.shape[1::-1], interpolation=cv2.INTER_NEAREST)
        clip, place = TensorClip(np.repeat(frame[None], COUNT, 0), 25), tuple(box.tolist())
        found += len(survey(clip, finder).tracks) > 0
        track = choose(survey(clip, finder, place=place), place)
        middle = (box[:2] + box[2:]) / 2
        inside = np.abs(track.points.mean(1) - middle).max() < 0.5 * (x1 - x0)
        boxed += bool(track.found.all() and inside)
    print(f"faces behind blocks: found {found} of {len(NAMES)}; with a box in every frame of {boxed}")


class Squeezed(TensorClip):
    """Frames whose pixels are not square."""

    def __init__(self, frames, fps, aspect):
        super().__init__(frames, fps)
        self.pixel_aspect = aspect


def measure_squeezed(folder, finder):
    """Print how far crops of pixels that are not square are squeezed, and how far points are off."""
    clips = {name: np.stack(read(folder, name, 10)) for name in NAMES[:4]}
    truth = {name: choose(survey(TensorClip(frames, 25), finder)) for name, frames in clips.items()}
    for label, (x, y) in ASPECTS.items():
        aspect, before, now, off = Fraction(x, y), [], [], []
        for name, frames in clips.items():
            width = round(frames.shape[2] / aspect)
            stored = np.stack([cv2.resize(f, (width, len(f)), interpolation=cv2.INTER_AREA) for f in frames])
            clip = Squeezed(stored, 25, aspect)
            track = choose(survey(clip, finder))
            before.append(measure_squeeze(smooth_matrices(track.points, clip.times, 256), aspect))
            now.append(measure_squeeze(align_track(clip, track, 256), aspect))
            points = (track.points + 0.5) * [frames.shape[2] / width, 1] - 0.5
            right = truth[name].points
            brows = np.linalg.norm(right[:, 1] - right[:, 0], axis=1).mean()
            off.append(np.linalg.norm(points - right, axis=-1).mean() / brows)
        print(
            f"pixels of {label}: crops squeezed by {np.mean(before):.3f} if taken for square, now "
            f"{np.mean(now):.3f}; points {np.mean(off):.3f} brow distances off"
        )


def measure_squeeze(matrices, aspect):
    """Return the greatest stretch over the least, from the frame as it is shown to the crop, on average."""
    stretches = np.linalg.svd(matrices[:, :, :2] / [float(aspect), 1], compute_uv=False)
    return float((stretches[:, 0] / stretches[:, 1]).mean())


def main():
    folder, finder = media_argument(__doc__), FaceFinder()
    measure_squeezed(folder, finder)
    measure_boxes(folder, finder)
    measure_small(folder, finder)
    measure_close_ups(folder, {"before": OneLook(), "now": finder})


if __name__ == "__main__":
    main()
