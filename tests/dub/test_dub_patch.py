"""Patch reels, laid over the film they were made for."""

import logging
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from cue_files import write_audio  # noqa: F401  (puts the helpers of the media tests on the path)
from media_files import image, make_video

from latentsync_core.dub import EditMedia, EditPiece, check_patch, cut_pieces, write_patch
from latentsync_core.errors import InputError, OptionError
from latentsync_core.media import FileClip, Timecode, read_timecode
from latentsync_core.planar import PlanarFrame

COUNT, HEIGHT, WIDTH = 12, 66, 130
FPS = Fraction(25)


@pytest.fixture(params=["yuv420p", "yuv422p", "yuv444p", "yuv420p10le", "yuv422p10le", "gbrp10le", "bgr0"])
def film(tmp_path, request):
    return FileClip(make_video(tmp_path / "film.mkv", "ffv1", request.param, COUNT, size=(HEIGHT, WIDTH)))


def media(path=Path("film.mkv"), frames=COUNT, size=(HEIGHT, WIDTH)):
    return EditMedia(path, Timecode.parse("01:00:00:00", FPS), frames, size)


def alpha_of(k):
    """A soft ellipse that moves; nothing in frames 0..2 and 8."""
    if k in (0, 1, 2, 8):
        return np.zeros((HEIGHT, WIDTH), np.float32)
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH]
    return np.clip(1.5 - np.hypot((y - 30) / 9, (x - 40 - 4 * k) / 14), 0, 1).astype(np.float32)


def render(frame, k):
    """The frame with something else in the ellipse, as a dub composites it."""
    alpha = alpha_of(k)[..., None]
    whole = np.asarray(frame)
    new = np.float32(0.3 if whole.dtype != np.uint8 else 77)
    mixed = whole + alpha * (new - whole.astype(np.float32))
    if isinstance(frame, PlanarFrame):
        mixed = np.rint(mixed).astype(np.uint8) if whole.dtype == np.uint8 else mixed
        return frame.blend(np.s_[:, :], mixed, alpha[..., 0])
    return np.where(alpha > 0, np.rint(mixed), whole).astype(np.uint8)


def planes(frame, bits=16):
    """The planes of a frame, of an array as a reel stores them."""
    if isinstance(frame, PlanarFrame):
        return frame.planes[:3]
    return tuple(np.uint16(257) * frame[..., channel] for channel in (1, 2, 0))


def in_blocks(mask, step):
    rows, columns = (np.arange(0, length, size) for length, size in zip(mask.shape, step, strict=True))
    return np.logical_or.reduceat(np.logical_or.reduceat(mask, rows, 0), columns, 1)


def make_reel(film, path):
    frames = list(film.read(range(COUNT)))
    rendered = [render(frame, k) for k, frame in enumerate(frames)]
    pieces = cut_pieces(np.array([alpha_of(k).any() for k in range(COUNT)]), 1)
    order = [k for piece in pieces for k in range(piece.at, piece.end)]
    reel = write_patch(
        path,
        media(),
        pieces,
        ((rendered[k], alpha_of(k)) for k in order),
        samples=film.samples,
        color=film.color,
    )
    return frames, rendered, pieces, reel


def test_a_lossless_reel_over_the_film_is_the_full_render_bit_for_bit(film, tmp_path):
    frames, rendered, pieces, reel = make_reel(film, tmp_path / "patch.mkv")
    assert pieces == (EditPiece("patch 1", 2, 0, 10),)
    laid = [planes(frame) for frame in frames]
    for piece in pieces:
        parts = FileClip(reel.path).read(range(piece.first, piece.first + piece.frames))
        for k, part in zip(range(piece.at, piece.end), parts, strict=True):
            opaque = part.planes[3] > 0
            assert np.array_equal(opaque, alpha_of(k) > 0)
            steps = [(1, 1), part.format.step, part.format.step]
            laid[k] = [
                np.where(in_blocks(opaque, step), over, under)
                for over, under, step in zip(part.planes[:3], laid[k], steps, strict=True)
            ]
    for under, full in zip(laid, rendered, strict=True):
        assert all(map(np.array_equal, under, planes(full)))
    assert reel.frames == 10 and str(read_timecode(reel.path, FPS)) == "00:00:00:00"


