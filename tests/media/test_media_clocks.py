"""Clocks that start late, jump, drift, go back or stand still: read as FFmpeg plays them, and never for ever."""

import logging

import numpy as np
import pytest
from media_files import assert_near, decode, make_audio, make_video, tone
from odd_files import RATE, burst_times, bursts, movie, patched, retimed, wav

from latentsync_core.errors import MediaError
from latentsync_core.media import FileClip, read_audio

DAYS = 100 * 86400
PLACES = np.arange(0.25, 3, 0.5)


@pytest.mark.parametrize("name", ["late.mkv", "late.ts", "late.mov", "late.flv", "late.nut"])
def test_a_late_first_timestamp_counts_once(tmp_path, name):
    late = retimed(movie(tmp_path / "movie.mkv"), tmp_path / name, lambda kind, t: t + 100)
    clip = FileClip(late)
    assert len(clip) == 75 and clip.times[0] == 0 and clip.duration == pytest.approx(3, abs=0.01)
    assert len(list(clip.read(range(75)))) == 75
    np.testing.assert_allclose(burst_times(read_audio(late)), PLACES, atol=0.03)


@pytest.mark.parametrize("shift", [-0.4, 0.7])
@pytest.mark.parametrize("suffix", ["mkv", "mp4", "ts", "nut"])
def test_audio_starts_where_it_does_beside_the_video(tmp_path, suffix, shift):
    def change(kind, t):
        return 5 + t + (shift if kind == "audio" else 0)

    moved = retimed(movie(tmp_path / "movie.mkv"), tmp_path / f"moved.{suffix}", change)
    assert len(FileClip(moved)) == 75
    found = burst_times(read_audio(moved))
    np.testing.assert_allclose(found, (PLACES + shift)[PLACES + shift > 0], atol=0.03)


