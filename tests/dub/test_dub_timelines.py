"""Timelines of editors as cue sheets."""

import sys
from fractions import Fraction

import pytest
from cue_files import messages, read, write_audio
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsync_core.dub import FilmClock, read_cues
from latentsync_core.media import Timecode

NTSC24, NTSC30 = Fraction(24000, 1001), Fraction(30000, 1001)
HOUR = {
    NTSC24: "01:00:00:00",
    NTSC30: "01:00:00;00",
    Fraction(25): "10:00:00:00",
    Fraction(50): "00:00:00:00",
}


def film(fps, seconds=600.0):
    return FilmClock(seconds, Timecode.parse(HOUR[fps], fps), True)


@pytest.fixture
def otio():
    return pytest.importorskip("opentimelineio", reason="timelines need the extra `otio`")


def build(otio, fps, first, clips=(), markers=(), folder=None, track="A1"):
    """A timeline: a video of the film, audio clips (start, in, length, name), markers (start, length, name), in frames."""

    def time(frames):
        return otio.opentime.RationalTime(frames, float(fps))

    def span(start, length):
        return otio.opentime.TimeRange(time(start), time(length))

    timeline = otio.schema.Timeline("dub", global_start_time=time(first))
    video = otio.schema.Track("V1", kind="Video")
    reference = otio.schema.ExternalReference("file:///elsewhere/film.mov", span(first, 9000))
    video.append(otio.schema.Clip("film", reference, span(first, 9000)))
    audio, end = otio.schema.Track(track, kind="Audio"), 0
    for start, skipped, length, name in clips:
        audio.append(otio.schema.Gap(duration=time(start - end)))
        reference = otio.schema.ExternalReference((folder / name).as_uri(), span(0, 200))
        audio.append(otio.schema.Clip(name, reference, span(skipped, length)))
        end = start + length
    timeline.tracks.extend([video, audio])
    for start, length, name in markers:
        timeline.tracks.markers.append(otio.schema.Marker(name, span(start, length)))
    return timeline


@pytest.mark.parametrize("suffix", [".otio", ".xml"])
@pytest.mark.parametrize("fps", list(HOUR))
def test_clips_of_audio_tracks_are_lines(otio, folder, suffix, fps):
    clock, clips = film(fps), [(48, 3, 10, "line_1.wav"), (1000, 0, 20, "line_2.wav")]
    timeline = build(otio, fps, clock.first.frames, clips, folder=folder, track="speaker 1+2")
    otio.adapters.write_to_file(timeline, str(folder / f"dub{suffix}"))
    sheet = read_cues(folder / f"dub{suffix}", clock)
    assert messages(sheet) == []
    for line, (start, skipped, length, name) in zip(sheet.lines, clips, strict=True):
        assert (line.audio, line.name) == (folder / name, name)
        assert Fraction(line.start).limit_denominator(10**6) == start / fps
        assert line.audio_in == float(skipped / fps) and line.audio_out == float((skipped + length) / fps)
        assert line.speaker == ("1+2" if suffix == ".otio" else "auto")  # FCP 7 has no names of tracks


@pytest.mark.parametrize("suffix", [".otio", ".xml"])
def test_markers_that_name_audio_are_lines_and_clips_are_not(otio, folder, suffix):
    clock = film(NTSC24)
    timeline = build(
        otio, NTSC24, clock.first.frames, [(0, 0, 24, "line_3.wav")], [(24, 12, "line 1"), (100, 0, "2"), (90, 0, "cut?")],
        folder,
    )  # fmt: skip
    marker = otio.schema.Marker(
        "line_3.WAV",
        timeline.tracks[0][0].trimmed_range(),
        metadata={"latentsync": {"speaker": 2, "steps": 9}},
    )
    marker.marked_range = otio.opentime.TimeRange(
        marker.marked_range.start_time + otio.opentime.RationalTime(500, float(NTSC24)),
        otio.opentime.RationalTime(24, float(NTSC24)),
    )
    timeline.tracks[0][0].markers.append(marker)
    otio.adapters.write_to_file(timeline, str(folder / f"dub{suffix}"))
    sheet = read_cues(folder / f"dub{suffix}", clock)
    assert [(line.name, line.audio.name) for line in sheet.lines] == [
        ("line 1", "line_1.wav"), ("2", "line_2.wav"), ("line_3.WAV", "line_3.wav"),
    ]  # fmt: skip
    frames = [round(Fraction(line.start).limit_denominator(10**6) * NTSC24, 9) for line in sheet.lines]
    assert frames == [24, 100, 500]
    assert [line.end and round(line.end * NTSC24) for line in sheet.lines] == [36, None, 524]
    if suffix == ".otio":
        assert (sheet.lines[2].speaker, sheet.lines[2].options) == (2, {"steps": 9})
    (problem,) = messages(sheet)
    assert "(cut?): The marker names no audio. No audio in" in problem


RESOLVE = """\
TITLE: Timeline 1
FCM: {mode}

001  001      V     C        {a} {b} {a} {b}
 |C:ResolveColorBlue |M:line_1 |D:1

002  001      V     C        {c} {d} {c} {d}
 |C:ResolveColorRed |M:2 |D:24

"""


