"""Samples on their way to an encoder of another pixel format: at full depth, and only what differs is changed."""

import logging

import av
import numpy as np
import pytest
from sample_files import copy, noise, samples_of, store, store_samples

from latentsync_core import FileClip
from latentsync_core.media import ColorTags, open_writer
from latentsync_core.media.encoder_input import EncoderInput
from latentsync_core.media.planes import name_siting
from latentsync_core.planar import SampleFormat

SD = ColorTags(6, 1, 6, 6)
NAMES = ["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "yuv444p10le"]
FIT = ["yuv422p10le", "yuv444p10le", "yuva444p10le"]
SITINGS = ["left", "topleft", "center", "top", "bottomleft", "bottom"]


def convert(source, target, tags=SD):
    """The first frame of a file, for an encoder, and as it was."""
    clip = FileClip(source)
    frame = next(clip.read([0]))
    made = EncoderInput((clip.height, clip.width), target, tags).convert(frame)
    assert made.format.name == target
    planes = [
        np.frombuffer(p, np.uint16).reshape(-1, p.line_size // 2)[: p.height, : p.width] for p in made.planes
    ]
    return planes, frame


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("target", FIT)
def test_only_the_depth_of_samples_changes(tmp_path, name, target):
    """By zeros behind: 64 of 10 bit is 16 of 8. Chroma that is already as dense stays so, too."""
    made, frame = convert(store_samples(tmp_path / "s.mkv", name, noise, tags=SD), target)
    shift = 10 - frame.format.bits
    np.testing.assert_array_equal(made[0], frame.planes[0].astype(int) << shift)
    for new, old in zip(made[1:3], frame.planes[1:3], strict=True):
        assert new.shape != old.shape or np.array_equal(new, old.astype(int) << shift)


@pytest.mark.parametrize("siting", [None, *SITINGS[:4]])
@pytest.mark.parametrize("name", ["yuv420p", "yuv420p10le", "yuv422p10le"])
def test_denser_chroma_lies_where_the_sources_does(tmp_path, name, siting):
    """As this library interpolates it, to a step; 4:2:0 becomes 4:2:2 in place, without a shift to the side."""
    options = {} if siting is None else {"chroma_sample_location": siting}
    source = store_samples(tmp_path / "s.mkv", name, noise, tags=SD, **options)
    for target in ("yuv444p10le", "yuv422p10le"):
        made, frame = convert(source, target)
        whole = np.array([[0, 0], frame.shape[:2]])
        dense = frame._enlarge(frame.planes[1], whole) * 2 ** (10 - frame.format.bits)
        if target == "yuv444p10le":
            assert np.abs(made[1] - dense).max() <= 1
        elif name != "yuv422p10le" and siting in ("left", "topleft"):
            assert np.abs(made[1] - dense[:, ::2]).max() <= 1


def test_full_range_becomes_limited_at_ten_bits(tmp_path):
    """Editors take ProRes and DNxHR for limited; H.273, equations 20 and 26."""
    made, frame = convert(
        store_samples(tmp_path / "s.mkv", "yuv444p10le", noise, tags=ColorTags(6, 2, 6, 6)), FIT[1]
    )
    luma, chroma = frame.planes[0] / 1023, (frame.planes[1] - 512.0) / 1023
    assert np.abs(made[0] - (64 + 876 * luma)).max() <= 1
    assert np.abs(made[1] - (512 + 896 * chroma)).max() <= 1


def test_rgb_becomes_yuv_of_its_own_depth(tmp_path):
    """H.273, equations 20 to 22 and 38 to 40, of BT.601."""
    made, frame = convert(store_samples(tmp_path / "s.mkv", "gbrp10le", noise), "yuv444p10le")
    green, blue, red = (plane / 1023 for plane in frame.planes)
    luma = 0.299 * red + 0.587 * green + 0.114 * blue
    expected = 64 + 876 * luma, 512 + 896 * (blue - luma) / 1.772, 512 + 896 * (red - luma) / 1.402
    assert all(np.abs(new - old).max() <= 1.5 for new, old in zip(made, expected, strict=True))


@pytest.mark.parametrize("form", ["prores422hq", "dnxhr_hqx", "prores4444"])
@pytest.mark.parametrize("name", ["yuv420p10le", "yuv422p10le", "yuv444p10le", "yuv420p"])
def test_a_ramp_does_not_band(tmp_path, form, name):
    """A ramp of all levels comes back to a step of 12 bit; by RGB of 8 bit it would lie 42 dB away."""

    def ramp(shape, bits, _):
        return np.rint(np.linspace(64, 940, shape[1]) / 4 * 2 ** (bits - 8))[None].repeat(shape[0], 0)

    source = store_samples(tmp_path / "s.mkv", name, ramp, size=(128, 1024))
    (old, *_), (new, *_) = (
        samples_of(path)[0][0] for path in (source, copy(source, tmp_path / "r.mov", format=form))
    )
    bits = {"prores4444": 12}.get(form, 10)  # as FFmpeg decodes it
    error = new - old * 2.0 ** (bits - SampleFormat(name).bits)
    assert 10 * np.log10((2**bits - 1) ** 2 / max(np.mean(error**2), 1e-9)) > 70
    assert len(np.unique(new)) >= len(np.unique(old)) > (219 if name == "yuv420p" else 800)


@pytest.mark.parametrize("form", ["prores422hq", "prores4444"])
def test_arrays_of_floats_keep_their_depth(tmp_path, form):
    ramp = np.linspace(0, 1, 1024, dtype=np.float32)[None, :, None].repeat(64, 0).repeat(3, 2)
    with open_writer(tmp_path / "r.mov", 64, 1024, 25, format=form) as writer:
        writer.write(ramp, 0.0)
    assert len(np.unique(samples_of(tmp_path / "r.mov")[0][0][0])) > 800


@pytest.mark.parametrize("siting", SITINGS)
@pytest.mark.parametrize("suffix", [".mkv", ".mp4", ".mov"])
def test_where_chroma_lies_is_kept(tmp_path, suffix, siting):
    source = store_samples(
        tmp_path / "s.mp4", "yuv420p", noise, codec="libx264", chroma_sample_location=siting
    )
    found = FileClip(copy(source, tmp_path / f"r{suffix}")).samples.siting
    if suffix != ".mkv" and siting == "center":
        assert found == (
            0.5,
            0.0,
        )  # it is not told from a source that does not say it, so the usual is written
    elif suffix == ".mkv" and siting.startswith("bottom"):
        assert found == (0.5, 0.5)  # Matroska has no value for it
    else:
        assert found == FileClip(source).samples.siting


@pytest.mark.parametrize("size", [(48, 64), (64, 64), (2, 2)])
@pytest.mark.parametrize("siting", SITINGS[:4])
@pytest.mark.parametrize("name", ["yuv420p", "yuva420p10le"])
def test_where_chroma_lies_is_found_in_a_grey_frame(tmp_path, name, siting, size):
    def grey(shape, bits, _):
        return np.full(shape, 2 ** (bits - 1))

    source = store_samples(tmp_path / "s.mkv", name, grey, 1, size, chroma_sample_location=siting)
    clip = FileClip(source)
    assert name_siting(clip.samples) == siting
    assert all((plane == 2 ** (clip.samples.bits - 1)).all() for plane in next(clip.read([0])).planes)


def test_tags_of_rgb_are_kept(tmp_path):
    source = store(tmp_path / "s.mkv", "gbrp10le", tags=ColorTags(9, 2, 9, 16))
    assert samples_of(copy(source, tmp_path / "r.mkv"))[2] == ColorTags(0, 2, 9, 16)


def test_images_have_sixteen_bits_where_the_source_has_more_than_eight(tmp_path):
    source = store(tmp_path / "s.mkv", "yuv444p10le")
    copy(source, tmp_path / "images")
    with av.open(str(tmp_path / "images" / "frame_000000.png")) as container:
        made = next(container.decode(video=0)).reformat(format="rgb48le").to_ndarray() / 65535
    frame = np.clip(next(FileClip(source).read([0])), 0, 1)
    assert np.abs(made - frame).max() <= 1 / 65535


@pytest.mark.parametrize(
    "name, target, form, words",
    [
        ("yuv420p10le", "r.mp4", "", "has 8 of the source's 10 bits"),
        ("yuv444p12le", "r.mov", "prores4444", "has 10 of the source's 12 bits"),
        ("yuva420p", "r.mov", "dnxhr_hqx", "does not keep the source's transparency"),
        ("yuva420p", "r.mp4", "", "does not keep the source's transparency"),
        ("yuv422p10le", "r.mov", "prores422hq", None),
        ("yuva444p10le", "r.mov", "prores4444", None),
        ("yuva444p12le", "r.mkv", "", None),
        ("yuva444p12le", "r", "", None),
    ],
)
def test_what_is_lost_is_said_before_the_first_frame(tmp_path, caplog, name, target, form, words):
    samples = FileClip(store(tmp_path / "s.mkv", name, tags=SD)).samples
    with caplog.at_level(logging.WARNING), pytest.raises(ZeroDivisionError):
        with open_writer(tmp_path / target, 128, 256, 25, format=form, samples=samples):
            said = caplog.text
            raise ZeroDivisionError
    assert (words in said) if words else said == ""
