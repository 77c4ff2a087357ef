"""What `sync` and `dub` write for editors: formats, timecode, mattes, patch reels, timelines."""

from fractions import Fraction
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from latentsync_core import FileClip
from latentsync_core.cli import main
from latentsync_core.media import read_audio, read_timecode

FPS = Fraction(25)


@pytest.fixture
def film(files, tmp_path, request):
    """The clip of 20 frames, in 4:2:0 as films are, from 01:00:00:00 on; a sheet with lines at frames 2 and 11."""
    path, pixel_format = tmp_path / "film.mov", getattr(request, "param", "yuv420p")
    with av.open(str(files / "video.mkv")) as source, av.open(str(path), "w") as output:
        stream = output.add_stream("libx264", rate=25, options={"qp": "4", "bf": "0"})
        stream.height = stream.width = 192
        stream.pix_fmt, stream.metadata["timecode"] = pixel_format, "01:00:00:00"
        for frame in source.decode(video=0):
            image = frame.reformat(format=pixel_format)
            image.pts, image.time_base = frame.pts, frame.time_base
            output.mux(stream.encode(image))
        output.mux(stream.encode(None))
    (tmp_path / "speech.wav").write_bytes((files / "speech.wav").read_bytes())
    rows = ["name,audio,start,in,out", "one,speech.wav,0.08,0,0.16", "two,speech.wav,01:00:00:11,0.2,0.4"]
    (tmp_path / "cues.csv").write_text("\n".join(rows))
    return path


def dub(files, film, out, *arguments):
    given = [film, film.with_name("cues.csv"), out, "--model", files / "checkpoint", "--steps", 1, *arguments]
    return main(["dub", *map(str, given)])


@pytest.mark.parametrize(
    "film",
    [*(pytest.param(form, marks=pytest.mark.slow) for form in ("yuv420p", "yuv444p")), "yuv422p10le"],
    indirect=True,
)
def test_a_patch_over_the_film_is_the_full_render(files, film, tmp_path):
    """In its samples and as it is shown."""
    assert dub(files, film, tmp_path / "full.mkv") == 0
    assert dub(files, film, tmp_path / "reel.mkv", "--patch") == 0
    below, full, reel = (FileClip(path) for path in (film, tmp_path / "full.mkv", tmp_path / "reel.mkv"))
    root = ElementTree.parse(tmp_path / "reel.fcpxml").getroot()
    (piece,) = list(root.iter("asset-clip"))[1:]  # the handles of both lines touch
    assert (piece.get("offset"), piece.get("duration"), len(reel)) == ("3600s", "4/5s", 20)
    assert below.samples == full.samples and reel.samples.name == below.samples.name.replace("yuv", "yuva")
    rows, columns = below.samples.step
    changed = []
    for under, over, rendered in zip(*(clip.read(range(20)) for clip in (below, reel, full)), strict=True):
        opaque = over.planes[3] > 0
        for plane, (a, b, c) in enumerate(zip(under.planes, over.planes, rendered.planes, strict=False)):
            assert np.array_equal(np.where(opaque[::rows, ::columns] if plane else opaque, b, a), c)
        assert np.array_equal(np.where(opaque[..., None], over, under), rendered)
        changed.append(opaque.any())
    assert [k for k, any_changed in enumerate(changed) if any_changed] == [*range(2, 6), *range(11, 16)]
    assert {p.suffix for p in tmp_path.glob("reel.*")} >= {".mkv", ".edl", ".fcpxml"}
    assert "01:00:00:00 01:00:00:20" in (tmp_path / "reel.edl").read_text()


def test_a_result_for_an_editor(files, film, tmp_path):
    out, matte, timeline = (tmp_path / name for name in ("out.mov", "matte.mkv", "out.edl"))
    code = dub(files, film, out, "--format", "prores422hq", "--matte", matte, "--timeline", timeline)
    assert code == 0 and str(read_timecode(out, FPS)) == "01:00:00:00"
    with av.open(str(out)) as container:
        assert container.streams.video[0].codec_context.profile == "HQ"
        assert container.streams.audio[0].codec_context.name == "pcm_s24le"
    new = [np.asarray(frame).max() for frame in FileClip(matte).read(range(20))]
    assert [k for k, value in enumerate(new) if value > 0] == [*range(2, 6), *range(11, 16)]
    marks = [line for line in timeline.read_text().splitlines() if "LOC" in line]
    assert len(marks) == 2 and "01:00:00:02 BLUE" in marks[0] and "line two: frames 11-15" in marks[1]


def test_sync_keeps_the_timecode_or_takes_another(files, film, tmp_path):
    given = [
        "sync",
        film,
        files / "speech.wav",
        tmp_path / "a.mkv",
        "--model",
        files / "checkpoint",
        "--steps",
        1,
    ]
    assert main(list(map(str, given))) == 0 and str(read_timecode(tmp_path / "a.mkv", FPS)) == "01:00:00:00"
    assert main([*map(str, given), "--timecode", "10:00:00:07"]) == 0
    assert str(read_timecode(tmp_path / "a.mkv", FPS)) == "10:00:00:07"
    assert read_audio(tmp_path / "a.mkv").duration > 0


@pytest.mark.parametrize(
    "out, arguments, words",
    [
        ("out.mp4", ["--format", "prores4444"], "prores4444 is written into .mov"),
        ("out.mov", ["--format", "prores"], "format takes prores422hq, prores4444, dnxhr_hqx"),
        ("out.mp4", ["--patch"], "A patch reel ends in .mov"),
        ("out.mov", ["--patch", "--format", "prores4444"], "leave out --format"),
        ("out", ["--timeline", "a.edl"], "not a folder of images"),
        ("out.mov", ["--timeline", "a.txt"], "A timeline ends in .edl"),
        ("out.mov", ["--matte", "out.mov"], "choose another name"),
        ("out.mov", ["--timecode", "01:00:00:99"], "is no timecode"),
    ],
)
def test_what_cannot_be_written_is_refused_first(
    files, film, tmp_path, monkeypatch, capsys, out, arguments, words
):
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.iterdir())
    assert dub(files, film, out, *arguments) == 1
    assert words in capsys.readouterr().err and sorted(tmp_path.iterdir()) == before


def test_a_patch_takes_the_films_own_frames(files, film, tmp_path, capsys):
    given = [
        "sync",
        film,
        files / "speech.wav",
        tmp_path / "a.mov",
        "--model",
        files / "checkpoint",
        "--patch",
    ]
    assert main([*map(str, given), "--fps", "30"]) == 1
    assert "leave out --fps" in capsys.readouterr().err and not (tmp_path / "a.mov").exists()
