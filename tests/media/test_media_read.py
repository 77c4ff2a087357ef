"""Videos in: every frame under its number, whatever the codec, the order or the damage."""

import gc
import logging
from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_files import (
    KINDS,
    add_audio,
    decode,
    image,
    make_audio,
    make_video,
    pixels,
    set_display_matrix,
    still,
    tone,
    write,
)

from latentsync_core.errors import InputError, MediaError
from latentsync_core.media import ColorTags, FileClip, decoder, open_writer, video


@pytest.mark.parametrize("name", KINDS)
def test_every_kind_is_read_frame_by_frame(videos, name):
    if name not in videos:
        pytest.skip(f"this PyAV has no encoder for {name}")
    clip, plain = FileClip(videos[name]), decode(videos[name])
    assert (len(clip), clip.height, clip.width, clip.fps) == (40, 48, 64, 25)
    np.testing.assert_allclose(clip.times, np.arange(40) / 25, atol=1e-9)
    assert clip.duration == pytest.approx(1.6, abs=1e-6) and not clip.has_audio
    frames = pixels(clip.read(range(40)))
    assert np.abs(np.array(frames, int) - plain).max() <= (0 if clip.samples is None else 1)
    order = [39, 38, 37, 20, 21, 21, 3, 0, 39]
    for number, frame in zip(order, pixels(clip.read(order)), strict=True):
        np.testing.assert_array_equal(frame, frames[number])


@pytest.fixture(scope="session")
def sequential(videos):
    return {name: list(map(np.asarray, FileClip(path).read(range(40)))) for name, path in videos.items()}


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(["h264.mp4", "hevc_10bit.mp4", "vp9.webm", "mpeg4.avi", "image.gif"]),
    order=st.one_of(
        st.lists(st.integers(0, 39), max_size=30),
        st.integers(1, 40).map(lambda n: [*range(n), *range(n)[::-1], *range(n)]),
    ),
    run=st.integers(1, 24),
)
def test_any_order_gives_the_frames_of_one_pass(videos, sequential, name, order, run):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(video, "RUN_LENGTH", run)
        patch.setattr(decoder, "RUN_LENGTH", run)
        got = list(FileClip(videos[name]).read(order))
    assert len(got) == len(order)
    assert all(
        np.array_equal(frame, sequential[name][number]) for number, frame in zip(order, got, strict=True)
    )


def test_reading_forwards_decodes_each_frame_once_and_never_seeks(videos, monkeypatch):
    decoded = []
    step = video.FrameDecoder.__next__
    monkeypatch.setattr(video.FrameDecoder, "__next__", lambda self: decoded.append(1) or step(self))
    monkeypatch.setattr(video.FrameDecoder, "_seek", lambda *_: pytest.fail("it seeked"))
    clip = FileClip(videos["h264.mp4"])
    decoded.clear()
    assert len(list(clip.read(np.repeat(np.arange(40), 2)))) == 80
    assert len(decoded) == 40


def test_a_bounded_number_of_frames_is_held(tmp_path):
    def alive():
        return sum(type(thing) is av.VideoFrame for thing in gc.get_objects())

    clip = FileClip(make_video(tmp_path / "long.mp4", count=100, g="100"))
    gc.collect()
    before, most = alive(), 0
    for k, _ in enumerate(clip.read([*range(100), *range(100)[::-1]])):
        most = max(most, alive() - before) if k % 9 == 0 else most
    # Besides those held there are the few that the decoder's threads have ready.
    assert 1 <= most <= video.RUN_LENGTH + 5


def test_a_variable_frame_rate_keeps_its_times(tmp_path):
    times = [0, 30, 100, 140, 500, 517, 900, 940]
    for name in ("v.mp4", "v.mkv"):
        clip = FileClip(make_video(tmp_path / name, count=8, times_ms=times, bf="2"))
        np.testing.assert_allclose(clip.times, np.array(times) / 1000, atol=1e-3)
        assert clip.duration > 0.94


def test_milliseconds_of_matroska_become_the_true_grid(tmp_path):
    rate = Fraction(24000, 1001)
    clip = FileClip(make_video(tmp_path / "movie.mkv", rate=rate))
    assert clip.fps == rate
    np.testing.assert_allclose(clip.times, np.arange(40) / float(rate), atol=1e-9)


