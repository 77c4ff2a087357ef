"""Cue sheets in CSV and JSON."""

import json
from fractions import Fraction

import pytest
from cue_files import messages, read, write_audio
from hypothesis import given, settings
from hypothesis import strategies as st

import latentsync_core.dub as dub
from latentsync_core.dub import COLUMNS, FilmClock
from latentsync_core.dub.cues import MAX_SHEET_BYTES
from latentsync_core.errors import CueError
from latentsync_core.media import Timecode
from latentsync_core.options import _CHOICES, _RANGES

FILM = FilmClock(60.0, Timecode.parse("01:00:00:00", Fraction(25)), True)

CSV = """\
name,audio,start,in,out,end,fit,speaker,at,strength,protect,steps,color_match
hello,line_1.wav,01:00:10:05,0.25,,,no,1+2,,0.5,,12,no
,line_2.wav,20.5,,00:00:00.75,22,true,"320,180",01:00:21:00,,masks,,
"""


def test_csv_holds_everything_of_a_line(folder):
    (folder / "masks").mkdir()
    sheet = read(folder, "cues.csv", CSV, FILM)
    assert messages(sheet) == []
    first, second = sheet.lines
    assert (first.name, first.audio, first.start) == ("hello", folder / "line_1.wav", 10.2)
    assert (first.audio_in, first.audio_out, first.end, first.speaker) == (0.25, None, None, "1+2")
    assert (first.strength, first.options) == (0.5, {"steps": 12, "color_match": False})
    assert (second.name, second.start, second.audio_out, second.end) == ("2", 20.5, 0.75, 22)
    assert (second.speaker, second.speaker_at, second.strength) == ((320.0, 180.0), 21.0, 1.0)
    assert (first.fit, second.fit) == (False, True)
    assert second.protect == folder / "masks" and second.options == {}


def test_json_holds_the_same(folder):
    (folder / "masks").mkdir()
    lines = [
        {"name": "hello", "audio": "line_1.wav", "start": "01:00:10:05", "in": 0.25, "fit": False, "speaker": "1+2",
         "strength": 0.5, "steps": 12, "color_match": False},
        {"audio": "line_2.wav", "start": 20.5, "out": "00:00:00.75", "end": 22, "fit": True, "speaker": [320, 180],
         "at": "01:00:21:00", "protect": "masks", "seed": None},
    ]  # fmt: skip
    expected = read(folder, "cues.csv", CSV, FILM)
    for content in (lines, {"fps": 25, "lines": lines}, {"fps": "25/1", "lines": lines}):
        assert read(folder, "cues.json", json.dumps(content), FILM) == expected


@pytest.mark.parametrize("separator", [";", "\t"])
def test_csv_of_other_countries(folder, separator):
    text = "\ufeffName;Audio;Start;Speaker\n1;line_1.wav;3;320,180\n\n;;;\n2;line_2.wav;5;\n"
    sheet = read(folder, "cues.csv", text.replace(";", separator), FILM)
    assert messages(sheet) == [] and [line.start for line in sheet.lines] == [3, 5]
    assert sheet.lines[0].speaker == (320.0, 180.0)


def test_all_that_is_wrong_is_said_at_once_and_the_others_are_kept(folder):
    text = (
        "name,audio,start,strength,color,steps\n"
        "1,line_1.wav,3,,,\n"
        "door,missing.wav,-4,2,,many\n"
        "1,line_2.wav,8,,,\n"
        "4,line_2.wav,59.5,,,\n"
        "5,line_3.wav,9,nan,,501\n"
        "6,,,,,\n"
        "7,line_3.wav,12,1,,\n"
        "8,line_3.wav,12,1,,,,\n"
    )
    sheet = read(folder, "cues.csv", text, FILM)
    assert [line.name for line in sheet.lines] == ["1", "7"]
    found = messages(sheet)
    assert [(problem.number, problem.name) for problem in sheet.problems] == [
        (0, ""), (2, "door"), (2, "door"), (2, "door"), (3, "1"), (4, "4"), (5, "5"), (6, "6"), (6, "6"), (8, "8"),
    ]  # fmt: skip
    assert "no columns 'color'; there are name, audio" in found[0]
    assert "line 2 (door): audio: missing.wav is not in" in found[1]
    assert "start: A time takes seconds" in found[2] and "steps: It takes a whole number" in found[3]
    assert "line 1 has the same name" in found[4]
    assert "from second 59.500 to 60.500, and the film ends at 60.000" in found[5]
    assert "line 5: steps takes a whole" in found[6]
    assert "audio is missing" in found[7] and "start is missing" in found[8]
    assert "8 cells for 6 columns" in found[9]
    with pytest.raises(CueError, match="10 problems; nothing was made") as error:
        sheet.check()
    assert all(message in str(error.value) for message in found)


