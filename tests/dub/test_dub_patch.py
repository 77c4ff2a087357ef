"""Patch reels, laid over the film they were made for."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from cue_files import write_audio  # noqa: F401  (puts the helpers of the media tests on the path)
from media_files import image
from sample_files import noise, store, store_samples

from latentsync_core import FileClip
from latentsync_core.dub import EditMedia, EditPiece, cut_pieces, write_patch
from latentsync_core.errors import InputError, OptionError
from latentsync_core.media import ColorTags, Timecode, read_timecode

COUNT, HEIGHT, WIDTH = 12, 66, 130
FPS = Fraction(25)


def media(frames=COUNT, size=(HEIGHT, WIDTH)):
    return EditMedia(Path("film.mov"), Timecode.parse("01:00:00:00", FPS), frames, size)


def alpha_of(k):
    """A soft ellipse that moves; nothing in frames 0..2 and 8."""
    if k in (0, 1, 2, 8):
        return np.zeros((HEIGHT, WIDTH), np.float32)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.clip(1.5 - np.hypot((y - 30) / 9, (x - 40 - 4 * k) / 14), 0, 1).astype(np.float32)


def render(k):
    """Frame k with something else in the ellipse."""
    alpha, frame = alpha_of(k)[..., None], image(k, HEIGHT, WIDTH)
    return np.where(alpha > 0, np.rint(frame + alpha * (77 - frame.astype(np.float32))), frame).astype(
        np.uint8
    )


def make_reel(path, scale=None):
    pieces = cut_pieces(np.array([alpha_of(k).any() for k in range(COUNT)]), 1)
    order = [k for piece in pieces for k in range(piece.at, piece.end)]
    frames = ((render(k) if scale is None else (render(k) / 255).astype(scale), alpha_of(k)) for k in order)
    return pieces, write_patch(path, media(), pieces, frames)


def rgba_of(path):
    with av.open(str(path)) as container:
        return [frame.reformat(format="rgba").to_ndarray() for frame in container.decode(video=0)]


@pytest.mark.parametrize("scale", [None, np.float32])
def test_a_lossless_reel_over_the_film_is_the_full_render_bit_for_bit(tmp_path, scale):
    pieces, reel = make_reel(tmp_path / "patch.mkv", scale)
    assert pieces == (EditPiece("patch 1", 2, 0, 10),)
    for k, over in zip(range(2, 12), rgba_of(reel.path), strict=True):
        assert np.array_equal(over[..., 3], 255 * (alpha_of(k) > 0))
        laid = np.where(over[..., 3:] > 0, over[..., :3], image(k, HEIGHT, WIDTH))
        assert np.array_equal(laid, render(k))
    assert reel.frames == 10 and str(read_timecode(reel.path, FPS)) == "00:00:00:00"


SAMPLES = {
    "yuv420p": "yuva420p", "yuv422p": "yuva422p", "yuv444p": "yuva444p", "yuv420p10le": "yuva420p10le",
    "yuv422p10le": "yuva422p10le", "yuv444p10le": "yuva444p10le", "yuv420p12le": "yuva420p16le",
    "yuv422p12le": "yuva422p12le", "yuv444p12le": "yuva444p12le", "yuv444p16le": "yuva444p16le",
    "yuva420p": "yuva420p", "gbrp10le": "gbrap10le", "gbrp16le": "gbrap16le", "bgra": "gbrap",
}  # fmt: skip
"""Of films, and of their reels."""


def make_film(path, name):
    """A lossless film of random samples, opaque where it has opacity."""

    def draw(shape, bits, number):
        return np.full(shape, 2**bits - 1) if number == 3 else noise(shape, bits, number)

    options = {"tags": ColorTags(1, 1, 1, 1), "chroma_sample_location": "left"}
    if name == "bgra":
        return store(path, name, 3, (HEIGHT, WIDTH), options["tags"])
    return store_samples(path, name, draw, 3, (HEIGHT, WIDTH), **options)


def paint(frame, k):
    alpha = alpha_of(k + 3)
    pixels = frame[:, :]
    white = 255 if pixels.dtype == np.uint8 else 1
    mixed = pixels + alpha[..., None] * (white * 0.3 - pixels)
    return frame.blend(np.s_[:, :], mixed.astype(pixels.dtype), alpha), alpha


def make_reel_of(path, clip):
    film = EditMedia(clip.path, Timecode.parse("01:00:00:00", FPS), 3, (HEIGHT, WIDTH))
    frames = [paint(frame, k) for k, frame in enumerate(clip.read(range(3)))]
    reel = write_patch(
        path, film, [EditPiece("patch 1", 0, 0, 3)], frames, color=clip.color, samples=clip.samples
    )
    return FileClip(reel.path), [frame for frame, _ in frames]


@pytest.mark.parametrize("name", SAMPLES)
def test_a_reel_has_the_films_samples(tmp_path, name):
    """Laid over the film plane by plane it is the full render, and so it is as both are shown in RGB."""
    clip = FileClip(make_film(tmp_path / "film.mkv", name))
    reel, full = make_reel_of(tmp_path / "reel.mkv", clip)
    assert reel.samples.name == SAMPLES[name]
    assert not clip.samples.yuv or reel.color == clip.color
    shift = reel.samples.bits - clip.samples.bits
    for under, over, expected in zip(clip.read(range(3)), reel.read(range(3)), full, strict=True):
        opaque = over.planes[3] > 0
        assert set(np.unique(over.planes[3])) == {0, 2**reel.samples.bits - 1} and 0.01 < opaque.mean() < 0.4
        rows, columns = clip.samples.step
        chroma = opaque[::rows, ::columns]
        assert np.array_equal(chroma.repeat(rows, 0).repeat(columns, 1)[:HEIGHT, :WIDTH], opaque)
        for plane, (a, b, c) in enumerate(zip(under.planes[:3], over.planes, expected.planes, strict=False)):
            mask = chroma if plane else opaque
            assert np.array_equal(np.where(mask, b >> shift, a), c)
        laid = np.where(opaque[..., None], np.asarray(over), np.asarray(under))
        unit = 1 if under.dtype == np.uint8 else 1 / 255
        assert np.abs(laid.astype(float) - np.asarray(expected)).max() <= 1e-2 * unit


@pytest.mark.parametrize("name", ["yuv411p", "yuv440p", "yuv440p10le"])
def test_a_reel_of_samples_that_have_no_opacity_is_rgb(tmp_path, name, caplog):
    clip = FileClip(make_film(tmp_path / "film.mkv", name))
    reel, full = make_reel_of(tmp_path / "reel.mkv", clip)
    assert reel.samples.bits == clip.samples.bits and not reel.samples.yuv
    assert f"no samples of {name} with opacity: the reel is RGB" in caplog.text
    for under, over, expected in zip(clip.read(range(3)), reel.read(range(3)), full, strict=True):
        laid = np.where(over.planes[3][..., None] > 0, np.asarray(over), np.asarray(under))
        whole = np.asarray(expected)
        if whole.dtype != np.uint8:  # beyond black and white RGB of 10 bit holds nothing
            laid, whole = np.clip(laid, 0, 1), np.clip(whole, 0, 1)
        assert np.abs(laid.astype(float) - whole).max() <= (0 if whole.dtype == np.uint8 else 0.51 / 1023)


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuv444p12le"])
def test_a_prores_reel_is_of_the_films_samples(tmp_path, name):
    clip = FileClip(make_film(tmp_path / "film.mkv", name))
    reel, full = make_reel_of(tmp_path / "reel.mov", clip)
    assert reel.samples.name == "yuva444p12le"
    for over, expected in zip(reel.read(range(3)), full, strict=True):
        opaque = over.planes[3] == 4095
        assert set(np.unique(over.planes[3])) == {0, 4095} and opaque.any()
        error = over.planes[0] - expected.planes[0] * 2.0 ** (12 - clip.samples.bits)
        assert np.abs(error[opaque]).mean() < 160  # of noise, which ProRes has to round


def test_a_film_with_transparency_is_warned_of(tmp_path, caplog):
    clip = FileClip(make_film(tmp_path / "film.mkv", "yuva420p"))
    make_reel_of(tmp_path / "reel.mkv", clip)
    assert "where the reel is opaque, it hides it" in caplog.text


def test_pixels_that_are_not_square_are_said_in_the_frames(tmp_path, caplog):
    piece, frame = EditPiece("patch 1", 0, 0, 1), (image(0, HEIGHT, WIDTH), np.ones((HEIGHT, WIDTH)))
    write_patch(tmp_path / "patch.mkv", media(), [piece], [frame], pixel_aspect=Fraction(4, 3))
    assert "4/3 times as wide as high" in caplog.text


def test_a_prores_reel_is_near_and_transparent_elsewhere(tmp_path):
    _, reel = make_reel(tmp_path / "patch.mov")
    with av.open(str(reel.path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.profile, stream.format.name) == ("4444", "yuva444p12le")
    assert str(read_timecode(reel.path, FPS)) == "00:00:00:00"
    for k, over in zip(range(2, 12), rgba_of(reel.path), strict=True):
        opaque = alpha_of(k) > 0
        assert np.array_equal(over[..., 3] > 127, opaque)
        error = np.abs(over[..., :3].astype(int) - render(k))[opaque]
        assert not opaque.any() or error.mean() < 5


def test_what_did_not_change_costs_little(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    changed = np.zeros((240, 320), np.float32)
    changed[100:120, 150:180] = 1
    film = media(10, (240, 320))
    for name in ("patch.mkv", "patch.mov"):
        for mask, label in ((changed, "part"), (np.ones_like(changed), "all")):
            path = tmp_path / f"{label}_{name}"
            write_patch(path, film, [EditPiece("patch 1", 0, 0, 3)], [(noise, mask)] * 3)
        part, whole = (path.stat().st_size for path in (tmp_path / f"part_{name}", tmp_path / f"all_{name}"))
        assert part < whole / 15


def test_what_is_refused(tmp_path):
    piece, frame = EditPiece("patch 1", 0, 0, 2), (image(0, HEIGHT, WIDTH), np.ones((HEIGHT, WIDTH)))
    with pytest.raises(OptionError, match=r"ends in \.mov \(ProRes 4444\) or \.mkv"):
        write_patch(tmp_path / "patch.mp4", media(), [piece], [frame, frame])
    with pytest.raises(InputError, match="have 2 frames, got 1"):
        write_patch(tmp_path / "patch.mkv", media(), [piece], [frame])
    assert list(tmp_path.iterdir()) == []
