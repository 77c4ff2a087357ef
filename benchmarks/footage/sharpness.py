"""Measure what crop and paste cost of the sharpness, and the grain of the painted part.

Sharpness: the mouth that is painted is the frame's own (`identity`), or that of three frames later, against those
pixels brought over in one resampling. Laplacian: energy in the painted part over that of the frame. Grain: noise is
added to the frames and the mouth of three frames later is painted without it, as it was or smoothed (`soft`).
Contact sheets: output/footage/sharpness.jpg and grain.jpg.

    python benchmarks/footage/sharpness.py MEDIA_FOLDER
"""

import cv2
import numpy as np
from common import OUTPUT, load_footage, media_argument, write_sheet

from latentsync_core import FileClip, open_writer
from latentsync_core.compositing import blend_mask, paste, spread_alpha
from latentsync_core.faces import crop_face, crop_size, keep_mask
from latentsync_core.upstream import crop_in_8_bit, paste_crop

CLIPS = (("vr_4", 1.0), ("vr_4", 0.5), ("vr_3", 1.0), ("th", 1.0), ("demo3", 1.0), ("vr_2", 2.0))
NOISY = ("vr_4", "vr_3", "demo3")
FRAMES, LATER = (16, 20, 24), 3
RANGE, FPS = slice(14, 30), 25
"""Frames that get noise, before a codec sees them."""
NOISES = (
    *((f"sigma {sigma}", sigma, 0, None) for sigma in (0, 2, 4, 8, 14)),
    ("sigma 8, blurred", 8, 0.8, None),
    ("sigma 8, x264 crf 18", 8, 0, 18),
    ("sigma 8, x264 crf 23", 8, 0, 23),
)
FEATHER = 0.06
FULL = 0.98
SEED = 7


def main():
    media = media_argument(__doc__)
    tiles, labels = [], []
    for name, scale in CLIPS:
        footage = load_footage(media, name)
        footage = footage if scale == 1 else footage.resize(scale)
        for resolution in (256, 512):
            images = print_sharpness(footage, resolution)
            tiles += images.values()
            labels += [f"{footage.name} {resolution} {label}" for label in images]
    write_sheet("sharpness", tiles, labels, 3, 480)
    tiles, labels = [], []
    for name in NOISY:
        images = print_grain(load_footage(media, name), 512)
        tiles += images.values()
        labels += [f"{name} {label}" for label in images]
    write_sheet("grain", tiles, labels, 4, 360)
    print_clean(media)


def print_sharpness(footage, resolution):
    """Print the figures of a clip; returns images of one frame."""
    rows, images = [], {}
    for index in FRAMES:
        place = Place(footage, index, resolution)
        own, later = place.crop(0), place.crop(LATER)
        same, other, ideal = place.paste(own), place.paste(later), place.ideal(LATER)
        rows.append(
            [
                energy(same, place.full) / energy(place.frame, place.full),
                psnr(same, place.frame, place.full),
                energy(other, place.full) / energy(ideal, place.full),
                psnr(other, ideal, place.full),
                energy(place.paste_upstream(), place.full) / energy(place.frame, place.full),
            ]
        )
        images = {"source": place.frame, "upstream": place.paste_upstream(), "now": same}
        images = {label: place.cut(image) for label, image in images.items()}
    lap, own_psnr, other_lap, other_psnr, upstream_lap = np.mean(rows, 0)
    print(
        f"{footage.name:9} {resolution} px: identity Laplacian {lap:.2f} PSNR {own_psnr:.1f}, another moment "
        f"Laplacian {other_lap:.2f} PSNR {other_psnr:.1f}; upstream's identity Laplacian {upstream_lap:.2f}",
        flush=True,
    )
    return images


def print_grain(footage, resolution):
    """Print the painted part's energy over the frame's, without grain and with it; returns images of sigma 8."""
    images = {}
    for label, sigma, spread, crf in NOISES:
        frames, figures = add_noise(footage.frames[RANGE], sigma, spread, crf), []
        for index in FRAMES:
            place = Place(footage, index, resolution)
            clean, place.frame = place.frame, frames[index - RANGE.start]
            sharp = place.crop(LATER)
            soft = cv2.GaussianBlur(sharp, (0, 0), resolution / 512)
            results = [place.paste(mouth, seed) for mouth in (sharp, soft) for seed in (None, SEED)]
            figures.append([energy(r, place.full) / energy(place.frame, place.full) for r in results])
            if label == "sigma 8" and index == FRAMES[0]:
                shown = {"source, sigma 8": place.frame, "without grain": results[2], "with": results[3]}
                images = {label: place.cut(image) for label, image in {"clean": clean, **shown}.items()}
        before, now, soft_before, soft_now = np.mean(figures, 0)
        print(
            f"{footage.name:9} grain, {label:22}: {before:.2f} without, {now:.2f} with; soft mouth "
            f"{soft_before:.2f} without, {soft_now:.2f} with",
            flush=True,
        )
    return images


