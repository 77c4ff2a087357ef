"""Results out: the right pixels, colours, times and audio, or nothing at all."""

import logging
import os
from fractions import Fraction

import av
import numpy as np
import pytest
from media_files import (
    add_audio,
    audio_packets,
    decode,
    image,
    make_audio,
    make_video,
    pixels,
    still,
    tone,
    write,
)

from latentsync_core.data import Waveform
from latentsync_core.media import ColorTags, FileClip, check_output, open_writer, read_audio

FILM_RATE = Fraction(24000, 1001)
FLAT = [
    (200, 30, 30),
    (30, 200, 30),
    (30, 30, 200),
    (255, 255, 255),
    (0, 0, 0),
    (128, 128, 128),
    (250, 240, 20),
]


@pytest.mark.parametrize(
    "color",
    [
        None,
        ColorTags(),
        ColorTags(1, 1, 1, 1),
        ColorTags(5, 2, 5, 6),
        ColorTags(9, 1, 9, 14),
        ColorTags(0, 2),
    ],
)
@pytest.mark.parametrize("size", [(48, 64), (720, 32), (47, 63), (1, 1)])
def test_colours_come_back_and_are_tagged(tmp_path, size, color):
    path = write(tmp_path / "c.mp4", [np.full((*size, 3), c, np.uint8) for c in FLAT], color=color, crf=1)
    clip = FileClip(path)
    for frame, expected in zip(pixels(clip.read(range(len(FLAT)))), FLAT, strict=True):
        assert frame.shape == (*size, 3)
        assert np.abs(frame.astype(int) - expected).max() <= 2
    if color is None or color.matrix == 0:
        assert clip.color == (ColorTags(1, 1, 1, 1) if size[0] >= 720 else ColorTags(6, 1, 6, 6))
    elif color.matrix != 2:
        assert clip.color == ColorTags(color.matrix, 1, color.primaries, color.transfer)
    else:
        assert clip.color.matrix == 2


@pytest.mark.parametrize("name", ["f.mp4", "f.mov", "f.MP4", "f.mkv"])
def test_film_rate_survives(tmp_path, name):
    clip = FileClip(write(tmp_path / name, still(30), FILM_RATE))
    assert (clip.fps, len(clip)) == (FILM_RATE, 30)
    np.testing.assert_allclose(clip.times, np.arange(30) / float(FILM_RATE), atol=1e-9)
    assert clip.duration == pytest.approx(30 / float(FILM_RATE), abs=1e-3)


@pytest.mark.parametrize("name,preset", [("v.mp4", "medium"), ("v.mkv", "medium"), ("v.mov", "ultrafast")])
def test_a_variable_rate_and_the_end_survive(tmp_path, name, preset):
    times = [0, 0.03, 0.1, 0.5, 0.517, 0.9]
    with open_writer(tmp_path / name, 48, 64, Fraction(30), duration=1.7, preset=preset) as writer:
        for k, time in enumerate(times):
            writer.write(image(k), time)
    clip = FileClip(tmp_path / name)
    np.testing.assert_allclose(clip.times, times, atol=1e-3)
    if name == "v.mp4":
        # With B-frames only the edit list has the end, and PyAV does not show it: read it from the file.
        data = (tmp_path / name).read_bytes()
        ticks, duration = (
            int.from_bytes(data[(at := data.index(name) + offset) : at + 4], "big")
            for name, offset in ((b"mvhd", 16), (b"elst", 12))
        )
        assert duration / ticks == pytest.approx(1.7, abs=1e-3)
    else:
        assert clip.duration == pytest.approx(1.7, abs=1e-3)


