"""A folder of images as a clip."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from ..data import Clip, Frame
from ..errors import MediaError
from .opening import MediaPath
from .span import check_numbers
from .video import STILL_RATE, FileClip

_SUFFIXES = {".png", ".jpg", ".jpeg", ".webp", ".bmp", ".tif", ".tiff"}
_DIGITS = re.compile(r"(\d+)")


class ImageFolderClip:
    """The images of a folder, in the order of their names (2.png before 10.png), as a clip at 25 fps.

    Raises MediaError where there is none; `read` raises it where one is damaged or of another size than the first.
    """

    fps = STILL_RATE

    def __init__(self, folder: MediaPath) -> None:
        self.folder = Path(folder)
        self._paths = sorted(
            (path for path in self.folder.iterdir() if path.suffix.lower() in _SUFFIXES), key=_order_of
        )
        if not self._paths:
            raise MediaError(f"{folder} holds no image; it takes {', '.join(sorted(_SUFFIXES))}.")
        first = FileClip(self._paths[0])
        self.height, self.width = first.height, first.width
        self.times: npt.NDArray[np.float64] = np.arange(len(self._paths)) / float(self.fps)
        self.duration = len(self._paths) / float(self.fps)

    def __len__(self) -> int:
        return len(self._paths)

    def read(self, indices: Iterable[int]) -> Iterator[Frame]:
        """Yield the images named by `indices`, each (H, W, 3)."""
        for number in check_numbers(indices, len(self)):
            image = FileClip(self._paths[number])
            if (image.height, image.width) != (self.height, self.width):
                raise MediaError(
                    f"{image.path} has {image.width} x {image.height} pixels, {self._paths[0].name} has "
                    f"{self.width} x {self.height}; the images of a folder take one size."
                )
            yield from image.read([0])


def open_clip(path: MediaPath) -> Clip:
    """Open a video, an image, or a folder of images; raises MediaError."""
    return ImageFolderClip(path) if Path(path).is_dir() else FileClip(path)


def _order_of(path: Path) -> list[tuple[int, str]]:
    """Return a key that sorts names by the numbers in them."""
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in _DIGITS.split(path.name)]
