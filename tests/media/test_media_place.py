"""Lines placed in the audio of their film."""

import tracemalloc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from media_files import decode, make_audio, make_video, still, tone, write

from latentsync_core.data import Line, Waveform
from latentsync_core.errors import InputError, MediaError, OptionError
from latentsync_core.media import AudioParts, mix, parts_of, place_lines, read_audio
from latentsync_core.media.parts import cut_into_blocks

RATE = 8000


def noise(seconds, channels=1, level=0.3, seed=0):
    samples = np.random.default_rng(seed).uniform(-level, level, (channels, round(seconds * RATE)))
    return Waveform(samples.astype("f4"), RATE)


def gather(parts):
    return np.concatenate(list(parts.read()), axis=1)


def ramp(length, fade):
    fade = min(fade * RATE, length / 2)
    middles = np.arange(length) + 0.5
    return np.clip(np.minimum(middles, length - middles) / fade, 0, 1) if fade else np.ones(length)


def by_hand(own, lines, lowest, fade):
    """The same arithmetic over whole arrays."""
    spans = [(round(line.start * RATE), line.audio.samples.shape[1]) for line in lines]
    total = np.zeros((len(own), max(own.shape[1], *(a + n for a, n in spans))))
    total[:, : own.shape[1]] = own
    under, level = np.ones(total.shape[1]), np.ones(total.shape[1])
    for a, n in spans:
        under[a : a + n] = np.minimum(under[a : a + n], 1 - (1 - lowest) * ramp(n, fade))
    total *= under
    for line, (a, n) in zip(lines, spans, strict=True):
        total[:, a : a + n] += line.audio.samples * ramp(n, 0.005)
    for a, n in spans:
        peak = np.abs(total[:, a : a + n]).max()
        if peak > 1:
            level[a : a + n] = np.minimum(level[a : a + n], 1 - (1 - 1 / peak) * ramp(n, fade))
    return np.clip(total * level, -1, 1)


@given(
    mode=st.sampled_from(["replace", "mix", "duck"]),
    own_seconds=st.sampled_from([0.7, 1.0, 2.35]),
    lines=st.lists(
        st.tuples(st.floats(0, 3), st.floats(0.01, 1.5), st.sampled_from([0.3, 0.9])), min_size=1, max_size=5
    ),
    fade=st.floats(0, 0.4),
    channels=st.sampled_from([1, 2]),
)
@settings(deadline=None, max_examples=80)
def test_blocks_are_the_whole(mode, own_seconds, lines, fade, channels):
    own = noise(own_seconds, channels)
    lines = [
        Line(noise(seconds, channels, level, seed), start)
        for seed, (start, seconds, level) in enumerate(lines, 1)
    ]
    result = place_lines(own, lines, mode, duck_db=20, fade=fade)
    expected = by_hand(own.samples, lines, {"replace": 0, "mix": 1, "duck": 0.1}[mode], fade)
    found = gather(result)
    assert (result.rate, result.channels, found.dtype) == (RATE, channels, np.float32)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    alone = np.ones(found.shape[1], bool)
    for line in lines:
        first = round(line.start * RATE)
        alone[first : first + line.audio.samples.shape[1]] = False
    film = np.zeros_like(found)
    film[:, : own.samples.shape[1]] = own.samples
    assert np.array_equal(found[:, alone], film[:, alone])


@pytest.mark.parametrize("mode", ["replace", "mix", "duck"])
def test_one_line_is_what_mix_lays(mode):
    own, new = noise(3, 2), Waveform(tone(1.2, 44100, 1), 44100)
    mixed = mix(own, new, mode, 1.1).samples
    placed = gather(place_lines(own, [Line(new, 1.1)], mode))
    edges = np.r_[8800:8840, 8800 + 9600 - 40 : 8800 + 9600]
    inner = np.setdiff1d(np.arange(mixed.shape[1]), edges)
    np.testing.assert_allclose(placed[:, inner], mixed[:, inner], atol=2e-6)


def test_a_line_uses_its_in_and_out(tmp_path):
    given = noise(2)
    path = make_audio(tmp_path / "line.wav", "pcm_f32le", given.samples, RATE)
    for audio in (given, path):
        line = Line(audio, 0.5, audio_in=0.25, audio_out=1.0)
        found = gather(place_lines(None, [line]))[0]
        assert not found[:4000].any() and len(found) == 10000
        assert np.array_equal(found[4040:-40], given.samples[0, 2040:7960])


def test_the_film_decides_rate_and_channels_and_its_file_is_read(tmp_path):
    film = make_audio(tmp_path / "film.wav", "pcm_f32le", noise(2.5, 2).samples, RATE)
    result = place_lines(film, [Line(Waveform(tone(0.5, 44100, 1), 44100), 1.0)])
    found = gather(result)
    assert (result.rate, found.shape) == (RATE, (2, 20000))
    assert np.array_equal(found[:, :8000], read_audio(film).samples[:, :8000])
    assert np.array_equal(gather(result), found), "parts can be read again"


def test_a_film_without_lines_stays():
    own = noise(2.5)
    assert np.array_equal(gather(place_lines(own, [])), own.samples)


def test_the_writer_takes_parts(tmp_path):
    film = make_audio(tmp_path / "film.wav", "pcm_s16le", noise(1, 2).samples, RATE)
    placed = place_lines(film, [Line(noise(0.3), 0.4)])
    expected = gather(placed)
    for name in ("out.mkv", "out"):
        write(tmp_path / name, still(25), audio=placed)
    assert len(decode(tmp_path / "out.mkv")) == 25
    np.testing.assert_allclose(read_audio(tmp_path / "out.mkv").samples, expected, atol=1e-6)
    assert np.array_equal(read_audio(tmp_path / "out" / "audio.wav").samples, expected)


def test_memory_does_not_grow_with_the_film():
    def film():
        for second in range(600):
            yield np.full((1, RATE), second / 6000, np.float32)

    lines = [Line(noise(1.5, seed=number), 12 * number) for number in range(50)]
    tracemalloc.start()
    count = sum(part.shape[1] for part in place_lines(AudioParts(RATE, 1, film), lines, "duck").read())
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert count == 600 * RATE and peak < 3e6  # the film's samples take 19 MB


@given(lengths=st.lists(st.integers(0, 50), max_size=20), size=st.integers(1, 40))
def test_blocks_have_one_size(lengths, size):
    whole = np.arange(2 * sum(lengths), dtype=np.float32).reshape(2, -1)
    parts = np.split(whole, np.cumsum(lengths)[:-1], axis=1) if lengths else []
    blocks = list(cut_into_blocks(iter(parts), size))
    assert all(block.shape[1] == size for block in blocks[:-1])
    assert np.array_equal(np.concatenate([whole[:, :0], *blocks], axis=1), whole)


def test_what_is_refused(tmp_path):
    with pytest.raises(OptionError, match="mode takes"):
        place_lines(noise(1), [], "add")
    with pytest.raises(InputError, match="neither audio of the film nor a line"):
        place_lines(None, [])
    with pytest.raises(MediaError, match="does not exist"):
        place_lines(tmp_path / "none.wav", [])
    with pytest.raises(InputError, match="There is no audio from second 2"):
        gather(place_lines(noise(1), [Line(noise(1), audio_in=2)]))
    with pytest.raises(MediaError, match="no audio"):
        parts_of(make_video(tmp_path / "silent.mp4", count=2))
