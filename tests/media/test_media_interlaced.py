"""Interlaced videos: said so, and deinterlaced by choice."""

import numpy as np
import pytest
from media_files import make_video, pixels

from latentsync_core import FileClip

COUNT = 40
FIELDS = {"flags": "+ildct+ilme", "crf": "1", "bf": "2"}


def field(time, size=(64, 96)):
    """A bright block on grey that moves 6 pixels from field to field."""
    image = np.full((*size, 3), 60, np.uint8)
    left = 5 + (6 * time) % 60
    image[12:52, left : left + 24] = 200
    return image


@pytest.fixture(scope="module")
def interlaced(tmp_path_factory):
    """Odd rows show one time, even rows the time half a frame later (the bottom field first, as x264 marks it)."""

    def woven(k, *size):
        frame = field(2 * k)
        frame[::2] = field(2 * k + 1)[::2]
        return frame

    return make_video(
        tmp_path_factory.mktemp("tv") / "tv.mp4", count=COUNT, size=(64, 96), picture=woven, **FIELDS
    )


def combs(frame):
    """How much rows differ from both neighbours, more than those do from each other."""
    rows = frame.astype(int)
    return np.abs(2 * rows[1:-1] - rows[:-2] - rows[2:]).mean()


def test_an_interlaced_video_is_said_so(interlaced, tmp_path, caplog):
    FileClip(interlaced)
    assert "is interlaced" in caplog.text and "--deinterlace" in caplog.text
    caplog.clear()
    FileClip(interlaced, deinterlace=True)
    FileClip(make_video(tmp_path / "plain.mp4", count=2))
    assert caplog.text == ""
    FileClip(make_video(tmp_path / "plain.mp4", count=2), deinterlace=True)
    assert "not marked as interlaced" in caplog.text


def test_combs_are_taken_out(interlaced):
    woven, plain = pixels(FileClip(interlaced).read(range(COUNT))), FileClip(interlaced, deinterlace=True)
    smooth = pixels(plain.read(range(COUNT)))
    assert len(smooth) == len(plain) == COUNT
    assert np.mean([combs(frame) for frame in smooth]) < 0.35 * np.mean([combs(frame) for frame in woven])
    for k in range(1, COUNT - 1):  # each shows the time of its own first field
        assert np.abs(smooth[k].astype(int) - field(2 * k)).mean() < 4


@pytest.mark.parametrize(
    "order", [[39, 38, 0, 20, 21, 21, 3, 0, 39], [*range(COUNT)][::-1], [*range(5), 35, 39]]
)
def test_a_frame_is_the_same_in_any_order(interlaced, order):
    clip = FileClip(interlaced, deinterlace=True)
    frames = list(clip.read(range(COUNT)))
    for number, frame in zip(order, clip.read(order), strict=True):
        np.testing.assert_array_equal(frame, frames[number])


def test_frames_that_are_not_interlaced_stay_as_they_are(tmp_path, caplog):
    path = make_video(tmp_path / "plain.mp4")
    pairs = zip(FileClip(path).read(range(40)), FileClip(path, deinterlace=True).read(range(40)), strict=True)
    for plain, same in pairs:
        np.testing.assert_array_equal(plain, same)


def test_its_frames_are_those_of_no_other_clip(interlaced):
    names = {
        FileClip(interlaced, name, deinterlace=d).identity for name in (None, "x") for d in (True, False)
    }
    assert len(names) == 4
