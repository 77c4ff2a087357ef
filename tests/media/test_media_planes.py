"""Samples of files: read as they are stored, written as they were read, painted only where asked."""

from fractions import Fraction

import av
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from media_files import make_video, set_display_matrix
from sample_files import copy, samples_of, store
from support.runs import FAST, POINTS, speech_of
from support.tiny import golden_pipeline_models

from latentsync_core import FaceTrack, FileClip, Options, lip_sync
from latentsync_core.media import ColorTags, open_writer
from latentsync_core.media.color import ACCURATE
from latentsync_core.planar import PlanarFrame

LOSSLESS = [
    "yuv420p", "yuv422p", "yuv444p", "yuv440p", "yuv411p", "yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p12le",
    "yuv444p16le", "yuva420p", "yuva444p10le", "gbrp10le",
]  # fmt: skip


@pytest.mark.parametrize("name", LOSSLESS)
@pytest.mark.parametrize("full", [False, True])
def test_a_lossless_result_has_the_sources_samples_and_tags(tmp_path, name, full):
    source = store(tmp_path / "s.mkv", name, tags=ColorTags(9, 2 if full else 1, 9, 16))
    before, after = samples_of(source), samples_of(copy(source, tmp_path / "r.mkv"))
    assert before[1] == after[1] == name
    assert name.startswith("gbr") or before[2] == after[2] == ColorTags(9, 2 if full else 1, 9, 16)
    for old, new in zip(before[0], after[0], strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(old, new, strict=True)) and len(old) == len(new)


@pytest.mark.parametrize("size", [(47, 63), (1, 1), (9, 10)])
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuv411p"])
def test_odd_sizes_too(tmp_path, name, size):
    source = store(tmp_path / "s.mkv", name, size=size)
    before, after = samples_of(source), samples_of(copy(source, tmp_path / "r.mkv"))
    assert all(
        np.array_equal(a, b)
        for old, new in zip(before[0], after[0], strict=True)
        for a, b in zip(old, new, strict=True)
    )


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p10le", "yuv411p", "yuv422p12le", "yuva420p"])
def test_pixels_that_are_not_square_too(tmp_path, caplog, name):
    """In H.264 where it takes the samples, else in FFV1, whose frames alone say how wide their pixels are."""
    source = store(tmp_path / "s.mkv", name)
    copy(source, tmp_path / "r.mkv", pixel_aspect=Fraction(4, 3))
    in_header = name in ("yuv420p", "yuv422p", "yuv444p10le")
    assert FileClip(tmp_path / "r.mkv").pixel_aspect == (Fraction(4, 3) if in_header else 1)
    assert ("FFV1 says in its frames alone" in caplog.text) != in_header
    before, after = samples_of(source), samples_of(tmp_path / "r.mkv")
    assert before[1:] == after[1:]
    assert all(
        np.array_equal(a, b)
        for old, new in zip(before[0], after[0], strict=True)
        for a, b in zip(old, new, strict=True)
    )


TURNS = [((0, 1), (-1, 0)), ((-1, 0), (0, -1)), ((0, -1), (1, 0)), ((-1, 0), (0, 1)), ((0, 1), (1, 0))]


@pytest.mark.parametrize("matrix", TURNS)
@pytest.mark.parametrize("name", ["yuv420p", "yuv422p", "yuv444p10le"])
def test_samples_of_turned_frames_are_the_files_turned(tmp_path, name, matrix):
    path = make_video(tmp_path / "phone.mp4", pix_fmt=name, count=2)
    before = samples_of(path)[0][1]
    clip = FileClip(set_display_matrix(path, np.array(matrix)))
    frame = list(clip.read([1]))[0]
    assert isinstance(frame, PlanarFrame) and clip.samples == frame.format
    assert frame.format.name == ("yuv440p" if name == "yuv422p" and clip.height > clip.width else name)
    for stored, plane in zip(before, frame.planes, strict=True):
        turned = [np.rot90(side, k) for side in (stored, stored[:, ::-1]) for k in range(4)]
        assert any(one.shape == plane.shape and np.array_equal(one, plane) for one in turned)
    after = samples_of(copy(path, tmp_path / "r.mkv"))[0][1]
    assert all(np.array_equal(a, b) for a, b in zip(after, frame.planes, strict=True))


