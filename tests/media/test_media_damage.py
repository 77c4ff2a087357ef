"""Damaged and unreadable videos: refused with what is there and what to do."""

import av
import pytest
from media_files import (
    make_video,
    remux,
)

from latentsync_core.errors import MediaError
from latentsync_core.media import FileClip, video


@pytest.fixture
def faststart(tmp_path):
    source = make_video(tmp_path / "source.mp4", count=60, size=(96, 128))
    return remux(source, tmp_path / "front.mp4", {"movflags": "faststart"}).read_bytes()


def test_a_file_without_its_end_is_refused_with_the_count(tmp_path, faststart):
    (tmp_path / "cut.mp4").write_bytes(faststart[: len(faststart) * 6 // 10])
    with pytest.raises(MediaError, match=r"cut short: \d+ of 60 frames are there"):
        FileClip(tmp_path / "cut.mp4")
    make_video(tmp_path / "w.mkv", count=60)
    data = (tmp_path / "w.mkv").read_bytes()
    (tmp_path / "w.mkv").write_bytes(data[: len(data) // 2])
    with pytest.raises(MediaError, match=r"cut short: \d+ of 60 frames are there"):
        FileClip(tmp_path / "w.mkv")


def test_damage_in_the_middle_stops_the_reading_with_the_count(tmp_path, faststart):
    data, middle = bytearray(faststart), len(faststart) * 2 // 3
    data[middle : middle + 600] = bytes((7 * k) % 256 for k in range(600))
    (tmp_path / "damaged.mp4").write_bytes(data)
    clip = FileClip(tmp_path / "damaged.mp4")
    with pytest.raises(MediaError, match=r"damaged: \d+ of 60 frames could be decoded"):
        list(clip.read(range(60)))


def test_a_frame_missing_from_the_decoder_is_never_replaced_by_its_neighbour(videos, monkeypatch):
    clip = FileClip(videos["h264.mp4"])
    decode_all = video.FrameDecoder._decode_from
    monkeypatch.setattr(
        video.FrameDecoder,
        "_decode_from",
        lambda self, number: (f for f in decode_all(self, number) if f.pts != clip._index.pts[10]),
    )
    with pytest.raises(MediaError, match="contradict its frames, from frame 10 of 40"):
        list(clip.read(range(40)))


def test_files_that_are_no_videos_are_refused(tmp_path, faststart):
    cases = {
        "moov.mp4": (make_video(tmp_path / "end.mp4").read_bytes()[:2000], "not a video"),
        "text.mp4": (b"just some words\n" * 40, "not a video"),
        "nothing.mp4": (b"", "empty"),
    }
    for name, (data, message) in cases.items():
        (tmp_path / name).write_bytes(data)
        with pytest.raises(MediaError, match=message) as caught:
            FileClip(tmp_path / name)
        assert name in str(caught.value)
    with pytest.raises(MediaError, match="does not exist"):
        FileClip(tmp_path / "missing.mp4")
    with pytest.raises(MediaError, match="is a folder"):
        FileClip(tmp_path)


def test_an_unreadable_file_is_refused(tmp_path, monkeypatch, videos):
    def refuse(*_, **__):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(av, "open", refuse)
    with pytest.raises(MediaError, match="permissions"):
        FileClip(videos["h264.mp4"])
