"""Audio that changes, is joined or cannot be decoded in parts."""

import logging

import av
import numpy as np
import pytest
from media_files import make_audio, make_video, still, tone, write
from odd_files import RATE, burst_times, bursts, retimed, wav

from latentsync_core.data import Waveform
from latentsync_core.errors import MediaError
from latentsync_core.media import FileClip, read_audio, to_mono_16k
from latentsync_core.media.audio import resample


def joined(path, *parts):
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


@pytest.mark.parametrize(
    "first,second", [((1, 44100), (2, 44100)), ((2, 44100), (1, 44100)), ((2, 44100), (1, 22050))]
)
def test_audio_that_changes_its_channels_or_rate_plays_on(tmp_path, caplog, first, second):
    parts = [
        make_audio(tmp_path / f"{k}.aac", "aac", bursts(3, rate, channels), rate, container="adts")
        for k, (channels, rate) in enumerate((first, second))
    ]
    with caplog.at_level(logging.WARNING):
        audio = read_audio(joined(tmp_path / "two.aac", *parts))
    assert (
        len(audio.samples),
        audio.sample_rate,
    ) == first and "changes its audio" in caplog.text
    assert audio.duration == pytest.approx(6, abs=0.2)
    found = burst_times(audio)
    assert len(found) == 12 and found[7] - found[6] == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(
    "name,codec,rate",
    [
        ("m.mp3", "libmp3lame", 44100),
        ("p.ogg", "libopus", 48000),
        ("f.ogg", "flac", 44100),
    ],
)
def test_joined_files_play_one_after_the_other(tmp_path, caplog, name, codec, rate):
    part = make_audio(tmp_path / f"one{name}", codec, bursts(3, rate), rate)
    with caplog.at_level(logging.WARNING):
        audio = read_audio(joined(tmp_path / name, part, part, part))
    assert audio.duration == pytest.approx(9, abs=0.3) and len(burst_times(audio)) == 18
    assert caplog.records


def test_damage_is_left_out_unless_it_is_most_of_the_audio(tmp_path, caplog):
    part = make_audio(tmp_path / "one.mp3", "libmp3lame", bursts(3, 44100), 44100)
    data = part.read_bytes()
    (tmp_path / "junk.mp3").write_bytes(data[:9000] + bytes(range(1, 250)) * 20 + data[9000:])
    with caplog.at_level(logging.WARNING):
        assert len(burst_times(read_audio(tmp_path / "junk.mp3"))) >= 5
    audio = make_audio(tmp_path / "s.m4a", "aac", bursts(3), RATE)
    data = bytearray(audio.read_bytes())
    start, end = data.index(b"mdat") + 500, data.index(b"moov") - 4
    data[start:end] = bytes((7 * k * k) % 251 for k in range(end - start))
    audio.write_bytes(data)
    with pytest.raises(MediaError, match="packets cannot be decoded"):
        read_audio(audio)


@pytest.mark.parametrize("codec,name", [("pcm_s64le", "a.wav"), ("pcm_f64le", "b.wav"), ("pcm_u8", "c.wav")])
def test_every_sample_format_is_read(tmp_path, codec, name):
    samples = tone(0.5, 16000, 1)
    got = read_audio(make_audio(tmp_path / name, codec, samples, 16000)).samples
    np.testing.assert_allclose(got, samples, atol=1e-2 if codec == "pcm_u8" else 1e-6)


@pytest.mark.parametrize("channels", [8, 9, 16, 24])
def test_many_channels_are_read(tmp_path, channels):
    audio = read_audio(wav(tmp_path / "many.wav", channels=channels))
    assert audio.samples.shape == (channels, 8000)
    loud = Waveform(np.full((channels, 16000), 0.25, np.float32), 16000)
    assert np.abs(to_mono_16k(loud)[2000:-2000]).mean() > 0.1
    for wanted in (1, 2, 16):
        assert resample(loud, 48000, wanted).shape == (wanted, 48000)


def test_eight_planes_are_read(tmp_path):
    path, samples = tmp_path / "8.m4a", np.repeat(bursts(1), 8, 0)
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=RATE, layout="7.1")
        frame = av.AudioFrame(format="flt", layout="7.1", samples=samples.shape[1])
        frame.planes[0].update(samples.T.tobytes())
        frame.sample_rate, frame.pts = RATE, 0
        fit = av.AudioResampler("fltp", "7.1", RATE, 1024)
        for piece in [*fit.resample(frame), *fit.resample(None), None]:
            output.mux(stream.encode(piece))
    assert len(read_audio(path).samples) == 8


def test_codecs_that_are_not_known_are_named_as_the_cause(tmp_path):
    video = make_video(tmp_path / "v.mp4", count=5)
    video.write_bytes(video.read_bytes().replace(b"avc1", b"zzzz"))
    with pytest.raises(MediaError, match="codec that is not known"):
        FileClip(video)
    audio = make_audio(tmp_path / "s.m4a", "alac", tone(0.5), 44100)
    audio.write_bytes(audio.read_bytes().replace(b"alac", b"zzzz"))
    with pytest.raises(MediaError, match="codec that is not known"):
        read_audio(audio)


@pytest.mark.parametrize("name", ["two.mp3", "two.aac", "jump.mkv"])
def test_audio_that_players_would_stumble_over_is_encoded_anew(tmp_path, name):
    """The result plays as what was read, and is no longer."""
    kind = {"mp3": ("libmp3lame", "mp3"), "aac": ("aac", "adts"), "mkv": ("aac", "matroska")}[
        name.split(".")[1]
    ]
    parts = [
        make_audio(tmp_path / f"{k}", kind[0], bursts(3, 44100, k), 44100, container=kind[1]) for k in (1, 2)
    ]
    path = tmp_path / name
    if name == "jump.mkv":
        retimed(parts[0], path, lambda _, t: t + (10**7 if t > 1.5 else 0))
    else:
        joined(path, *parts)
    out = write(tmp_path / "out.mp4", still(200), audio=path)
    found, given = burst_times(read_audio(out)), burst_times(read_audio(path))
    assert len(found) == len(given) >= 6
    np.testing.assert_allclose(found, given, atol=0.03)