@pytest.mark.parametrize(
    "name, content, words",
    [
        ("cues.txt", "", "A cue sheet ends in .csv, .json"),
        ("cues.csv", "", "names no column"),
        ("cues.csv", "1,line_1.wav,3\n", "names no column"),
        ("cues.csv", "audio,start\n", "no line in it"),
        ("cues.csv", 'audio,start\n"line_1.wav,2\n', "After line 0 it is no CSV any more"),
        ("cues.json", "{", "It is no JSON"),
        ("cues.json", "[" * 100_000, "It is no JSON"),
        ("cues.json", "1" * 5000, "no list of lines|no JSON"),
        ("cues.json", "{}", "no list of lines"),
        ("cues.json", '{"lines": [], "film": 1}', "takes lines and fps, got film"),
        ("cues.json", '{"lines": [], "fps": 24}', "counts 24 frames a second, the film has 25"),
        ("cues.json", '{"lines": [], "fps": 1e99}', "fps takes a rate such as"),
        ("cues.json", '{"lines": [], "fps": "1/0"}', "fps takes a rate such as"),
        ("cues.json", '{"lines": [], "fps": 12.7}', "Timecode counts whole frames"),
        ("cues.json", "[]", "no line in it"),
        ("cues.json", "[1]", "line 1: A line takes an object"),
    ],
)
def test_sheets_that_are_none(folder, name, content, words):
    sheet = read(folder, name, content, FILM)
    assert sheet.lines == () and len(sheet.problems) == 1
    with pytest.raises(CueError, match=words):
        sheet.check()


def test_files_that_cannot_be_read(folder):
    (folder / "cues.csv").write_bytes("name,audio,start\nä,line_1.wav,1\n".encode("latin-1"))
    (folder / "big.csv").write_bytes(b"a" * (MAX_SHEET_BYTES + 1))
    for name, words in (("cues.csv", "UTF-8"), ("big.csv", "8 MiB"), ("none.csv", "No such file")):
        (problem,) = dub.read_cues(folder / name).problems
        assert problem.number == 0 and words in str(problem)


def one_line(folder, **values):
    """The problems of a sheet of one line."""
    line = {"audio": "line_1.wav", "start": 1} | values
    return " ".join(messages(read(folder, "cues.json", json.dumps([line]), FILM)))


@pytest.mark.parametrize(
    "values, words",
    [
        ({"start": float("nan")}, "start: A time takes seconds >= 0"),
        ({"start": float("inf")}, "start: A time takes seconds >= 0"),
        ({"start": -1}, "start: A time takes seconds >= 0"),
        ({"start": True}, "start: A time takes seconds >= 0"),
        ({"start": []}, "start: A time takes seconds >= 0"),
        ({"start": "00:59:59:24"}, "before the film, whose first frame is 01:00:00:00"),
        ({"start": "01:00:10:29"}, "It may be of a film of another rate"),
        ({"start": "01:00:10;12"}, "Drop frame is for 29.97"),
        ({"start": 60}, "the film ends at 60.000"),
        ({"end": 61}, "the film ends at 60.000"),
        ({"end": 1}, "end of a line lies after start"),
        ({"fit": True}, "line 1: fit takes an end"),
        ({"fit": 1, "end": 2}, "fit: It takes true or false, got '1'"),
        ({"fit": "perhaps", "end": 2}, "fit: It takes yes or no, got 'perhaps'"),
        ({"in": 1}, "has 1.000 seconds, and the line takes those from 1 to 1"),
        ({"out": 1.2}, "takes those from 0 to 1.2"),
        ({"in": 0.5, "out": 0.5}, "audio_out of a line lies after audio_in"),
        ({"strength": 1.01}, "strength of a line takes 0..1"),
        ({"strength": "much"}, "takes a number such as 0.5"),
        ({"strength": False}, "takes a number such as 0.5"),
        ({"speaker": "the tall one"}, "A speaker is auto, largest"),
        ({"speaker": [1, 2, 3]}, "A speaker is auto, largest"),
        ({"fps": 25}, "There is no such column"),
        ({"steps": True}, "line 1: steps takes a whole"),
        ({"color_match": 1}, "color_match takes True or False"),
        ({"name": 1.5}, "A name takes a number or up to 100 letters"),
        ({"name": "a\nb"}, "A name takes a number or up to 100 letters"),
        ({"name": "x" * 101}, "A name takes a number or up to 100 letters"),
        ({"audio": 7}, "A file takes its name"),
        ({"audio": "."}, "is a folder"),
    ],
)
def test_values_that_are_refused(folder, values, words):
    assert words in one_line(folder, **values)


