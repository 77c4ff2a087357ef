"""Patch reels, laid over the film they were made for."""

from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from cue_files import write_audio  # noqa: F401  (puts the helpers of the media tests on the path)
from media_files import image

from latentsync_core.dub import EditMedia, EditPiece, cut_pieces, write_patch
from latentsync_core.errors import InputError, OptionError
from latentsync_core.media import Timecode, read_timecode

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
    with pytest.raises(OptionError, match="takes square pixels, got 4/3"):
        write_patch(tmp_path / "patch.mkv", media(), [piece], [frame, frame], pixel_aspect=Fraction(4, 3))
    with pytest.raises(InputError, match="have 2 frames, got 1"):
        write_patch(tmp_path / "patch.mkv", media(), [piece], [frame])
    assert list(tmp_path.iterdir()) == []
