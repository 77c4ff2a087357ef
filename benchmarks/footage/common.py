"""What the measurements on real footage share: clips with their faces, and contact sheets.

The media are named in the scripts and come from a folder given on the command line; none is shipped.
"""

import argparse
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch

from latentsync_core import FileClip, TensorClip, find_face
from latentsync_core.faces import smooth_matrices

OUTPUT = Path("output/footage")
LONGEST = 720
"""Pixels of the longer side at which faces are looked for."""


@dataclass(frozen=True, eq=False)
class Footage:
    """The first frames of a clip, and the face in them."""

    name: str
    frames: np.ndarray
    """(N, H, W, 3) uint8"""
    points: np.ndarray
    """(N, 3, 2), as of `FaceTrack.points`"""
    times: np.ndarray

    def matrices(self, resolution):
        """Return the alignment of every frame, (N, 2, 3)."""
        return smooth_matrices(self.points, self.times, resolution)

    def resize(self, scale):
        """Return the same clip at another size."""
        kind = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
        frames = np.stack([cv2.resize(f, None, fx=scale, fy=scale, interpolation=kind) for f in self.frames])
        return Footage(f"{self.name} x{scale:g}", frames, self.points * scale, self.times)


def read_small(clip, numbers, longest):
    """Read frames of a clip as arrays, made so small that no side is above `longest`."""
    scale = min(1.0, longest / max(clip.height, clip.width))
    frames = map(np.asarray, clip.read(numbers))
    if scale == 1:
        return list(frames)
    return [cv2.resize(f, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA) for f in frames]


def load_footage(folder, name, count=50):
    """Read the first frames of a clip and find the face; faces are kept in OUTPUT."""
    clip = FileClip(Path(folder) / f"{name}.mp4")
    numbers = range(min(count, len(clip.times)))
    frames, small = np.stack(list(clip.read(numbers))), np.stack(read_small(clip, numbers, LONGEST))
    track = find_face(TensorClip(small, clip.fps), work=OUTPUT / "faces")
    scale = small.shape[1] / frames.shape[1]
    return Footage(name, frames, track.points / scale, clip.times[: len(frames)])


def media_argument(description):
    """Parse the one argument of these scripts: the folder of the media."""
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    parser = argparse.ArgumentParser(
        description=description, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("media", type=Path, help="the folder with the clips")
    return parser.parse_args().media


def write_sheet(name, images, labels, columns, side=300):
    """Write labelled images, row by row, to OUTPUT/name.jpg."""
    tiles = [_make_tile(image, label, side) for image, label in zip(images, labels, strict=True)]
    tiles += [np.zeros_like(tiles[0])] * (-len(tiles) % columns)
    rows = [np.hstack(tiles[i : i + columns]) for i in range(0, len(tiles), columns)]
    OUTPUT.mkdir(parents=True, exist_ok=True)
    cv2.imwrite(str(OUTPUT / f"{name}.jpg"), np.vstack(rows)[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 92])


def _make_tile(image, label, side):
    scale = side / max(image.shape[:2])
    small = cv2.resize(image[..., :3], None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    tile = np.zeros((side, side, 3), np.uint8)
    tile[: small.shape[0], : small.shape[1]] = small[:side, :side]
    cv2.putText(tile, label, (4, side - 6), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 0), 1, cv2.LINE_AA)
    return tile