TURNS = {0: ((1, 0), (0, 1)), 90: ((0, 1), (-1, 0)), 180: ((-1, 0), (0, -1)), 270: ((0, -1), (1, 0))}
"""Display matrices by degrees clockwise; as x is multiplied from the left, a mirroring after them negates column x."""


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize("degrees", TURNS)
def test_frames_are_turned_and_mirrored_as_the_display_matrix_says(tmp_path, degrees, mirrored):
    matrix = np.array(TURNS[degrees]) * ((-1, 1) if mirrored else (1, 1))
    path = set_display_matrix(make_video(tmp_path / "phone.mp4", count=3), matrix)
    clip, stored = FileClip(path), decode(path)[1]
    (frame,) = pixels(clip.read([1]))
    assert frame.shape == (clip.height, clip.width, 3)
    rows, columns = np.indices(stored.shape[:2])
    x, y = np.moveaxis(np.stack([columns, rows], -1) @ matrix, -1, 0)
    assert np.abs(frame[y - y.min(), x - x.min()].astype(int) - stored).max() <= 1
    turned = np.rot90(stored, -degrees // 90)
    assert np.abs(frame.astype(int) - (turned[:, ::-1] if mirrored else turned)).max() <= 1


def test_the_pixel_aspect_is_that_of_the_frame_as_shown(tmp_path):
    path = write(tmp_path / "tv.mp4", still(2), pixel_aspect=Fraction(4, 3))
    assert FileClip(path).pixel_aspect == Fraction(4, 3)
    assert FileClip(set_display_matrix(path, TURNS[90])).pixel_aspect == Fraction(3, 4)
    assert FileClip(set_display_matrix(path, TURNS[180])).pixel_aspect == Fraction(4, 3)
    assert FileClip(make_video(tmp_path / "unsaid.mp4", count=2)).pixel_aspect == 1


def test_a_pixel_aspect_that_cannot_be_is_said_and_left_out(tmp_path, caplog):
    path = write(tmp_path / "odd.mp4", still(2), pixel_aspect=Fraction(9))
    assert FileClip(path).pixel_aspect == 1 and "9 times as wide as high" in caplog.text


@pytest.mark.parametrize("size", [(1, 1), (33, 47)])
def test_odd_sizes_and_a_single_frame(tmp_path, size):
    clip = FileClip(make_video(tmp_path / "one.mp4", pix_fmt="yuv444p", count=1, size=size))
    assert len(clip) == 1 and clip.times.tolist() == [0.0] and clip.duration == pytest.approx(0.04)
    assert next(clip.read([0])).shape == (*size, 3)


@pytest.mark.parametrize("matrix", [1, 5, 9])
def test_color_tags_are_read_and_obeyed(tmp_path, matrix):
    path = tmp_path / "c.mp4"
    red = np.full((48, 64, 3), (200, 30, 60), np.uint8)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"crf": "1"})
        stream.height, stream.width = 48, 64
        stream.codec_context.colorspace, stream.codec_context.color_range = matrix, 1
        frame = av.VideoFrame.from_ndarray(red, format="rgb24")
        frame.colorspace = matrix
        output.mux(stream.encode(frame.reformat(format="yuv420p", dst_color_range=1)))
        output.mux(stream.encode(None))
    clip = FileClip(path)
    assert clip.color == ColorTags(matrix, 1, 2, 2)
    assert np.abs(np.asarray(next(clip.read([0]))).astype(int) - red).max() <= 2
    # Luma by the definition (BT.709 item 3.2, BT.601 item 2.5.1, BT.2020 table 4), limited range.
    weights = {1: (0.2126, 0.7152, 0.0722), 5: (0.299, 0.587, 0.114), 9: (0.2627, 0.678, 0.0593)}[matrix]
    with av.open(str(path)) as container:
        luma = next(container.decode(video=0)).to_ndarray()[:48]
    assert abs(luma.mean() - (16 + 219 / 255 * np.dot(weights, red[0, 0]))) <= 1


def test_what_is_lost_is_logged(videos, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        with av.open(str(tmp_path / "hdr.mp4"), "w") as output:
            stream = output.add_stream("libx264", rate=25)
            stream.height, stream.width = 48, 64
            stream.codec_context.color_trc = 16
            output.mux(
                stream.encode(av.VideoFrame.from_ndarray(image(0), format="rgb24").reformat(format="yuv420p"))
            )
            output.mux(stream.encode(None))
        assert FileClip(tmp_path / "hdr.mp4").color.hdr and "HDR" in caplog.text


def test_a_loss_of_bits_or_opacity_is_logged(videos, tmp_path, caplog):
    with caplog.at_level(logging.WARNING):
        for name in ("h264.mp4", "ffv1.mkv", "h264_10bit.mov", "prores4444.mov"):
            clip = FileClip(videos[name])
            with open_writer(tmp_path / "x.mkv", 48, 64, 25, samples=clip.samples) as writer:
                writer.write(next(clip.read([0])), 0)
        assert not caplog.records
        write(tmp_path / "x.mp4", still(1), samples=clip.samples)
    assert (
        "x.mp4 has 8 of the source's 12 bits" in caplog.text
        and "transparency; .mkv and prores4444 do" in caplog.text
    )


def test_audio_and_cover_images_are_told_from_video(tmp_path, videos):
    audio = make_audio(tmp_path / "s.m4a", "aac", tone(0.5), 44100)
    assert FileClip(add_audio(videos["h264.mp4"], audio, tmp_path / "both.mp4")).has_audio
    with pytest.raises(MediaError, match="no video stream"):
        FileClip(audio)


def test_a_number_outside_the_clip_is_refused(videos):
    for number in (-1, 40):
        with pytest.raises(InputError, match="0..39"):
            list(FileClip(videos["h264.mp4"]).read([number]))


def test_a_real_clip(talking_head):
    clip = FileClip(talking_head)
    assert (len(clip), clip.height, clip.width, clip.fps, clip.has_audio) == (502, 1920, 1080, 25, True)
    forwards = list(clip.read([100, 101]))
    np.testing.assert_array_equal(list(clip.read([101, 100])), forwards[::-1])
