"""Frames in planes: the definition of their colours, parts that agree with the whole, and samples that stay."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from latentsync_core.planar import PlanarFrame, SampleFormat, is_planar

NAMES = [
    f"{model}{layout}p{depth}"
    for model in ("yuv", "yuva")
    for layout in ("444", "422", "420", "440", "411", "410")
    for depth in ("", "9le", "10le", "12le", "16le")
] + ["gbrp10le", "gbrap12le", "gbrap"]
FORMATS = st.builds(
    SampleFormat,
    st.sampled_from(NAMES),
    st.sampled_from([1, 2, 4, 5, 6, 7, 9]),
    st.booleans(),
    st.sampled_from([(0.5, 0.0), (0.5, 0.5), (0.0, 0.0), (1.0, 0.5)]),
)


def draw(form, height, width, seed=0, smooth=False):
    """A frame of random samples; smooth: of one colour."""
    rng = np.random.default_rng(seed)
    rows, columns = form.step
    chroma = -(-height // rows), -(-width // columns)
    shapes = [(height, width), chroma, chroma] + [(height, width)] * ("a" in form.name)
    dtype = np.uint8 if form.bits == 8 else np.uint16
    low, high = 3 * 2**form.bits // 8, 5 * 2**form.bits // 8  # colours that RGB in 0..1 has
    planes = [rng.integers(low, high, (1, 1) if smooth else shape, dtype) for shape in shapes]
    return PlanarFrame(
        tuple(np.ascontiguousarray(np.broadcast_to(p, s)) for p, s in zip(planes, shapes, strict=True)), form
    )


@st.composite
def frames_and_parts(draw_):
    form = draw_(FORMATS)
    height, width = draw_(st.integers(1, 40)), draw_(st.integers(1, 40))
    top, left = draw_(st.integers(0, height - 1)), draw_(st.integers(0, width - 1))
    bottom, right = draw_(st.integers(top + 1, height)), draw_(st.integers(left + 1, width))
    seed = draw_(st.integers(0, 9))
    return draw(form, height, width, seed), np.s_[top:bottom, left:right]


def test_formats_are_known_by_their_names():
    assert all(is_planar(name) for name in NAMES)
    others = (
        "bgr0",
        "rgb24",
        "gbrp",
        "gray",
        "nv12",
        "p010le",
        "yuv420p10be",
        "yuyv422",
        "pal8",
        "gbrpf32be",
    )
    assert not any(is_planar(name) for name in others)
    assert [(SampleFormat(name).bits, SampleFormat(name).step) for name in ("yuv420p", "yuva422p10le")] == [
        (8, (2, 2)), (10, (1, 2))
    ]  # fmt: skip


@pytest.mark.parametrize("bits", [8, 10, 12, 16])
@pytest.mark.parametrize(
    "matrix,weights", [(1, (0.2126, 0.0722)), (5, (0.299, 0.114)), (9, (0.2627, 0.0593))]
)
def test_colours_are_those_of_the_standards(bits, matrix, weights):
    """Luma and differences of H.273's equations 32 to 40, limited range by equations 20 to 22, full by 26 to 28."""
    form = "yuv444p" if bits == 8 else f"yuv444p{bits}le"
    rgb = np.random.default_rng(0).random((20, 3))
    red, blue = weights
    luma = rgb @ [red, 1 - red - blue, blue]
    parts = [luma, (rgb[:, 2] - luma) / (2 - 2 * blue), (rgb[:, 0] - luma) / (2 - 2 * red)]
    unit, top = 2 ** (bits - 8), 2**bits - 1
    for full in (False, True):
        scales = (
            [(top, 0), (top, 128 * unit), (top, 128 * unit)]
            if full
            else [(219 * unit, 16 * unit), (224 * unit, 128 * unit), (224 * unit, 128 * unit)]
        )
        exact = [part * scale + zero for part, (scale, zero) in zip(parts, scales, strict=True)]
        samples = np.column_stack([*exact, np.ones(20)])
        np.testing.assert_allclose(samples @ SampleFormat(form, matrix, full).to_rgb.T, rgb, atol=1e-9)
        back = np.column_stack([rgb, np.ones(20)]) @ SampleFormat(form, matrix, full).from_rgb.T
        np.testing.assert_allclose(back, np.column_stack(exact), atol=1e-6)


