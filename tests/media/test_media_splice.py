"""A part put back into its clip: the frames."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import assert_near, decode, image, make_video

from latentsync_core.errors import InputError
from latentsync_core.media import FileClip, TensorClip, splice, trim

SIZE = (6, 8)


def clip_of(count=40, fps=25, dtype=np.uint8, value=None):
    frames = np.stack(
        [image(k, *SIZE) if value is None else np.full((*SIZE, 3), value) for k in range(count)]
    )
    return TensorClip(frames.astype(np.uint8) if dtype == np.uint8 else (frames / 255).astype(dtype), fps)


def read(clip):
    return list(clip.read(range(len(clip.times))))


@given(
    start=st.floats(0, 1, width=32),
    fade=st.just(0) | st.floats(0.01, 1),
    count=st.integers(1, 15),
    fps=st.sampled_from([12, 25, 29.97, 60]),
    dtypes=st.tuples(*[st.sampled_from([np.uint8, np.float16, np.float32, np.float64])] * 2),
)
@settings(deadline=None, max_examples=40)
def test_the_original_keeps_its_shape_and_all_frames_outside_the_part(start, fade, count, fps, dtypes):
    original, part = clip_of(60, 25, dtypes[0]), clip_of(count, fps, dtypes[1], value=255)
    result = splice(original, part, start, fade)
    assert (result.fps, result.duration) == (original.fps, original.duration)
    assert (result.height, result.width) == SIZE and result.times is original.times
    before, after = read(original), read(result)
    inside = (original.times > start - 1e-6) & (original.times < start + part.duration - 1e-6)
    middle, fade = original.times + 0.02 - start, min(fade, part.duration / 2)
    edge = np.minimum(middle, part.duration - middle)
    for old, new, within, distance in zip(before, after, inside, edge, strict=True):
        assert new.dtype == old.dtype and new.shape == old.shape
        if not within:
            assert np.array_equal(new, old)
        else:
            white = 255 if new.dtype == np.uint8 else 1
            alpha = np.clip(distance / fade, 0, 1) if fade else 1
            np.testing.assert_allclose(new / white, old / white * (1 - alpha) + alpha, atol=0.003)


@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_a_part_taken_out_and_put_back_changes_nothing(dtype):
    original = clip_of(dtype=dtype)
    for start, duration, fade in ((0, 0, 0), (0.4, 0.48, 0.2), (0.41, 0.5, 0)):
        part = trim(original, start, duration)
        begin = float(original.times[np.searchsorted(original.times, start)])
        for old, new in zip(read(original), read(splice(original, part, begin, fade)), strict=True):
            np.testing.assert_array_equal(old, new)


def test_the_nearest_frame_of_a_part_of_another_rate_is_shown():
    original, part = clip_of(25, 25, value=0), clip_of(10, 12.5)
    shown = read(splice(original, part, 0.1))
    sources = read(part)
    for number in range(3, 23):  # 0.12 .. 0.88 s: 0.02 .. 0.78 s of the part
        nearest = round((0.04 * number - 0.1) * 12.5)
        np.testing.assert_array_equal(shown[number], sources[min(nearest, 9)])
    assert not shown[2].any() and not shown[23].any()


def test_files_with_times_of_their_own_in_any_order(tmp_path):
    times = [0, 40, 100, 140, 260, 300, 340, 500]
    path = make_video(tmp_path / "v.mkv", count=8, times_ms=times)
    original, frames = FileClip(path), decode(path)
    part = TensorClip(np.full((5, 48, 64, 3), 7, np.uint8), 25)
    result = splice(original, part, 0.1)
    assert [bool((np.asarray(f) == 7).all()) for f in result.read([7, 2, 4, 3, 0, 5])] == [0, 1, 1, 1, 0, 0]
    assert_near(result.read([6]), frames[6:7])


def test_without_an_original_the_part_alone():
    part = clip_of(5)
    assert splice(None, part, 3.0, 1.0) is part


def test_the_original_is_never_held_in_memory():
    class Endless(TensorClip):
        """An hour of video that makes its frames as they are read."""

        def read(self, indices):
            return (np.zeros((240, 320, 3), np.uint8) for _ in indices)

    clip = Endless(np.zeros((1, 240, 320, 3), np.uint8), 25)
    clip.times, clip.duration = np.arange(90_000) / 25, 3600.0
    result = splice(clip, TensorClip(np.full((10, 240, 320, 3), 200, np.uint8), 25), 30.0, 0.1)
    tracemalloc.start()
    changed = sum(int(frame.any()) for frame in result.read(range(2000)))
    assert tracemalloc.get_traced_memory()[1] < 20 * 240 * 320 * 3
    tracemalloc.stop()
    assert changed == 10


def test_what_does_not_fit_is_refused():
    original = clip_of(25)
    with pytest.raises(InputError, match="part is 8 x 7 pixels, the original 8 x 6"):
        splice(original, TensorClip(np.zeros((5, 7, 8, 3), np.uint8), 25))
    with pytest.raises(InputError, match="from second 0.9 to 1.3, but the original ends at 1"):
        splice(original, clip_of(10), 0.9)
    splice(original, clip_of(10), 0.62)  # half a frame too long is rounding
    for start, fade in ((-1, 0), (0, -1), (float("nan"), 0), (0, float("inf"))):
        with pytest.raises(InputError, match="seconds >= 0"):
            splice(original, clip_of(2), start, fade)
    with pytest.raises(InputError, match="frames 0..24"):
        list(splice(original, clip_of(2)).read([25]))