def test_a_cut_file_that_starts_late_is_still_cut(tmp_path):
    late = retimed(movie(tmp_path / "movie.mkv"), tmp_path / "late.mkv", lambda kind, t: t + 100)
    late.write_bytes(late.read_bytes()[: late.stat().st_size // 2])
    with pytest.raises(MediaError, match="cut short"):
        FileClip(late)


@pytest.mark.parametrize("speed", [0.98, 0.9, 1.02])
def test_audio_whose_clock_is_slow_or_fast_is_read_where_it_plays(tmp_path, speed):
    source = make_audio(tmp_path / "s.mka", "aac", bursts(12), RATE)
    drift = retimed(source, tmp_path / "drift.mkv", lambda kind, t: t * speed)
    found, places = burst_times(read_audio(drift)), np.arange(0.25, 12, 0.5) * speed
    assert all(np.abs(found - place).min() < 0.07 for place in places)
    assert read_audio(drift).duration == pytest.approx(12 * speed, abs=0.08)


def test_audio_that_is_missing_leaves_silence(tmp_path):
    source = make_audio(tmp_path / "s.mka", "aac", bursts(3), RATE)
    hole = retimed(source, tmp_path / "hole.mkv", lambda kind, t: t + (20 if t > 1.5 else 0))
    np.testing.assert_allclose(
        burst_times(read_audio(hole)), PLACES + np.where(PLACES > 1.5, 20, 0), atol=0.03
    )


@pytest.mark.parametrize("suffix", ["mkv", "nut"])
def test_a_clock_that_jumps_by_days_asks_for_no_terabytes(tmp_path, caplog, suffix):
    whole = movie(tmp_path / "movie.mkv", bf="0")
    jump = retimed(whole, tmp_path / f"jump.{suffix}", lambda kind, t: t + (DAYS if t >= 1.5 else 0))
    with caplog.at_level(logging.WARNING):
        clip, audio = FileClip(jump), read_audio(jump)
    assert len(clip) == 75 and clip.fps == 25 and clip.duration == pytest.approx(3, abs=0.05)
    np.testing.assert_allclose(burst_times(audio), PLACES, atol=0.07)
    assert "clock that jumps" in caplog.text and "whose clock jumps" in caplog.text
    assert_near(clip.read([60, 10]), [decode(jump)[k] for k in (60, 10)])


def test_many_jumps_of_an_hour_ask_for_no_terabytes(tmp_path):
    source = make_audio(tmp_path / "s.mka", "aac", tone(3, RATE, 1), RATE)
    assert (
        read_audio(retimed(source, tmp_path / "h.mkv", lambda kind, t: t * 60_000)).duration < 3 * 3600 + 10
    )


@pytest.mark.parametrize("length,rate,microseconds", [(10**9, 25, 40_000), (50, 1, 4_000_000_000)])
def test_an_avi_whose_header_lies_plays_what_is_there(tmp_path, caplog, length, rate, microseconds):
    video = make_video(tmp_path / "lie.avi", "mjpeg", "yuvj420p", count=50)
    patched(video, (b"strh", 8 + 20), "<II", 1 if rate == 25 else 1_000_000, rate)
    patched(video, (b"strh", 8 + 32), "<I", length)
    clip = FileClip(video)
    assert ("clock that jumps" in caplog.text) == (rate == 1)
    assert (len(clip), clip.fps) == (50, 25) and clip.duration == pytest.approx(2)
    assert len(list(clip.read(range(50)))) == 50


def test_a_rate_is_never_zero(tmp_path):
    slides = make_video(tmp_path / "slides.mkv", count=2, times_ms=[0, 3_600_000])
    clip = FileClip(slides)
    assert 0 < clip.fps <= 1 and len(list(clip.read([0, 1]))) == 2 and clip.times[1] == 3600


@pytest.mark.parametrize("seconds", [0.25, 1000.0])
def test_a_header_that_lies_about_the_audio_cuts_nothing(tmp_path, seconds):
    path = make_audio(tmp_path / "s.m4a", "aac", bursts(3), RATE)
    patched(path, (b"mdhd", 20), ">I", round(seconds * RATE))
    assert burst_times(read_audio(path))[-1] == pytest.approx(2.75, abs=0.03)


def test_frames_at_one_timestamp_are_kept_once(tmp_path, caplog):
    source = make_video(tmp_path / "v.mkv", count=40, bf="0")
    same = retimed(source, tmp_path / "same.mkv", lambda kind, t: 0.4 if 0.4 < t < 0.7 else t)
    with caplog.at_level(logging.WARNING):
        clip = FileClip(same)
    frames = decode(same)
    kept = [*range(11), *range(18, 40)] if len(clip) == 33 else []
    assert (np.diff(clip.times) > 0).all() and kept and "timestamps of others" in caplog.text
    for order in (range(33), [32, 12, 11, 10, 0, 20]):
        assert_near(clip.read(order), [frames[kept[number]] for number in order])


@pytest.mark.parametrize("suffix", ["ts", "mpg"])
def test_joined_parts_play_one_after_the_other(tmp_path, caplog, suffix):
    codec = ("mpeg2video", "mp2") if suffix == "mpg" else ("libx264", "aac")
    video = make_video(tmp_path / "v.mkv", codec[0], count=50, bf="2")
    part = retimed(video, tmp_path / f"part.{suffix}", lambda kind, t: t)
    (tmp_path / f"two.{suffix}").write_bytes(part.read_bytes() * 2)
    with caplog.at_level(logging.WARNING):
        clip = FileClip(tmp_path / f"two.{suffix}")
    one = decode(part)
    assert len(clip) == 2 * len(one) and clip.duration == pytest.approx(4, abs=0.1)
    assert_near(clip.read([70, 20, 3]), [one[20], one[20], one[3]])
    assert "go back" in caplog.text


def test_b_frames_in_avi_are_read_in_their_order(tmp_path):
    video = make_video(tmp_path / "b.avi", bf="2")
    clip, plain = FileClip(video), decode(video)
    np.testing.assert_allclose(clip.times, np.arange(40) / 25, atol=1e-9)
    for order in (range(40), range(39, -1, -5)):
        assert_near(clip.read(order), [plain[number] for number in order])


def test_wavs_with_odd_headers_are_read_or_refused(tmp_path):
    for name, header in {
        "rate 1": {"rate": 1}, "rate 2147483647": {"rate": 2**31 - 1}, "no rate": {"rate": 0},
        "no bits": {"bits": 0}, "tag": {"tag": 0x7777}, "no channels": {"channels": 0},
    }.items():  # fmt: skip
        with pytest.raises(MediaError, match="Hz|not known|not a video or audio|damaged"):
            read_audio(wav(tmp_path / f"{name}.wav", **header))
    assert read_audio(wav(tmp_path / "64.wav", bits=64)).samples.shape == (1, 8000)
    assert read_audio(wav(tmp_path / "16c.wav", channels=16)).samples.shape == (16, 8000)