def test_a_prores_reel_is_near_and_transparent_elsewhere(film, tmp_path):
    _, rendered, pieces, reel = make_reel(film, tmp_path / "patch.mov")
    with av.open(str(reel.path)) as container:
        stream = container.streams.video[0]
        assert (stream.codec_context.name, stream.codec_context.profile, stream.format.name) == (
            "prores", "4444", "yuva444p12le",
        )  # fmt: skip
    assert str(read_timecode(reel.path, FPS)) == "00:00:00:00"
    for k, part in zip(range(2, 12), FileClip(reel.path).read(range(10)), strict=True):
        alpha = alpha_of(k) > 0
        assert np.array_equal(part.planes[3] > 2048, alpha)
        white = 1 if np.asarray(rendered[k]).dtype != np.uint8 else 255
        error = np.abs(np.asarray(part) - np.asarray(rendered[k]) / white)[alpha]
        assert not alpha.any() or error.mean() < 0.03


def test_what_did_not_change_costs_little(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (240, 320, 3), np.uint8)
    changed = np.zeros((240, 320), np.float32)
    changed[100:120, 150:180] = 1
    film = media(frames=10, size=(240, 320))
    for name in ("patch.mkv", "patch.mov"):
        for mask, label in ((changed, "part"), (np.ones_like(changed), "all")):
            path = tmp_path / f"{label}_{name}"
            write_patch(path, film, [EditPiece("patch 1", 0, 0, 3)], [(noise, mask)] * 3)
        part, whole = (path.stat().st_size for path in (tmp_path / f"part_{name}", tmp_path / f"all_{name}"))
        assert part < whole / 15


def test_films_that_a_reel_cannot_hold(tmp_path, caplog):
    clip = FileClip(make_video(tmp_path / "odd.mkv", "ffv1", "yuv440p", 1, size=(HEIGHT, WIDTH)))
    for samples, aspect in ((clip.samples, Fraction(1)), (None, Fraction(4, 3))):
        with pytest.raises(OptionError, match=r"Write a \.mov"):
            check_patch(tmp_path / "patch.mkv", samples, aspect)
    with caplog.at_level(logging.WARNING):
        reel = write_patch(
            tmp_path / "patch.mov", media(), [EditPiece("patch 1", 0, 0, 1)],
            [(next(clip.read([0])), np.ones((HEIGHT, WIDTH)))], samples=clip.samples,
        )  # fmt: skip
    (frame,) = FileClip(reel.path).read([0])
    assert np.abs(np.asarray(frame) - np.asarray(next(clip.read([0]))) / 255).mean() < 0.03


def test_what_is_refused(tmp_path):
    piece, frame = EditPiece("patch 1", 0, 0, 2), (image(0, HEIGHT, WIDTH), np.ones((HEIGHT, WIDTH)))
    with pytest.raises(OptionError, match=r"ends in \.mov \(ProRes 4444\) or \.mkv"):
        write_patch(tmp_path / "patch.mp4", media(), [piece], [frame, frame])
    with pytest.raises(InputError, match="have 2 frames, got 1"):
        write_patch(tmp_path / "patch.mkv", media(), [piece], [frame])
    clip = FileClip(make_video(tmp_path / "film.mkv", "ffv1", "yuv420p", 1, size=(HEIGHT, WIDTH)))
    with pytest.raises(InputError, match="takes frames of yuva420p without alpha"):
        write_patch(tmp_path / "patch.mkv", media(), [piece], [frame, frame], samples=clip.samples)
    assert [path.name for path in tmp_path.iterdir()] == ["film.mkv"]