def add_noise(frames, sigma, spread, crf):
    """Add noise, blurred by `spread` pixels, and send the frames through x264 at `crf`; None does not."""
    noise = np.random.default_rng(0).normal(0, 1, frames.shape)
    if spread:
        noise = np.stack([cv2.GaussianBlur(image, (0, 0), spread) for image in noise])
    noisy = np.clip(np.rint(frames + sigma * noise / noise.std()), 0, 255).astype(np.uint8)
    if crf is None:
        return noisy
    path = OUTPUT / "noisy.mp4"
    with open_writer(path, *noisy.shape[1:3], FPS, crf=crf) as writer:
        for number, frame in enumerate(noisy):
            writer.write(frame, number / FPS)
    return np.stack(list(FileClip(path).read(range(len(noisy)))))


def print_clean(media):
    """Print how many of the clips as they are, of which none is grainy to the eye, get grain."""
    names = sorted(path.stem for path in media.glob("*.mp4"))
    grainy, judged = [], 0
    for name in names:
        footage = load_footage(media, name, 30)
        found = [i for i in FRAMES if not np.isnan(footage.points[i]).any()]
        places = [Place(footage, index, 256) for index in found]
        judged += bool(places)
        if any((p.paste(p.crop(0)) != p.paste(p.crop(0), SEED)).any() for p in places):
            grainy.append(name)
    print(f"clips as they are that get grain: {len(grainy)} of {judged} {grainy}")


class Place:
    """A face in one frame of a clip."""

    def __init__(self, footage, index, resolution):
        self._footage, self._index, self._resolution = footage, index, resolution
        self._matrices, self._size = footage.matrices(resolution), crop_size(resolution)
        self._mask = blend_mask(keep_mask(resolution), FEATHER)
        self.frame, self.matrix = footage.frames[index], self._matrices[index]
        patch = paste(self.frame, self.crop(0), self.matrix, self._size, self._mask)
        self.alpha = spread_alpha([patch], self.frame)
        self.full = self.alpha > FULL

    def crop(self, later):
        index = self._index + later
        return crop_face(self._footage.frames[index], self._matrices[index], self._resolution)

    def paste(self, mouth, seed=None):
        return paste(self.frame, mouth, self.matrix, self._size, self._mask, seed).apply(self.frame)

    def paste_upstream(self):
        """Return the frame with its own mouth, cut out and pasted as upstream does."""
        crop = crop_in_8_bit(self.frame, self.matrix, self._resolution, self._resolution)
        return paste_crop(self.frame, crop, self.matrix, self._size).apply(self.frame)

    def ideal(self, later):
        """Return the frame with the pixels of a later one in the painted part, resampled once."""
        index = self._index + later
        there = np.vstack([self._matrices[index], [0, 0, 1]])
        here = np.vstack([self.matrix, [0, 0, 1]])
        height, width = self.frame.shape[:2]
        moved = cv2.warpAffine(
            self._footage.frames[index],
            (np.linalg.inv(there) @ here)[:2],
            (width, height),
            flags=cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP,
        )
        return np.rint(self.frame + self.alpha[..., None] * (moved.astype(float) - self.frame)).astype(
            np.uint8
        )

    def cut(self, image):
        """Return the part of an image around what is painted."""
        rows, columns = np.flatnonzero(self.alpha.any(1)), np.flatnonzero(self.alpha.any(0))
        return image[rows[0] : rows[-1], columns[0] : columns[-1]]


def energy(image, where):
    """Return the energy of the Laplacian of brightness."""
    light = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    return float((cv2.Laplacian(light, cv2.CV_32F)[where] ** 2).mean())


def psnr(image, other, where):
    return 10 * np.log10(255**2 / max(1e-9, ((image.astype(float) - other)[where] ** 2).mean()))


if __name__ == "__main__":
    main()