def edl(fps, starts):
    codes = [Timecode.parse(HOUR[fps], fps).later(frames) for frames in starts]
    names = {f"{key}": str(code) for key, code in zip("abcd", codes, strict=True)}
    mode = "DROP FRAME" if codes[0].drop else "NON-DROP FRAME"
    return RESOLVE.format(mode=mode, **names)


@pytest.mark.parametrize("fps", list(HOUR))
def test_the_markers_that_resolve_exports(folder, fps):
    sheet = read(folder, "dub.edl", edl(fps, (48, 49, 5000, 5001)), film(fps))
    assert messages(sheet) == []
    first, second = sheet.lines
    assert (first.name, first.audio.name, first.start, first.end) == (
        "line_1",
        "line_1.wav",
        float(48 / fps),
        None,
    )
    assert (second.name, second.audio.name, second.start) == ("2", "line_2.wav", float(5000 / fps))
    assert second.end == float(5024 / fps)


def test_locators_of_avid_are_in_the_time_of_the_edl(folder):
    text = (
        "TITLE: dub\n001  FILM  V  C  05:00:00:00 05:00:20:00 10:00:00:00 10:00:20:00\n"
        "* LOC: 10:00:05:12 GREEN   LINE_3\n"
    )
    (line,) = read(folder, "dub.edl", text, film(Fraction(25))).lines
    assert (line.start, line.audio.name) == (5.48, "line_3.wav")


AUDIO_EDL = """\
TITLE: dub
FCM: NON-DROP FRAME
001  AX       A     C        00:00:00:03 00:00:00:13 10:00:02:00 10:00:02:10
* FROM CLIP NAME:  line_1.wav
002  AX       AA/V  C        00:00:00:00 00:00:00:20 10:00:05:00 10:00:05:20
* FROM CLIP NAME:  hello
* SOURCE FILE: D:\\dub\\line_2.wav
003  FILM     V     D    012 10:00:00:00 10:00:10:00 10:00:00:00 10:00:10:00
004  AX       A2    C        00:00:00:00 00:00:00:30 10:00:06:00 10:00:06:30
"""


def test_audio_events_of_an_edl(folder):
    sheet = read(folder, "dub.edl", AUDIO_EDL, film(Fraction(25)))
    (problem,) = messages(sheet)
    assert "Event '004  AX" in problem and "is no timecode at 25 frames a second" in problem
    assert [(line.name, line.audio.name, line.start) for line in sheet.lines] == [
        ("line_1.wav", "line_1.wav", 2.0), ("hello", "line_2.wav", 5.0),
    ]  # fmt: skip
    assert [(line.audio_in, line.audio_out) for line in sheet.lines] == [(0.12, 0.52), (0, 0.8)]


@pytest.mark.parametrize(
    "clock, words",
    [
        (
            FilmClock(600.0, Timecode.parse("01:00:00:00", NTSC30), True),
            "with drop frame, and the film begins at 01:00",
        ),
        (FilmClock(600.0), "the film has no steady one"),
        (FilmClock(600.0, Timecode(0, NTSC24)), "Drop frame is for 29.97"),
    ],
)
def test_an_edl_counts_as_the_film_does(folder, clock, words):
    assert words in messages(read(folder, "dub.edl", edl(NTSC30, (48, 49, 500, 501)), clock))[0]


def test_a_film_without_timecode(folder):
    text = edl(NTSC24, (48, 49, 5000, 5001))
    short = FilmClock(600.0, Timecode(0, NTSC24))
    (problem,) = messages(read(folder, "dub.edl", text, short))
    assert (
        "begins at the timecode 01:00:05" in problem
        and "give the timecode of the film's first frame" in problem
    )


FCPXML = """\
<?xml version="1.0" encoding="UTF-8"?>
<!DOCTYPE fcpxml>
<fcpxml version="1.9"><resources>
<format id="r1" name="FFVideoFormat1080p2398" frameDuration="1001/24000s" width="1920" height="1080"/>
<asset id="r2" name="film" src="file:///elsewhere/film.mov" start="86400086400/24000000s" duration="600s" hasVideo="1" format="r1" hasAudio="1"/>
<asset id="r3" name="line_1" start="0s" duration="1s" hasAudio="1"><media-rep kind="original-media" src="{uri}"/></asset>
</resources><library><event><project name="dub">
<sequence format="r1" tcStart="86486400/24000s" tcFormat="NDF" duration="600s"><spine>
<asset-clip ref="r2" offset="86486400/24000s" start="7207200/24000s" name="film" duration="14414400/24000s">
  <marker start="7231224/24000s" duration="1001/24000s" value="{marker}"/>
  <asset-clip ref="r3" lane="-1" offset="7303296/24000s" start="6006/24000s" duration="12012/24000s" name="line_1" audioRole="dialogue.speaker 2"/>
</asset-clip></spine></sequence></project></event></library></fcpxml>
"""


