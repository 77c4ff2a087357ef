"""Audio in: the file's own samples, aligned with its video, and the speech encoder's 16 kHz."""

import wave

import av
import numpy as np
import pytest
from media_files import add_audio, audio_packets, make_audio, make_video, tone

from latentsync_core.data import Waveform
from latentsync_core.errors import InputError, MediaError
from latentsync_core.media import read_audio, to_mono_16k

FILES = {
    "a.wav": ("pcm_s16le", 44100, 1e-4),
    "b.wav": ("pcm_f32le", 22050, 0),
    "c.flac": ("flac", 48000, 1e-4),
    "d.m4a": ("aac", 44100, 0.02),
    "e.mp3": ("libmp3lame", 44100, 0.02),
    "f.ogg": ("libopus", 48000, 0.02),
    "g.mka": ("aac", 16000, 0.02),
}


@pytest.mark.parametrize("name", FILES)
def test_samples_come_back_at_their_own_rate_and_place(tmp_path, name):
    codec, rate, tolerance = FILES[name]
    if name == "g.mka" and int(av.__version__.split(".")[0]) < 18:
        pytest.skip("PyAV before 18 writes Matroska without saying how long AAC takes to start up")
    samples = tone(1.3, rate)
    got = read_audio(make_audio(tmp_path / name, codec, samples, rate))
    assert got.sample_rate == rate and len(got.samples) == 2
    n = samples.shape[1]
    # Only mp4 and mp3 say where the padding of the last packet begins.
    assert n <= got.samples.shape[1] <= n + (2048 if name == "g.mka" else 0)
    middle = slice(2000, n - 2000)
    assert np.abs(got.samples[:, middle] - samples[:, middle]).mean() <= tolerance


def test_raw_aac_and_many_channels(tmp_path):
    raw = read_audio(make_audio(tmp_path / "r.aac", "aac", tone(1), 44100, container="adts"))
    assert raw.samples.shape[1] >= 44100
    surround = tone(0.5, 48000, channels=6)
    got = read_audio(make_audio(tmp_path / "s.wav", "pcm_f32le", surround, 48000))
    np.testing.assert_array_equal(got.samples, surround)
    assert to_mono_16k(got).shape == (8000,)


@pytest.mark.parametrize("start,duration", [(0.0, 0.5), (0.25, None), (0.3, 0.4), (0.9, 5.0)])
def test_a_part_is_the_same_as_that_part_of_the_whole(tmp_path, start, duration):
    path = make_audio(tmp_path / "a.m4a", "aac", tone(1), 44100)
    whole, part = read_audio(path).samples, read_audio(path, start, duration).samples
    first = round(start * 44100)
    last = None if duration is None else first + round(duration * 44100)
    np.testing.assert_array_equal(part, whole[:, first:last])


def test_a_part_shorter_than_a_sample_is_nothing(tmp_path):
    path = make_audio(tmp_path / "a.wav", "pcm_s16le", tone(1), 44100)
    with pytest.raises(MediaError, match="no audio from second 0 on"):
        read_audio(path, 0.0, 1e-6)


def test_a_file_without_a_sample_is_told_from_a_start_beyond_the_end(tmp_path):
    path = tmp_path / "a.wav"
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(44100)
    with pytest.raises(
        MediaError, match="a.wav has an audio stream without a sample; choose another file"
    ) as caught:
        read_audio(path)
    assert "start" not in str(caught.value)


@pytest.mark.parametrize(
    "start,duration", [(-1, None), (float("nan"), 1), (float("inf"), 1), (0, 0), (0, float("inf"))]
)
def test_parts_that_are_none_are_refused(tmp_path, start, duration):
    path = make_audio(tmp_path / "a.wav", "pcm_s16le", tone(0.1), 44100)
    with pytest.raises(InputError, match="Audio is read from a start >= 0"):
        read_audio(path, start, duration)


