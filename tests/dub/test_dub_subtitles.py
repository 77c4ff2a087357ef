"""Subtitles with a folder of audio files as cue sheets."""

import pytest
from cue_files import messages, read, write_audio
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsync_core.dub import FilmClock

SRT = """\
1
00:00:01,500 --> 00:00:02,750
[2] Hello there,
<i>friend</i>!

7
00:00:05,000 --> 00:00:06,000 X1:0 X2:10
Who is it?
"""

VTT = """\
WEBVTT - a film

NOTE nothing of this
is a cue

STYLE
::cue { color: white }

00:01.500 --> 00:02.750 align:start
[1+3] Hello there,
friend!

door
00:00:05.000 --> 00:00:06.000
<v Anna>Who is it?
"""


@pytest.mark.parametrize(
    "names",
    [("1.wav", "7.wav"), ("001.wav", "007_door.wav"), ("line 1.wav", "take-07.WAV"), ("01 - hello.wav", "line_7.wav"),
     ("Hello there, friend!.wav", "who is it.wav"), ("hello_there_fr.wav", "WHO-IS-IT.wav")],
)  # fmt: skip
def test_audio_by_number_or_text(tmp_path, names):
    for name in names:
        write_audio(tmp_path / "audio" / name)
    sheet = read(tmp_path, "cues.srt", SRT.replace("\n", "\r\n"), FilmClock(9.0), tmp_path / "audio")
    assert messages(sheet) == []
    first, second = sheet.lines
    assert (first.name, first.start, first.end, first.speaker) == ("1", 1.5, 2.75, 2)
    assert (second.name, second.start, second.end, second.speaker) == ("7", 5, 6, "auto")
    assert [line.audio.name for line in sheet.lines] == list(names)


def test_vtt(tmp_path):
    for name in ("1.wav", "whoisit.wav"):
        write_audio(tmp_path / name)
    first, second = read(tmp_path, "cues.vtt", VTT).lines
    assert (first.name, first.start, first.end, first.speaker, first.audio.name) == (
        "1",
        1.5,
        2.75,
        "1+3",
        "1.wav",
    )
    assert (second.name, second.start, second.audio.name) == ("door", 5.0, "whoisit.wav")


def test_what_is_wrong_with_cues(folder):
    text = (
        "1\n00:00:01,000 --> 00:00:02,000\nHello\n\n"
        "2\n00:00:03 --> soon\nHello\n\n"
        "3\n00:00:09,000 --> 00:00:08,000\nHello\n\n"
        "4\n00:00:05,000 --> 00:00:06,000\nHello\n\n"
        "1\n00:00:07,000 --> 00:00:08,000\n\n"
    )
    write_audio(folder / "03.wav")
    sheet = read(folder, "cues.srt", text, FilmClock(20.0))
    assert [line.name for line in sheet.lines] == ["1"]
    found = messages(sheet)
    assert [problem.number for problem in sheet.problems] == [2, 3, 4, 5]
    assert "line 2: Its times cannot be read: '00:00:03 --> soon'" in found[0]
    assert "03.wav and line_3.wav may both be it" in found[1]
    assert "No audio in" in found[2] and "(4.wav) or its text (hello.wav)" in found[2]
    assert "line 5 (1): line 1 has the same name" in found[3]


def test_a_number_is_not_a_part_of_another(tmp_path):
    for name in ("17.wav", "71.wav", "1a7.txt", "2_000007.wav"):
        write_audio(tmp_path / name) if name.endswith("wav") else (tmp_path / name).write_text("")
    sheet = read(tmp_path, "cues.srt", "7\n00:00:01,000 --> 00:00:02,000\n\n")
    assert sheet.lines == () and "(7.wav) or its text (-.wav)" in messages(sheet)[0]


@settings(max_examples=60, deadline=None)
@given(text=st.text("0123456789:,.-> \n<>[]{}\\ab", max_size=200) | st.text(max_size=100))
def test_no_text_breaks_the_readers(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("subtitles")
    for name in ("cues.srt", "cues.vtt"):
        assert read(folder, name, text.encode("utf-8", "replace").decode()).problems