@given(frames_and_parts())
@settings(max_examples=120, deadline=None)
def test_a_part_is_that_of_the_whole(given_):
    frame, part = given_
    whole = np.asarray(frame)
    assert whole.shape == frame.shape and whole.dtype == frame.dtype
    rounding = 1 if frame.dtype == np.uint8 else 1e-6  # the last bit depends on the length of a row
    assert np.abs(frame[part].astype(float) - whole[part]).max() <= rounding
    assert (frame[part] != whole[part]).mean() < 0.01 or frame.dtype != np.uint8
    assert np.shares_memory(frame[part], frame[part])  # converted once
    assert frame[1:1, :].shape == (0, frame.shape[1], 3)
    assert np.array_equal(frame[:, :], whole)


@given(frames_and_parts(), st.integers(0, 9))
@settings(max_examples=120, deadline=None)
def test_only_samples_of_painted_pixels_change(given_, seed):
    frame, part = given_
    before = [plane.copy() for plane in frame.planes]
    rng = np.random.default_rng(seed)
    shape = frame[part].shape[:2]
    alpha = ((rng.random(shape) < 0.2) * rng.random(shape)).astype(np.float32)
    white = 255 if frame.dtype == np.uint8 else 1
    pixels = (frame[part] + alpha[..., None] * (white * rng.random((*shape, 3)) - frame[part])).astype(
        frame.dtype
    )
    after = frame.blend(part, pixels, alpha)
    assert after.format == frame.format and len(after.planes) == len(before)
    whole = np.zeros(frame.shape[:2], bool)
    whole[part] = alpha > 0
    rows, columns = frame.format.step
    for number, (old, kept, new) in enumerate(zip(before, frame.planes, after.planes, strict=True)):
        block = (rows, columns) if number in (1, 2) else (1, 1)
        padded = np.pad(whole, [(0, -length % size) for length, size in zip(whole.shape, block, strict=True)])
        painted = padded.reshape(len(padded) // block[0], block[0], -1, block[1]).any((1, 3))
        np.testing.assert_array_equal(kept, old)  # the source is not written to
        np.testing.assert_array_equal(new[~painted], old[~painted])
        if number == 3:
            np.testing.assert_array_equal(new, old)


@given(FORMATS, st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_what_is_painted_comes_back(form, seed):
    """One colour in a frame of another: RGB is the colour but for the rounding of samples, and fades with alpha."""
    frame = draw(form, 48, 64, seed, smooth=True)
    target = np.asarray(draw(form, 48, 64, seed + 10, smooth=True))
    level = 1 if frame.dtype == np.uint8 else 1 / 255
    inside = np.s_[8:40, 8:56]  # whole blocks of chroma
    alpha = np.zeros((48, 64), np.float32)
    alpha[inside] = 1
    painted = frame.blend(np.s_[:, :], np.where(alpha[..., None] > 0, target, np.asarray(frame)), alpha)
    core = np.s_[20:28, 20:44]
    assert np.abs(np.asarray(painted, float)[core] - target[core]).max() <= 2 * level
    same = frame.blend(np.s_[:, :], np.asarray(frame), alpha)
    assert all(
        np.abs(a.astype(int) - b).max() <= 2 ** (form.bits - 8)
        for a, b in zip(frame.planes, same.planes, strict=True)
    )


@pytest.mark.parametrize("name", ["yuv420p", "yuv422p10le", "yuv444p12le", "gbrp10le"])
def test_a_trace_of_a_mouth_leaves_the_sources_detail(name):
    """There and back again chroma loses its detail; as far as alpha is small, the source's own stays."""
    frame = draw(SampleFormat(name, 1), 48, 64)
    alpha = np.full((48, 64), 0.01, np.float32)
    after = frame.blend(np.s_[:, :], np.asarray(frame), alpha)
    for old, new in zip(frame.planes, after.planes, strict=True):
        assert np.abs(old.astype(int) - new).max() <= 0.03 * 2**frame.format.bits


@pytest.mark.parametrize("name", NAMES[:10])
def test_made_smaller_it_is_the_mean(name):
    frame = draw(SampleFormat(name), 64, 96)
    small = frame.shrink(12, 8)
    mean = np.asarray(frame, float).reshape(8, 8, 12, 8, 3).mean((1, 3))
    assert small.shape == (8, 12, 3) and small.dtype == frame.dtype
    assert np.abs(small - mean).max() <= (10 if frame.dtype == np.uint8 else 10 / 255)
