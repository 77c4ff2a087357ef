"""Timecode against a table of all names of a day, and as files hold it."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from media_files import make_video

from latentsync_core.errors import InputError
from latentsync_core.media.timecode import (
    Timecode,
    _count_frames,
    _count_names,
    parse_time,
    read_timecode,
    timecode_rate,
)

NTSC = Fraction(1000, 1001)
RATES = [
    24 * NTSC,
    Fraction(24),
    Fraction(25),
    30 * NTSC,
    Fraction(30),
    Fraction(48),
    Fraction(50),
    60 * NTSC,
]
RATES += [Fraction(60), 120 * NTSC]
KINDS = [(fps, False) for fps in RATES] + [(n * NTSC, True) for n in (30, 60, 120)]


@pytest.mark.parametrize("fps, drop", [kind for kind in KINDS if kind[0] <= 60])
def test_every_frame_of_a_day_has_its_name(fps, drop):
    rate, dropped = round(fps), round(fps) // 15 if drop else 0
    names = np.arange(86400 * rate)
    minute, within = names // (60 * rate), names % (60 * rate)
    names = names[~((within < dropped) & (minute % 10 > 0))]
    frames = np.arange(len(names))
    assert np.array_equal(_count_names(frames, rate, dropped), names)
    assert np.array_equal(_count_frames(names, rate, dropped), frames)
    assert Timecode(0, fps, drop).day == len(names)


@given(kind=st.sampled_from(KINDS), part=st.floats(0, 1, exclude_max=True))
def test_text_there_and_back(kind, part):
    fps, drop = kind
    timecode = Timecode(int(part * Timecode(0, fps, drop).day), fps, drop)
    assert Timecode.parse(str(timecode), fps) == timecode
    assert parse_time(str(timecode.later(12345)), timecode) == 12345 / timecode.fps


@pytest.mark.parametrize(
    "text, fps, frames",
    [
        ("00:00:59;29", 30 * NTSC, 1799),
        ("00:01:00;02", 30 * NTSC, 1800),
        ("00;10;00;00", 30 * NTSC, 17982),
        ("01:00:00;00", 30 * NTSC, 107892),
        ("00:01:00;04", 60 * NTSC, 3600),
        ("01:00:00:00", 30 * NTSC, 108000),
        ("01:00:10:05", 24 * NTSC, 86645),
        ("23:59:59:49", Fraction(50), 4319999),
    ],
)
def test_known_names(text, fps, frames):
    assert Timecode.parse(text, fps).frames == frames


def test_drop_frame_follows_the_clock():
    hour = Timecode.parse("01:00:00;00", 30 * NTSC)
    assert abs(float(hour.frames / hour.fps) - 3600) < 0.004
    assert float(Timecode.parse("01:00:00:00", 30 * NTSC).frames / hour.fps) == pytest.approx(3603.6)


def test_rates_by_their_usual_names():
    for text in ("23.976", "23.98", "24000/1001"):
        assert timecode_rate(Fraction(text)) == 24 * NTSC
    assert timecode_rate(Fraction("29.97")) == 30 * NTSC and timecode_rate(Fraction("59.94")) == 60 * NTSC
    assert timecode_rate(Fraction(24)) == 24 and timecode_rate(Fraction("24.001")) == 24
    for rate in ("24.5", "0.3", "1000", "23.9"):
        with pytest.raises(InputError, match="Give times in seconds"):
            timecode_rate(Fraction(rate))


@pytest.mark.parametrize(
    "text, fps, words",
    [
        ("00:01:00;00", 30 * NTSC, "left out by drop frame; the next one is 00:01:00;02"),
        ("00:00:00;01", Fraction(25), "Drop frame is for 29.97"),
        ("00:00:00;01", Fraction(30), "Drop frame is for 29.97"),
        ("00:00:00:25", Fraction(25), "frames to 24. It may be of a film of another rate"),
        ("24:00:00:00", Fraction(25), "hours go to 23"),
        ("00:60:00:00", Fraction(25), "minutes and seconds to 59"),
        ("00:00:00", Fraction(25), "HH:MM:SS:FF"),
        ("٠٠:٠٠:٠٠:٠٠", Fraction(25), "HH:MM:SS:FF"),
    ],
)
def test_names_that_no_frame_has(text, fps, words):
    with pytest.raises(InputError, match=words):
        Timecode.parse(text, fps)


def test_a_timecode_is_a_frame_of_a_day():
    with pytest.raises(InputError, match="0..2159999"):
        Timecode(2160000, Fraction(25))
    last = Timecode.parse("23:59:59:24", Fraction(25))
    assert str(last.later(1)) == "00:00:00:00" and str(last.later(1).later(-1)) == str(last)


def test_times_of_every_form():
    start = Timecode.parse("01:00:00:00", 24 * NTSC)
    assert parse_time(" 62.5 ") == parse_time("00:01:02.500", start) == Fraction(125, 2)
    assert parse_time("00:01:02") == 62
    assert parse_time("01:00:02:12", start) == Fraction(60) / (24 * NTSC)
    assert parse_time("00:00:01:00", Timecode.parse("23:59:59:00", Fraction(25))) == 2


@pytest.mark.parametrize(
    "text, start, words",
    [
        ("-1", None, "takes seconds"),
        ("nan", None, "takes seconds"),
        ("1e9", None, "takes seconds"),
        ("", None, "takes seconds"),
        ("12345678901", None, "takes seconds"),
        ("00:61:00", None, "go to 59"),
        ("00:00:10:00", None, "no steady rate"),
        ("00:00:10:00", Timecode(90000, Fraction(25)), "before the film, whose first frame is 01:00:00:00"),
        ("01:00:10:00", Timecode(107892, 30 * NTSC, True), "counts otherwise than 01:00:00;00"),
    ],
)
def test_times_that_are_refused(text, start, words):
    with pytest.raises(InputError, match=words):
        parse_time(text, start)


@pytest.mark.parametrize(
    "name, text, fps", [("a.mov", "01:00:10;05", 30 * NTSC), ("b.mkv", "10:00:00:24", Fraction(25))]
)
def test_the_timecode_of_a_file(tmp_path, name, text, fps):
    path = tmp_path / name
    with av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=fps)
        stream.height, stream.width, stream.pix_fmt = 48, 64, "yuv420p"
        stream.metadata["timecode"] = text
        frame = av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")
        output.mux(stream.encode(frame.reformat(format="yuv420p")))
        output.mux(stream.encode(None))
    assert str(read_timecode(path, fps)) == text


def test_a_file_without_timecode_or_with_one_of_another_rate(tmp_path, caplog):
    path = make_video(tmp_path / "plain.mp4", count=2)
    assert read_timecode(path, Fraction(25)) is None
    tagged = tmp_path / "tagged.mkv"
    with av.open(str(path)) as source, av.open(str(tagged), "w") as output:
        output.metadata["TIMECODE"] = "00:00:00:29"
        stream = output.add_stream_from_template(source.streams.video[0])
        for packet in source.demux(video=0):
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    assert read_timecode(tagged, Fraction(25)) is None and "cannot be used" in caplog.text
    assert str(read_timecode(tagged, Fraction(30))) == "00:00:00:29"
