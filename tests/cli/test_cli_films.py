"""Films as they come: rates, drop frame, odd sizes, fields, turned, pixels that are not square; whole and as a patch."""

from fractions import Fraction
from xml.etree import ElementTree

import av
import numpy as np
import pytest

from latentsync_core import FileClip
from latentsync_core.cli import main
from latentsync_core.media import Timecode, read_timecode

NTSC = Fraction(1000, 1001)
H264 = {"codec": "libx264", "form": "yuv420p", "qp": "4", "bf": "0"}
FFV1 = {"codec": "ffv1", "suffix": ".mkv"}
FILMS = {
    "drop frame": {**H264, "fps": 30 * NTSC, "code": "01:00:00;00"},
    "23.976": {**H264, "fps": 24 * NTSC, "code": "01:00:10:05"},
    "50": {**H264, "fps": Fraction(50), "form": "yuv422p10le"},
    "odd": {**FFV1, "form": "yuv420p", "size": (191, 187)},
    "odd and deep": {**FFV1, "form": "yuv422p10le", "size": (191, 187)},
    "not square": {**H264, "aspect": Fraction(4, 3)},
    "4:1:1": {**FFV1, "form": "yuv411p", "fps": 30 * NTSC, "code": "01:00:00;00"},
    "no timecode": {**H264, "code": ""},
    "full range": {**H264, "form": "yuvj420p"},
    "interlaced": {**H264, "x264-params": "bff=1"},
    "turned": {**H264, "turn": -90},
}
QUICK = "drop frame", "turned"
"""Films that are tested on every change."""


def make_film(
    files, folder, *, codec, form, suffix=".mov", fps=Fraction(25), code="01:00:00:00", size=(192, 192), aspect=None,
    times=None, turn=0, **options,
):  # fmt: skip
    """The clip of 20 frames, and a sheet with lines at 0.04 s and 0.22 s; times: of its frames, in ms."""
    path = folder / f"film{suffix}"
    with av.open(str(files / "video.mkv")) as source, av.open(str(path), "w") as output:
        stream = output.add_stream(codec, rate=fps, options=options)
        stream.height, stream.width = size
        stream.pix_fmt = form
        stream.codec_context.sample_aspect_ratio = aspect or Fraction(1)
        if turn and not hasattr(stream, "set_display_rotation"):
            pytest.skip("this PyAV turns no streams")
        if turn:
            stream.set_display_rotation(turn)
        if times:
            stream.codec_context.time_base = Fraction(1, 1000)
        if code:
            stream.metadata["timecode"] = code
        for k, frame in enumerate(source.decode(video=0)):
            pixels = np.ascontiguousarray(frame.to_ndarray(format="rgb24")[: size[0], : size[1]])
            image = av.VideoFrame.from_ndarray(pixels, format="rgb24").reformat(format=form)
            image.pts, image.time_base = (times[k], Fraction(1, 1000)) if times else (k, 1 / fps)
            output.mux(stream.encode(image))
        output.mux(stream.encode(None))
    (folder / "speech.wav").write_bytes((files / "speech.wav").read_bytes())
    rows = ["name,audio,start,in,out", "one,speech.wav,0.04,0,0.1", "two,speech.wav,0.22,0.2,0.36"]
    (folder / "cues.csv").write_text("\n".join(rows))
    return path


def dub(files, film, out, *arguments):
    given = [film, film.with_name("cues.csv"), out, "--model", files / "checkpoint", "--steps", 1, *arguments]
    return main(["dub", *map(str, given)])


def kinds(*names):
    """These films, or all, of which the quick tests take some."""
    marks = {name: () if name in QUICK else pytest.mark.slow for name in names or FILMS}
    return pytest.mark.parametrize("kind", [pytest.param(name, marks=marks[name]) for name in marks])


@kinds()
def test_a_patch_of_any_film_is_the_full_render(files, tmp_path, kind):
    film = make_film(files, tmp_path, **FILMS[kind])
    assert dub(files, film, tmp_path / "full.mkv") == 0
    assert dub(files, film, tmp_path / "reel.mkv", "--patch") == 0
    below, full, reel = (FileClip(path) for path in (film, tmp_path / "full.mkv", tmp_path / "reel.mkv"))
    assert full.samples == below.samples and full.pixel_aspect == below.pixel_aspect
    assert full.first_field == reel.first_field == below.first_field
    code, fps = FILMS[kind].get("code", "01:00:00:00"), below.fps
    assert [clip.fps for clip in (below, full, reel)] == [FILMS[kind].get("fps", 25)] * 3
    assert str(read_timecode(tmp_path / "full.mkv", fps)) == (code or "None")
    assert read_timecode(tmp_path / "reel.mkv", fps) == Timecode(0, fps, ";" in code)
    at, changed = _find_piece(tmp_path / "reel.fcpxml", fps, Timecode.parse(code or "00:00:00:00", fps)), 0
    frames = zip(below.read(range(at, at + len(reel))), reel.read(range(len(reel))), strict=True)
    for (under, over), expected in zip(frames, full.read(range(at, at + len(reel))), strict=True):
        opaque = over.planes[3][..., None] > 0
        assert np.array_equal(np.where(opaque, over, under), expected)
        changed += opaque.any()
    assert changed >= 6


def _find_piece(timeline, fps, start):
    """The frame of the film at which the only piece begins."""
    _, piece = ElementTree.parse(timeline).getroot().iter("asset-clip")
    return int(Fraction(piece.get("offset").removesuffix("s")) * fps) - start.frames


@kinds("drop frame", "23.976", "50", "odd", "not square", "4:1:1")
def test_prores_of_any_film(files, tmp_path, kind):
    film = make_film(files, tmp_path, **FILMS[kind])
    out = tmp_path / "out.mov"
    assert dub(files, film, out, "--format", "prores422hq", "--timeline", tmp_path / "out.edl") == 0
    made, source = FileClip(out), FileClip(film)
    assert (made.fps, len(made), made.pixel_aspect) == (source.fps, len(source), source.pixel_aspect)
    assert (made.height, made.width) == (source.height, source.width)
    code = FILMS[kind].get("code", "01:00:00:00")
    assert str(read_timecode(out, made.fps)) == code and f" {code} " in (tmp_path / "out.edl").read_text()


UNSTEADY = [40 * k + 12 * (k % 3) for k in range(20)]


def test_a_film_of_a_variable_rate(files, tmp_path, capsys, monkeypatch):
    """It is dubbed at its own times; what counts its frames by timecode is refused, before faces are looked for."""
    film = make_film(files, tmp_path, **H264, code="", times=UNSTEADY)
    assert dub(files, film, tmp_path / "full.mkv") == 0
    assert np.allclose(FileClip(tmp_path / "full.mkv").times, np.array(UNSTEADY) / 1000)
    monkeypatch.setattr("latentsync_core.pipeline.dubbing.find_faces", None)
    for out, arguments in (("reel.mkv", ["--patch"]), ("out.mov", ["--timeline", tmp_path / "out.edl"])):
        assert dub(files, film, tmp_path / out, *arguments) == 1
        said = capsys.readouterr().err
        assert (
            f"{arguments[0]} counts frames by timecode" in said and "Bring the film to a steady rate" in said
        )
        assert not (tmp_path / out).exists()


def test_a_film_whose_frames_are_not_at_its_rate(files, tmp_path, capsys):
    times = [40 * k + 25 * (k > 9) for k in range(19)] + [760]
    film = make_film(files, tmp_path, **H264, code="", times=times)
    assert dub(files, film, tmp_path / "reel.mkv", "--patch") == 1
    assert "Bring the film to a steady rate" in capsys.readouterr().err
