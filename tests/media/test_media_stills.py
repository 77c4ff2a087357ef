"""Images as clips of one frame: every usual format, the right way up."""

from fractions import Fraction

import numpy as np
import pytest
from media_files import make_video, pixels
from PIL import Image, ImageOps

from latentsync_core.media import FileClip

QUADRANTS = np.zeros((120, 160, 3), np.uint8)
QUADRANTS[:60, :80], QUADRANTS[:60, 80:], QUADRANTS[60:, :80] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
ORIENTATION = 0x112
"""EXIF's tag: 1 upright, 2..8 mirrored and turned."""


def save(path, orientation=None):
    exif = Image.Exif()
    if orientation:
        exif[ORIENTATION] = orientation
    Image.fromarray(QUADRANTS).save(path, exif=exif, quality=95)
    return path


@pytest.mark.parametrize("suffix", ["jpg", "jpeg", "JPG", "png", "webp", "tiff", "bmp", "gif"])
def test_an_image_is_one_frame_of_25_a_second(tmp_path, suffix):
    clip = FileClip(save(tmp_path / f"still %02d: ünï.{suffix}"))
    assert (clip.height, clip.width, clip.fps, clip.times.tolist(), clip.duration) == (
        120,
        160,
        25,
        [0],
        0.04,
    )
    first, again = pixels(clip.read([0, 0]))
    assert np.abs(first.astype(int) - QUADRANTS).mean() < 6 and np.array_equal(first, again)


@pytest.mark.parametrize("suffix", ["jpg", "png", "webp", "tiff"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_is_turned_as_its_exif_says(tmp_path, suffix, orientation):
    path = save(tmp_path / f"photo.{suffix}", orientation)
    upright = np.asarray(ImageOps.exif_transpose(Image.open(path)).convert("RGB"))
    clip = FileClip(path)
    (frame,) = pixels(clip.read([0]))
    assert frame.shape == (clip.height, clip.width, 3) == upright.shape
    assert np.abs(frame.astype(int) - upright).mean() < 6


def test_a_video_of_one_frame_is_an_image_too(tmp_path):
    clip = FileClip(make_video(tmp_path / "one.mp4", count=1, rate=Fraction(1, 5)))
    assert (len(clip), clip.fps, clip.duration) == (1, 25, 0.04)