@pytest.mark.parametrize("name", ["r.mp4", "r.mov", "r.mkv"])
@pytest.mark.parametrize("aspect", [Fraction(1), Fraction(4, 3), Fraction(8, 9)])
def test_pixel_aspect_survives(tmp_path, name, aspect):
    frames = list(np.random.default_rng(0).integers(0, 256, (4, 47, 63, 3), np.uint8))
    clip = FileClip(write(tmp_path / name, frames, FILM_RATE, pixel_aspect=aspect))
    assert clip.pixel_aspect == aspect
    np.testing.assert_allclose(clip.times, np.arange(4) / float(FILM_RATE), atol=1e-9)
    if name == "r.mkv":
        np.testing.assert_array_equal(list(clip.read(range(4))), frames)


def test_mkv_is_lossless(tmp_path):
    frames = list(np.random.default_rng(0).integers(0, 256, (4, 33, 47, 3), np.uint8))
    np.testing.assert_array_equal(decode(write(tmp_path / "x.mkv", frames)), frames)
    np.testing.assert_array_equal(list(FileClip(tmp_path / "x.mkv").read(range(4))), frames)


def test_floats_are_rounded_to_the_nearest_level(tmp_path):
    ramp = np.linspace(-0.1, 1.1, 48 * 64 * 3).reshape(48, 64, 3)
    expected = np.rint(np.clip(ramp, 0, 1) * 255).astype(np.uint8)
    got = decode(write(tmp_path / "x.mkv", [ramp.astype(np.float32)]))[0]
    assert (got != expected).mean() < 1e-3


def test_images(tmp_path):
    frames = [image(k) for k in range(3)]
    audio = make_audio(tmp_path / "voice.wav", "pcm_s16le", tone(0.2), 44100)
    (tmp_path / "100% új").mkdir()
    folder = write(tmp_path / "100% új", frames, audio=audio)
    assert sorted(os.listdir(folder)) == ["audio.wav", *(f"frame_{k:06d}.png" for k in range(3))]
    for k, frame in enumerate(frames):
        np.testing.assert_array_equal(decode(folder / f"frame_{k:06d}.png")[0], frame)
    assert (folder / "audio.wav").read_bytes() == audio.read_bytes()
    samples = tone(0.2, 12345, 1)
    np.testing.assert_array_equal(
        read_audio(write(tmp_path / "b", frames, audio=Waveform(samples, 12345)) / "audio.wav").samples,
        samples,
    )
    video = add_audio(make_video(tmp_path / "v.mp4"), audio, tmp_path / "both.mkv")
    assert audio_packets(write(tmp_path / "c", frames, audio=video) / "audio.mka") == audio_packets(video)


@pytest.mark.parametrize("relative", [".", "", "../here"])
def test_images_fill_the_empty_working_folder(tmp_path, monkeypatch, relative):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    check_output(relative)
    write(relative, still(2))
    assert sorted(os.listdir()) == ["frame_000000.png", "frame_000001.png"] == sorted(os.listdir(os.getcwd()))
    assert os.listdir(tmp_path) == ["here"]


COPIED = [
    ("a.m4a", "aac", 44100, ".mp4"),
    ("a.m4a", "aac", 44100, ".mov"),
    ("a.m4a", "aac", 44100, ".mkv"),
    ("a.mp3", "libmp3lame", 44100, ".mp4"),
    ("a.ogg", "libopus", 48000, ".mp4"),
    ("a.flac", "flac", 44100, ".mp4"),
    ("al.m4a", "alac", 44100, ".mp4"),
    ("a.wav", "pcm_s16le", 44100, ".mkv"),
    ("a.wav", "pcm_f32le", 11025, ".mkv"),
]