@pytest.mark.parametrize(
    "name",
    ["../secret.wav", "/etc/passwd", "a/../../secret.wav", "..\\secret.wav", "\\\\server\\share\\a.wav", "//server/a.wav",
     "link.wav", "linked/secret.wav"],
)  # fmt: skip
def test_nothing_is_read_from_outside_of_the_folder(folder, name):
    write_audio(folder.parent / "secret.wav")
    (folder / "link.wav").symlink_to(folder.parent / "secret.wav")
    (folder / "linked").symlink_to(folder.parent)
    assert "lies outside of" in one_line(folder, audio=name)
    assert "lies outside of" in one_line(folder, protect=name)


@pytest.mark.parametrize("name", ["a\0b.wav", "x" * 2000, "a\nb.wav", "x" * 300, "http://example.com/a.wav"])
def test_names_that_are_none(folder, name):
    assert "is no name of a file" in (found := one_line(folder, audio=name)) or "is not in" in found


def test_a_folder_that_the_user_names_counts_too(folder, tmp_path):
    write_audio(tmp_path / "takes" / "a" / "7.wav")
    lines = json.dumps(
        [{"audio": "a\\7.wav", "start": 1}, {"audio": str(tmp_path / "takes/a/7.wav"), "start": 2}]
    )
    assert len(read(folder, "cues.json", lines, FILM).problems) == 2
    sheet = read(folder, "cues.json", lines, FILM, tmp_path / "takes")
    assert [line.audio for line in sheet.lines] == [tmp_path / "takes" / "a" / "7.wav"] * 2


def test_audio_is_looked_at(folder):
    (folder / "noise.wav").write_bytes(b"not audio")
    assert "is not a video or audio file" in one_line(folder, audio="noise.wav")


@settings(max_examples=60, deadline=None)
@given(text=st.text(max_size=200) | st.text('{}[]",:;\n\t-+.eE0123456789nulatrifsdo', max_size=200))
def test_no_text_breaks_the_readers(tmp_path_factory, text):
    folder = tmp_path_factory.mktemp("sheet")
    for name in ("cues.csv", "cues.json"):
        (folder / name).write_text(text.replace("\r", ""), "utf-8", "surrogatepass")
        assert dub.read_cues(folder / name, FILM).problems


def test_times_without_a_film(folder):
    sheet = read(folder, "cues.csv", "audio,start\nline_1.wav,9999\nline_2.wav,00:00:01:00\n")
    assert [line.start for line in sheet.lines] == [9999] and "no steady rate" in messages(sheet)[0]


def test_drop_frame_of_a_film_that_does_not_say_how_it_counts(folder):
    clock = FilmClock(99.0, Timecode(0, Fraction(30000, 1001)))
    sheet = read(folder, "cues.csv", "audio,start\nline_1.wav,00:01:00;02\nline_2.wav,00:01:00:00\n", clock)
    assert [line.start for line in sheet.lines] == [60.06] * 2


def test_the_schema_describes_what_is_read():
    from pathlib import Path

    schema = json.loads((Path(dub.__file__).parent / "cues.schema.json").read_text("utf-8"))
    line = schema["$defs"]["line"]
    assert list(line["properties"]) == list(COLUMNS) and line["required"] == ["audio", "start"]
    for name, low, high in _RANGES:
        assert (line["properties"][name]["minimum"], line["properties"][name]["maximum"]) == (low, high)
    for name in set(_CHOICES) & set(COLUMNS):
        assert tuple(line["properties"][name]["enum"]) == _CHOICES[name]
