"""Interlaced films: the result says which field is first, as its film does."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.filter import Graph
from media_files import image
from sample_files import copy, samples_of

from latentsync_core import FileClip

SIZE = 128, 256


def make_interlaced(path, field, codec="ffv1", size=SIZE, **options):
    """Frames in 4:2:0 that are marked as interlaced."""
    with av.open(str(path), "w") as output:
        order = {"field_order": "tt" if field == "tff" else "bb"}
        stream = output.add_stream(codec, rate=25, options={**order, **options})
        stream.height, stream.width, stream.pix_fmt = *size, "yuv420p"
        graph = Graph()
        given = graph.add_buffer(width=size[1], height=size[0], format="yuv420p", time_base=Fraction(1, 25))
        graph.link_nodes(given, graph.add("setfield", field), graph.add("buffersink")).configure()
        for k in range(3):
            frame = av.VideoFrame.from_ndarray(image(k, *size), format="rgb24").reformat(format="yuv420p")
            frame.pts, frame.time_base = k, Fraction(1, 25)
            graph.vpush(frame)
            output.mux(stream.encode(graph.vpull()))
        output.mux(stream.encode(None))
    return path


def fields_of(path):
    """Whether frames are marked as interlaced, and the field that the stream says is first."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        frames = list(container.decode(stream))
        return {frame.interlaced_frame for frame in frames}, stream.codec_context.field_order


pytestmark = pytest.mark.skipif(
    not hasattr(av.VideoCodecContext, "field_order"), reason="this PyAV does not tell the first field"
)


@pytest.mark.parametrize("field, order", [("tff", 2), ("bff", 3)])
@pytest.mark.parametrize(
    "name, form", [("r.mkv", ""), ("r.mov", "prores422hq"), ("r.mov", ""), ("r.mp4", "")]
)
def test_the_first_field_is_kept(tmp_path, field, order, name, form):
    clip = FileClip(make_interlaced(tmp_path / "film.mkv", field))
    assert clip.first_field == field
    made = copy(clip.path, tmp_path / name, format=form, first_field=clip.first_field)
    assert fields_of(made) == ({True}, order) and FileClip(made).first_field == field
    if name == "r.mkv":
        assert all(
            np.array_equal(a, b)
            for old, new in zip(samples_of(clip.path)[0], samples_of(made)[0], strict=True)
            for a, b in zip(old, new, strict=True)
        )


def test_where_it_cannot_be_said_the_result_is_written_without(tmp_path):
    clip = FileClip(make_interlaced(tmp_path / "film.mkv", "tff", size=(130, 256)))
    for name, form in (("r.mov", "dnxhr_hqx"), ("r.mp4", "")):
        made = FileClip(copy(clip.path, tmp_path / name, format=form, first_field="tff"))
        assert made.first_field == "" and len(made) == 3


def test_frames_without_combs_are_not_marked(tmp_path):
    path = make_interlaced(tmp_path / "film.mkv", "bff")
    assert FileClip(path, deinterlace=True).first_field == ""
    assert fields_of(copy(path, tmp_path / "r.mkv"))[0] == {False}
