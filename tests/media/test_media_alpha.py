"""Opacity of films: read whatever holds it, and kept bit for bit where the result's format has it."""

import av
import numpy as np
import pytest
from sample_files import copy, noise, samples_of, store_samples

from latentsync_core import FileClip
from latentsync_core.media import ColorTags
from latentsync_core.planar import PlanarFrame

RGB = ColorTags(0, 2, 1, 1)
YUV = ColorTags(1, 1, 1, 1)
FILMS = {
    "prores.mov": ("prores_ks", "yuva444p10le", YUV, {"profile": "4444", "alpha_bits": "16"}),
    "vp9.webm": ("libvpx-vp9", "yuva420p", YUV, {"lossless": "1"}),
    "vp8.webm": ("libvpx", "yuva420p", YUV, {"auto-alt-ref": "0"}),
    "animation.mov": ("qtrle", "argb", RGB, {}),
    "png.mov": ("png", "rgba", RGB, {}),
    "deep_png.mov": ("png", "rgba64be", RGB, {}),
    "rgb.mkv": ("ffv1", "bgra", RGB, {}),
    "deep_rgb.mkv": ("ffv1", "gbrap12le", RGB, {}),
    "422.mkv": ("ffv1", "yuva422p10le", YUV, {}),
    "420.mkv": ("ffv1", "yuva420p16le", YUV, {}),
}


def opacity(shape, bits, _):
    """Of every value, clear on the left and opaque on the right."""
    return np.clip(np.linspace(-0.2, 1.2, shape[1]) * (2**bits - 1), 0, 2**bits - 1)[None].repeat(shape[0], 0)


@pytest.fixture(params=FILMS)
def film(request, tmp_path):
    codec, name, tags, options = FILMS[request.param]
    if codec not in av.codecs_available:
        pytest.skip(f"PyAV has no {codec} here")
    if av.VideoFormat(name).is_planar:
        return store_samples(tmp_path / request.param, name, opacity, 3, tags=tags, codec=codec, **options)
    return store_samples(tmp_path / request.param, name, noise, 3, tags=tags, codec=codec, **options)


def stored_opacity(path):
    """What FFmpeg's decoder gives, whole frames as rows of samples."""
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        decoder, own = (
            stream.codec_context,
            {"vp9": "libvpx-vp9", "vp8": "libvpx"}.get(stream.codec_context.name),
        )
        if own:
            decoder = av.CodecContext.create(own, "r")
        frames = [frame for packet in container.demux(stream) for frame in decoder.decode(packet)]
    deep = max(component.bits for component in frames[0].format.components) > 8
    if frames[0].format.is_planar:
        return [np.array(plane_of(frame, deep)) for frame in frames]
    name = "rgba64le" if deep else "rgba"
    return [frame.reformat(format=name).to_ndarray()[..., 3] for frame in frames]


def plane_of(frame, deep):
    plane = frame.planes[3]
    lines = np.frombuffer(plane, "<u2" if deep else np.uint8).reshape(plane.height, -1)
    return lines[:, : plane.width]


def test_it_is_read_as_it_is_stored(film):
    clip, expected = FileClip(film), stored_opacity(film)
    assert clip.samples.has_alpha and expected[0].min() < expected[0].max()
    for number in (2, 0, 1):
        (frame,) = clip.read([number])
        assert isinstance(frame, PlanarFrame)
        np.testing.assert_array_equal(frame.planes[3], expected[number])


def test_a_lossless_result_has_all_of_it(film, tmp_path):
    made = FileClip(copy(film, tmp_path / "r.mkv"))
    assert made.samples.name == FileClip(film).samples.name
    for old, new in zip(FileClip(film).read(range(3)), made.read(range(3)), strict=True):
        assert all(np.array_equal(a, b) for a, b in zip(old.planes, new.planes, strict=True))


def test_prores_4444_has_ten_bits_of_it(film, tmp_path):
    made = FileClip(copy(film, tmp_path / "r.mov", format="prores4444"))
    assert made.samples.name == "yuva444p12le"  # as FFmpeg decodes it
    for old, new in zip(FileClip(film).read(range(3)), made.read(range(3)), strict=True):
        top = 2**old.format.bits - 1
        ten = np.rint(old.planes[3] / top * 1023)
        np.testing.assert_array_equal(new.planes[3] >> 2, ten)
        assert top > 1023 or np.array_equal(np.rint(new.planes[3] / 4095 * top), old.planes[3])


@pytest.mark.parametrize("target, form", [("r.mp4", ""), ("r.mov", "prores422hq")])
def test_other_formats_go_without(film, tmp_path, caplog, target, form):
    made = FileClip(copy(film, tmp_path / target, format=form))
    assert not made.samples.has_alpha and "does not keep the source's transparency" in caplog.text


def test_images_have_it(film, tmp_path):
    copy(film, tmp_path / "images")
    old = next(FileClip(film).read([0]))
    with av.open(str(tmp_path / "images" / "frame_000000.png")) as container:
        image = next(container.decode(video=0))
    deep = old.format.bits > 8
    assert image.format.name == ("rgba64be" if deep else "rgba")
    pixels = image.reformat(format="rgba64le" if deep else "rgba").to_ndarray()
    top, new_top = 2**old.format.bits - 1, 65535 if deep else 255
    np.testing.assert_array_equal(pixels[..., 3], np.rint(old.planes[3] * (new_top / top)))
    rgb = np.clip(np.asarray(old, float) / (1 if deep else 255), 0, 1)
    assert np.abs(pixels[..., :3] / new_top - rgb).max() <= 1 / new_top


@pytest.mark.parametrize(
    "name, planes", [("nv12", "yuv420p"), ("uyvy422", "yuv422p"), ("yuyv422", "yuv422p")]
)
def test_samples_that_are_stored_side_by_side_are_kept_too(tmp_path, name, planes):
    source = store_samples(tmp_path / "s.nut", name, noise, tags=YUV, codec="rawvideo")
    with av.open(str(source)) as container:
        stored = next(container.decode(video=0))
        assert stored.format.name == name
        whole = np.sort(
            np.concatenate([np.frombuffer(p, np.uint8)[: p.height * p.line_size] for p in stored.planes])
        )
    (new, *_), made, _ = samples_of(copy(source, tmp_path / "r.mkv"))
    assert made == planes and np.array_equal(np.sort(np.concatenate([p.ravel() for p in new])), whole)