def test_fcpxml(folder):
    text = FCPXML.format(uri=(folder / "line_1.wav").as_uri(), marker="note")
    (line,) = read(folder, "dub.fcpxml", text, film(NTSC24)).lines
    assert (line.start * NTSC24, line.audio, line.speaker) == (
        pytest.approx(96, abs=1e-9),
        folder / "line_1.wav",
        2,
    )
    assert (line.audio_in, line.audio_out) == (float(6 / NTSC24), float(18 / NTSC24))
    (line,) = read(folder, "dub.fcpxml", text.replace('"note"', '"2"'), film(NTSC24)).lines
    assert (round(line.start * NTSC24, 9), line.audio.name) == (24, "line_2.wav")


def test_media_that_moved_is_found_by_its_name_and_never_read_elsewhere(folder, tmp_path):
    write_audio(tmp_path / "elsewhere" / "secret.wav")
    text = FCPXML.format(uri="file:///Volumes/x/line_2.wav", marker="note")
    (line,) = read(folder, "dub.fcpxml", text, film(NTSC24)).lines
    assert line.audio == folder / "line_2.wav"
    text = FCPXML.format(uri=(tmp_path / "elsewhere" / "secret.wav").as_uri(), marker="note")
    sheet = read(folder, "dub.fcpxml", text, film(NTSC24))
    assert sheet.lines == () and "secret.wav is not in" in messages(sheet)[0]


def test_a_timeline_of_another_rate(otio, folder):
    timeline = build(otio, 25, 91000, [(50, 0, 10, "line_1.wav")], folder=folder)
    otio.adapters.write_to_file(timeline, str(folder / "dub.otio"))
    sheet = read_cues(folder / "dub.otio", film(NTSC24))
    (problem,) = messages(sheet)
    assert "counts 25 frames a second, the film has 23.976" in problem
    assert [line.start for line in sheet.lines] == [pytest.approx(91050 / 25 - 3603.6)]


LAUGHS = '<!ENTITY a "ha"><!ENTITY b "&a;&a;">'


@pytest.mark.parametrize(
    "name, text, words",
    [
        ("a.otio", "{", "cannot be read as a timeline"),
        ("a.otio", "[" * 300_000, "more than 200 deep"),
        ("a.otio", '{"OTIO_SCHEMA": "Timeline.1", "metadata": ' + '{"a":' * 500 + "1" + "}" * 501, "more than 200 deep"),
        ("a.otio", '{"OTIO_SCHEMA": "Clip.9"}', "cannot be read as a timeline"),
        ("a.otio", '{"OTIO_SCHEMA": "SerializableCollection.1", "children": []}', "cannot be read|0 timelines"),
        ("a.otio", "5", "cannot be read as a timeline"),
        ("a.edl", "001 nonsense", "cue sheet: Event '001 nonsense': It is no event as CMX 3600"),
        ("a.edl", "hello", "has no event as CMX 3600 writes them"),
        ("a.xml", "<xmeml version='4'><nothing/></xmeml>", "cannot be read|0 timelines"),
        ("a.xml", "<", "cannot be read as a timeline"),
        ("a.xml", f"<!DOCTYPE x [{LAUGHS}]><x>&b;</x>", "declares XML entities"),
        ("a.fcpxml", f"<!DOCTYPE x [{LAUGHS}]><x>&b;</x>", "declares XML entities"),
        ("a.fcpxml", "<", "is no XML"),
        ("a.fcpxml", "<fcpxml/>", "one sequence, got fcpxml with 0"),
        ("a.fcpxml", FCPXML.replace("7303296/24000s", "soon"), "takes times such as"),
        ("a.fcpxml", FCPXML.replace("7303296/24000s", "1/0s"), "takes times such as"),
        ("a.fcpxml", "<fcpxml><sequence><spine>" + "<clip>" * 5000 + "</clip>" * 5000 + "</spine></sequence></fcpxml>",
         "no line|nested"),
    ],
)  # fmt: skip
def test_timelines_that_are_none(otio, folder, name, text, words):
    sheet = read(folder, name, text, film(NTSC24))
    assert sheet.lines == () and len(sheet.problems) == 1
    with pytest.raises(type(sheet.problems[0]), match=words):
        sheet.check()


def test_without_the_extra(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    assert "pip install 'latentsync-native[otio]'" in messages(read(folder, "a.otio", "{}", film(NTSC24)))[0]


@settings(max_examples=40, deadline=None)
@given(
    edits=st.lists(
        st.tuples(st.integers(0, 2000), st.sampled_from('0<>"{}[]:;,x\n ')), min_size=1, max_size=4
    )
)
def test_damaged_timelines_end_in_a_sentence(tmp_path_factory, edits):
    pytest.importorskip("opentimelineio", reason="timelines need the extra `otio`")
    folder = tmp_path_factory.mktemp("timeline")
    write_audio(folder / "line_1.wav")
    texts = {
        "a.fcpxml": FCPXML.format(uri="line_1.wav", marker="m"),
        "a.edl": edl(NTSC24, (48, 49, 5000, 5001)),
    }
    for name, text in texts.items():
        letters = list(text)
        for place, letter in edits:
            letters[place % len(letters)] = letter
        assert all(map(str, read(folder, name, "".join(letters), film(NTSC24)).problems))
