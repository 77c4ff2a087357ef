"""Folders of images as clips."""

import numpy as np
import pytest
from PIL import Image

from latentsync_core.errors import MediaError
from latentsync_core.media import FileClip, ImageFolderClip, open_clip


def fill(folder, names, size=(8, 6)):
    for value, name in enumerate(names):
        Image.fromarray(np.full((size[1], size[0], 3), 10 * value, np.uint8)).save(folder / name)
    return folder


def test_images_come_in_the_order_of_their_numbers(tmp_path):
    fill(tmp_path, ["mask_2.png", "mask_10.PNG", "mask_1.png"])
    (tmp_path / "audio.wav").write_bytes(b"no image")
    clip = open_clip(tmp_path)
    assert isinstance(clip, ImageFolderClip) and len(clip) == 3
    assert (clip.height, clip.width, clip.fps, clip.duration) == (6, 8, 25, 0.12)
    assert [int(frame[0, 0, 0]) for frame in clip.read([0, 1, 2, 0])] == [20, 0, 10, 20]


def test_a_file_is_a_file(tmp_path):
    assert isinstance(open_clip(fill(tmp_path, ["a.png"]) / "a.png"), FileClip)


def test_images_take_one_size(tmp_path):
    fill(fill(tmp_path, ["1.png"]), ["2.png"], size=(9, 6))
    with pytest.raises(MediaError, match="2.png has 9 x 6 pixels, 1.png has 8 x 6"):
        list(ImageFolderClip(tmp_path).read([0, 1]))


def test_a_folder_without_images_is_refused(tmp_path):
    with pytest.raises(MediaError, match="holds no image"):
        ImageFolderClip(tmp_path)
