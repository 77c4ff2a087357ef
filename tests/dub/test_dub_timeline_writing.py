"""Timelines that are written, read again by OpenTimelineIO, by this library and by hand."""

import sys
from fractions import Fraction
from pathlib import Path
from xml.etree import ElementTree

import numpy as np
import pytest
from cue_files import messages
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsync_core.dub import (
    Edit,
    EditMark,
    EditMedia,
    EditPiece,
    FilmClock,
    check_timeline,
    cut_pieces,
    read_cues,
    write_timeline,
)
from latentsync_core.errors import InputError, OptionError, OutputError
from latentsync_core.media import Timecode

KINDS = [
    (Fraction(24000, 1001), "01:00:00:00"), (Fraction(24), "00:00:00:00"), (Fraction(25), "10:00:00:00"),
    (Fraction(30000, 1001), "01:00:00;00"), (Fraction(30000, 1001), "00:59:59:29"), (Fraction(30), "01:00:00:00"),
    (Fraction(50), "09:59:30:49"), (Fraction(60000, 1001), "01:00:00;00"), (Fraction(60), "00:00:00:00"),
]  # fmt: skip
PIECES = (EditPiece("patch 1", 0, 0, 20), EditPiece("patch 2", 177, 20, 40), EditPiece("patch 3", 999, 60, 1))
MARKS = (EditMark("line 2: turned away", 130, 10, "RED"), EditMark("line_1 äöü", 178, 1, "GREEN"))


def edit(fps, first, folder, pieces=PIECES, marks=MARKS):
    film = EditMedia(folder / "my film.mov", Timecode.parse(first, fps), 1000, (1080, 1920), True)
    reel = EditMedia(folder / "patch 100%.mov", film.first.later(-film.first.frames), 61, (1080, 1920))
    return Edit("dub <of> my & film", film, marks, reel if pieces else None, pieces)


def frames_of(time):
    assert time.value == int(time.value)
    return int(time.value)


def positions(otio, timeline, track):
    """(name, first frame of the media, first frame of the film, frames) of each clip of a track."""
    for clip in track.find_clips():
        used = clip.trimmed_range()
        where = clip.transformed_time_range(used, timeline.tracks)
        assert used.duration == where.duration
        yield clip.name, *map(frames_of, (used.start_time, where.start_time, where.duration))


@pytest.mark.parametrize("suffix", [".otio", ".xml"])
@pytest.mark.parametrize("fps, first", KINDS)
def test_opentimelineio_reads_what_was_written(tmp_path, suffix, fps, first):
    otio = pytest.importorskip("opentimelineio", reason="timelines need the extra `otio`")
    given = edit(fps, first, tmp_path)
    write_timeline(tmp_path / f"dub{suffix}", given)
    timeline = otio.adapters.read_from_file(str(tmp_path / f"dub{suffix}"))
    start = given.film.first.frames
    assert timeline.name == given.name and frames_of(timeline.global_start_time) == start
    assert abs(timeline.global_start_time.rate - float(fps)) < 1e-9
    film, reel = timeline.video_tracks()
    (sound,) = timeline.audio_tracks()
    for track in (film, sound):
        assert list(positions(otio, timeline, track)) == [("my film.mov", start, 0, 1000)]
    assert list(positions(otio, timeline, reel)) == [(p.name, p.first, p.at, p.frames) for p in PIECES]
    urls = {clip.media_reference.target_url for clip in timeline.find_clips()}
    assert urls == {given.film.path.as_uri(), given.reel.path.as_uri()}
    marks = [(m.name, *map(frames_of, (m.marked_range.start_time, m.marked_range.duration)))
             for m in timeline.tracks.markers]  # fmt: skip
    assert marks == [(m.name, m.at, m.frames) for m in MARKS]


@pytest.mark.parametrize("fps, first", KINDS)
def test_an_edl_read_by_opentimelineio(tmp_path, fps, first):
    otio = pytest.importorskip("opentimelineio", reason="timelines need the extra `otio`")
    given = edit(fps, first, tmp_path)
    write_timeline(tmp_path / "dub.edl", given)
    text = (tmp_path / "dub.edl").read_text("utf-8")
    drop = given.film.first.drop
    assert f"FCM: {'DROP' if drop else 'NON-DROP'} FRAME\n" in text
    timeline = otio.adapters.read_from_file(
        str(tmp_path / "dub.edl"), rate=float(fps) if drop else round(fps)
    )
    (track,) = timeline.tracks
    start = given.film.first.frames
    found = list(positions(otio, timeline, track))
    assert [place[1:] for place in found] == [(p.first, start + p.at, p.frames) for p in PIECES]
    assert {clip.media_reference.target_url for clip in timeline.find_clips()} == {str(given.reel.path)}
    for mark in MARKS:
        assert f"* LOC: {given.film.first.later(mark.at)} {mark.color:7} {mark.name}\n" in text