def test_odd_frames_that_are_turned_are_arrays(tmp_path):
    path = make_video(tmp_path / "phone.mp4", "mpeg4", count=2, size=(49, 64))
    clip = FileClip(set_display_matrix(path, np.array(TURNS[0])))
    (frame,) = clip.read([1])
    assert clip.samples is None and isinstance(frame, np.ndarray) and frame.shape == (64, 49, 3)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    name=st.sampled_from(
        ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p12le", "yuv411p"]
    ),
    matrix=st.sampled_from([1, 2, 5, 9]),
    full=st.booleans(),
    half=st.tuples(st.integers(4, 30), st.integers(4, 30)),
)
def test_colours_are_those_of_libswscale(tmp_path_factory, name, matrix, full, half):
    """To one level of 8 bit, on even sizes: on odd ones libswscale stretches chroma a little."""
    size = 4 * half[0], 4 * half[1]
    path = store(
        tmp_path_factory.mktemp("c") / "s.mkv", name, 1, size, ColorTags(matrix, 2 if full else 1, 2, 2)
    )
    with av.open(str(path)) as container:
        theirs = next(container.decode(video=0)).reformat(format="rgb24", interpolation=ACCURATE).to_ndarray()
    ours = np.asarray(next(FileClip(path).read([0])))
    ours = ours if ours.dtype == np.uint8 else np.clip(ours, 0, 1) * 255
    assert np.abs(ours - theirs.astype(float)).max() <= 1.5


@pytest.mark.parametrize("name", ["s.mkv", "s.mp4", "s.mov", "s"])
def test_a_lossy_result_is_8_bit_420_of_limited_range(tmp_path, name):
    source = store(tmp_path / "source.mkv", "yuv422p10le", tags=ColorTags(9, 2, 9, 18))
    copy(source, tmp_path / name)
    clip = FileClip(source)
    if name == "s":
        made = [av.open(str(path)) for path in sorted((tmp_path / name).iterdir())]
        made = [next(one.decode(video=0)).to_ndarray(format="rgb24") for one in made]
    else:
        made = [np.asarray(frame) for frame in FileClip(tmp_path / name).read(range(3))]
    if name in ("s.mp4", "s.mov"):
        assert samples_of(tmp_path / name)[1:] == ("yuv420p", ColorTags(9, 1, 9, 18))
    for ours, frame in zip(made, clip.read(range(3)), strict=True):
        ours = ours / 255 if ours.dtype == np.uint8 else ours
        assert np.abs(ours - np.asarray(frame)).mean() < 0.02


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


@pytest.mark.parametrize("name", [n for n in LOSSLESS if n[3:6] in ("420", "422", "444")])
@pytest.mark.parametrize("preset", ["balanced", "exact"])
def test_outside_the_mouth_a_lossless_result_is_the_source(tmp_path, models, name, preset):
    """Bit for bit in the source's own samples, whatever their depth, and the opacity everywhere."""
    source = store(tmp_path / "s.mkv", name, 6, (180, 200))
    clip, alphas = FileClip(source), []
    options = Options.preset(preset, length="silence", **FAST)
    track = FaceTrack.from_points(POINTS + np.zeros((6, 1, 1)))
    frames = lip_sync(clip, speech_of(0.24), models, options, track, masks=alphas.append)
    with open_writer(
        tmp_path / "r.mkv", clip.height, clip.width, clip.fps, color=clip.color, samples=clip.samples
    ) as writer:
        for frame, time in zip(frames, clip.times, strict=True):
            writer.write(frame, float(time))
    (before, *said), (after, *same) = samples_of(source), samples_of(tmp_path / "r.mkv")
    assert said == same and said[0] == name
    rows, columns = clip.samples.step
    for old, new, alpha in zip(before, after, alphas, strict=True):
        painted = alpha > 0
        blocks = painted.reshape(180 // rows, rows, 200 // columns, columns).any((1, 3))
        assert 0.02 < painted.mean() < 0.9
        for number, (a, b) in enumerate(zip(old, new, strict=True)):
            inside = blocks if number in (1, 2) else painted
            assert np.array_equal(a[~inside], b[~inside])
            assert number == 3 or (a[inside] != b[inside]).mean() > 0.5
            assert number != 3 or np.array_equal(a, b)