def test_second_zero_is_where_the_video_starts(tmp_path):
    video = make_video(tmp_path / "v.mp4")
    audio = make_audio(tmp_path / "a.wav", "pcm_s16le", tone(1), 44100)
    samples = read_audio(audio).samples
    late_video = read_audio(add_audio(video, audio, tmp_path / "p.mkv", video_offset=0.25)).samples
    # Matroska keeps times to the millisecond.
    shift = samples.shape[1] - late_video.shape[1]
    assert shift == pytest.approx(0.25 * 44100, abs=45)
    np.testing.assert_array_equal(late_video, samples[:, shift:])


def test_audio_that_starts_late_is_preceded_by_silence(tmp_path):
    video = make_video(tmp_path / "v.mp4")
    audio = make_audio(tmp_path / "a.wav", "pcm_s16le", tone(1), 44100)
    both = read_audio(add_audio(video, audio, tmp_path / "p.mkv", video_offset=-0.2)).samples
    gap = both.shape[1] - 44100
    assert gap == pytest.approx(0.2 * 44100, abs=45) and not both[:, :gap].any()
    np.testing.assert_array_equal(both[:, gap:], read_audio(audio).samples)


def test_silence_is_audio(tmp_path):
    path = make_audio(tmp_path / "s.m4a", "aac", np.zeros((1, 22050), np.float32), 44100)
    assert read_audio(path).duration == pytest.approx(0.5) and not read_audio(path).samples.any()


def test_files_without_usable_audio_are_refused(tmp_path):
    with pytest.raises(MediaError, match="no audio stream"):
        read_audio(make_video(tmp_path / "mute.mp4", count=3))
    wav = make_audio(tmp_path / "a.wav", "pcm_s16le", tone(0.1), 44100)
    (tmp_path / "header.wav").write_bytes(wav.read_bytes()[:78])
    (tmp_path / "noise.mp3").write_bytes(bytes(range(1, 200)) * 20)
    for name, message in (
        ("header.wav", "without a sample"),
        ("noise.mp3", "not a video or audio|damaged|no audio"),
    ):
        with pytest.raises(MediaError, match=message):
            read_audio(tmp_path / name)
    with pytest.raises(MediaError, match="no audio from second 5"):
        read_audio(wav, start=5)
    for start, duration in ((-1, None), (0, 0), (0, float("nan"))):
        with pytest.raises(InputError):
            read_audio(wav, start, duration)


def test_mono_16k_audio_is_unchanged(tmp_path):
    samples = np.round(tone(1.2, 16000, 1) * 32767).astype(np.int16)
    path = make_audio(tmp_path / "m.wav", "pcm_s16le", (samples / 32768).astype(np.float32), 16000)
    got = to_mono_16k(read_audio(path))
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, samples[0] / np.float32(32768))


def test_stereo_44k_is_mixed_and_resampled():
    mono = tone(2.0, 44100, 1)
    got = to_mono_16k(Waveform(np.concatenate([mono, mono]), 44100))
    assert len(got) == 32000
    t = np.arange(32000) / 16000
    expected = 0.5 * np.sin(2 * np.pi * (200 + 90 * t) * t)
    assert np.abs(got - expected)[200:-200].max() < 1e-3
    np.testing.assert_array_equal(got * 32768, np.rint(got * 32768))
    opposite = to_mono_16k(Waveform(np.concatenate([mono, -mono]), 44100))
    assert np.abs(opposite).max() <= 1 / 32768


def test_audio_without_a_sample_is_refused():
    with pytest.raises(InputError, match="empty"):
        to_mono_16k(Waveform(np.zeros((1, 0), np.float32), 16000))


def test_real_speech(real_speech, talking_head):
    speech = read_audio(real_speech)
    assert (len(speech.samples), speech.sample_rate) == (1, 16000) and 19 < speech.duration < 20.5
    np.testing.assert_array_equal(to_mono_16k(speech), speech.samples[0])
    assert read_audio(talking_head).duration == pytest.approx(20.08, abs=0.1)
    assert audio_packets(talking_head)