@pytest.mark.parametrize("fps, first", KINDS)
def test_an_fcpxml_read_by_hand(tmp_path, fps, first):
    given = edit(fps, first, tmp_path)
    write_timeline(tmp_path / "dub.fcpxml", given)
    root = ElementTree.parse(tmp_path / "dub.fcpxml").getroot()

    def frames(element, key):
        count = Fraction(element.get(key).removesuffix("s")) * fps
        assert count.denominator == 1
        return int(count)

    start = given.film.first.frames
    sequence, spine = next(root.iter("sequence")), next(root.iter("spine"))
    assert (frames(sequence, "tcStart"), frames(sequence, "duration")) == (start, 1000)
    assert sequence.get("tcFormat") == ("DF" if given.film.first.drop else "NDF")
    assert frames(next(root.iter("format")), "frameDuration") == 1
    (film,) = spine
    assert [frames(film, key) for key in ("offset", "start", "duration")] == [start, start, 1000]
    pieces = [
        (p.get("name"), *(frames(p, key) for key in ("start", "offset", "duration")))
        for p in film.iter("asset-clip")
    ]
    assert pieces[1:] == [(p.name, p.first, start + p.at, p.frames) for p in PIECES]
    marks = [(m.get("value"), frames(m, "start"), frames(m, "duration")) for m in film.iter("marker")]
    assert marks == [(m.name, start + m.at, m.frames) for m in MARKS]
    assert [a.get("src") for a in root.iter("asset")] == [given.film.path.as_uri(), given.reel.path.as_uri()]


@pytest.mark.parametrize("suffix", [".otio", ".xml", ".edl", ".fcpxml"])
@pytest.mark.parametrize("fps, first", KINDS)
def test_marks_come_back_as_lines(folder, suffix, fps, first):
    if suffix in (".otio", ".xml"):
        pytest.importorskip("opentimelineio", reason="timelines need the extra `otio`")
    marks = (EditMark("line_1", 130, 40), EditMark("line_2", 931, 50))
    given = edit(fps, first, folder, (), marks)
    write_timeline(folder / f"dub{suffix}", given)
    sheet = read_cues(folder / f"dub{suffix}", FilmClock(1000.0, given.film.first, True))
    assert messages(sheet) == []
    assert [round(Fraction(line.start) * fps, 6) for line in sheet.lines] == [130, 931]
    assert [line.audio.name for line in sheet.lines] == ["line_1.wav", "line_2.wav"]
    if suffix != ".edl":  # a locator has no length
        assert [round(Fraction(line.end) * fps, 6) for line in sheet.lines] == [170, 981]


@given(
    changed=st.lists(st.booleans(), min_size=1, max_size=60),
    handles=st.integers(0, 5),
)
@settings(max_examples=60, deadline=None)
def test_pieces_hold_all_that_changed(changed, handles):
    changed = np.array(changed)
    pieces = cut_pieces(changed, handles)
    held = np.zeros(len(changed), bool)
    for piece in pieces:
        held[piece.at : piece.end] = True
    wanted = [changed[max(0, k - handles) : k + handles + 1].any() for k in range(len(changed))]
    assert held.tolist() == wanted
    assert all(a.end < b.at for a, b in zip(pieces, pieces[1:], strict=False))
    assert [p.first for p in pieces] == np.cumsum([0, *(p.frames for p in pieces)])[:-1].tolist()


def test_what_is_refused(tmp_path, monkeypatch):
    given = edit(*KINDS[0], tmp_path)
    with pytest.raises(OptionError, match=r"A timeline ends in \.edl, \.fcpxml, \.otio, \.xml; got dub.txt"):
        write_timeline(tmp_path / "dub.txt", given)
    with pytest.raises(OutputError, match="cannot be written: No such file"):
        write_timeline(tmp_path / "none" / "dub.edl", given)
    with pytest.raises(InputError, match="handles takes frames >= 0"):
        cut_pieces(np.ones(3, bool), -1)
    for pieces in ((EditPiece("a", 990, 0, 11),), (EditPiece("a", 5, 0, 5), EditPiece("b", 9, 5, 5))):
        with pytest.raises(InputError, match="lie within the film, in order"):
            edit(*KINDS[0], tmp_path, pieces)
    with pytest.raises(InputError, match="Marks lie within the 1000 frames"):
        edit(*KINDS[0], tmp_path, marks=(EditMark("late", 1000),))
    with pytest.raises(InputError, match="one frame or more"):
        EditMedia(Path("a.mov"), Timecode(0, Fraction(25)), 0, (2, 2))
    monkeypatch.setitem(sys.modules, "opentimelineio", None)
    monkeypatch.setattr("latentsync_core.dub.timeline_writing.find_spec", lambda name: None)
    with pytest.raises(OptionError, match=r"pip install 'latentsync-native\[otio\]'"):
        check_timeline(tmp_path / "dub.otio")
    check_timeline(tmp_path / "dub.edl")