@pytest.mark.parametrize("name,codec,rate,suffix", COPIED)
def test_audio_is_copied_bit_for_bit_and_in_place(tmp_path, name, codec, rate, suffix):
    audio = make_audio(tmp_path / name, codec, tone(1.0, rate), rate)
    result = write(tmp_path / f"r{suffix}", still(40), audio=audio)
    assert audio_packets(result) == audio_packets(audio)
    before, after = read_audio(audio).samples, read_audio(result).samples
    offset = 0
    if suffix == ".mkv":
        # Matroska keeps times to the millisecond.
        offset = min(
            range(-60, 60), key=lambda d: np.abs(before[:, 3000:9000] - after[:, 3000 + d : 9000 + d]).max()
        )
        assert abs(offset) <= rate / 1000
    np.testing.assert_allclose(before[:, 3000:9000], after[:, 3000 + offset : 9000 + offset], atol=1e-6)
    assert FileClip(result).duration == pytest.approx(1.6, abs=1e-3)


@pytest.mark.parametrize(
    "rate,channels,suffix,codec",
    [(44100, 2, ".mp4", "aac"), (16000, 1, ".mp4", "aac"), (96000, 2, ".mkv", "flac")],
)
def test_samples_are_encoded_at_their_own_rate(tmp_path, rate, channels, suffix, codec):
    samples = tone(1.5, rate, channels)
    result = write(tmp_path / f"r{suffix}", still(50), audio=Waveform(samples, rate))
    with av.open(str(result)) as container:
        assert container.streams.audio[0].codec_context.name == codec
    got = read_audio(result)
    assert got.sample_rate == rate and len(got.samples) == channels
    assert got.samples.shape[1] == pytest.approx(1.5 * rate, abs=1 if suffix == ".mp4" else 200)
    middle = slice(3000, samples.shape[1] - 3000)
    assert np.abs(got.samples[:, middle] - samples[:, middle]).max() < 0.05


def test_audio_that_the_container_cannot_hold_is_encoded(tmp_path, caplog):
    wav = make_audio(tmp_path / "a.wav", "pcm_s16le", tone(1.0, 44100), 44100)
    result = write(tmp_path / "r.mp4", still(40), audio=wav)
    assert read_audio(result).samples.shape == (2, 44100)
    assert not caplog.records
    odd = make_audio(tmp_path / "odd.wav", "pcm_s16le", tone(1.0, 30000), 30000)
    with caplog.at_level(logging.WARNING):
        assert read_audio(write(tmp_path / "o.mp4", still(40), audio=odd)).sample_rate == 32000
    assert "30000 Hz" in caplog.text


def test_audio_ends_with_the_video(tmp_path):
    audio = make_audio(tmp_path / "a.m4a", "aac", tone(3.0), 44100)
    result = write(tmp_path / "r.mp4", still(25), audio=audio)
    packets = audio_packets(result)
    # A packet is 1024 samples, the first lies before second 0.
    assert len(packets) == 1 + -(-44100 // 1024)
    assert packets == audio_packets(audio)[: len(packets)]


def test_audio_lies_between_the_frames(tmp_path):
    audio = make_audio(tmp_path / "a.m4a", "aac", tone(8.0), 44100)
    frames = list(np.random.default_rng(0).integers(0, 256, (200, 48, 64, 3), np.uint8))
    result = write(tmp_path / "r.mp4", frames, audio=audio)
    with av.open(str(result)) as container:
        kinds = [(p.stream.type, float(p.dts * p.time_base)) for p in container.demux() if p.size]
    audio = video = 0.0
    for kind, second in kinds:
        audio, video = (second, video) if kind == "audio" else (audio, second)
        assert abs(audio - video) < 2.5


def test_the_audio_of_a_video_stays_with_its_frames(tmp_path):
    audio = make_audio(tmp_path / "a.m4a", "aac", tone(1.5), 44100)
    source = add_audio(make_video(tmp_path / "v.mp4"), audio, tmp_path / "late.mkv", video_offset=0.5)
    before, after = read_audio(source), read_audio(write(tmp_path / "r.mp4", still(25), audio=source))
    a, b = before.samples[0, 8000:16000], after.samples[0]
    offset = min(range(-300, 300), key=lambda d: np.abs(a - b[8000 + d : 16000 + d]).max())
    assert abs(offset) <= 90
