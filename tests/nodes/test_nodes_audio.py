"""Load Audio, and what becomes of audio on its way."""

import mimetypes
import shutil
import wave

import av
import numpy as np
import pytest
import torch


@pytest.fixture
def tone(home):
    """input/tone.wav: 2 s, stereo, 44.1 kHz, quiet."""
    seconds = np.arange(88200) / 44100
    samples = np.stack([np.sin(2 * np.pi * 440 * seconds), np.sin(2 * np.pi * 660 * seconds)], 1)
    with wave.open(str(home / "input" / "tone.wav"), "wb") as file:
        file.setparams((2, 2, 44100, 0, "NONE", ""))
        file.writeframes((samples * 1000).astype("<i2").tobytes())
    return samples.astype(np.float32).T * np.float32(1000 / 32768)


def test_rate_channels_and_samples_are_kept(run, tone):
    audio, duration = run("LatentSyncLoadAudio", audio="tone.wav")
    assert (audio["sample_rate"], duration) == (44100, 2.0)
    assert audio["waveform"].shape == (1, 2, 88200) and audio["waveform"].dtype == torch.float32
    assert np.abs(audio["waveform"][0].numpy() - tone).max() < 1 / 32000


def test_a_part_can_be_loaded(run, tone):
    whole, _ = run("LatentSyncLoadAudio", audio="tone.wav")
    part, duration = run("LatentSyncLoadAudio", audio="tone.wav", start=0.5, duration=0.25)
    assert duration == 0.25
    assert torch.equal(part["waveform"], whole["waveform"][..., 22050:33075])


def test_loudness_is_one_gain(run, tone):
    quiet, _ = run("LatentSyncLoadAudio", audio="tone.wav")
    louder, _ = run("LatentSyncLoadAudio", audio="tone.wav", normalize="-23 LUFS")
    loudest, _ = run("LatentSyncLoadAudio", audio="tone.wav", normalize="-16 LUFS")
    gain = louder["waveform"].abs().max() / quiet["waveform"].abs().max()
    assert torch.allclose(louder["waveform"], quiet["waveform"] * gain, atol=1e-6)
    ratio = float(loudest["waveform"].abs().max() / louder["waveform"].abs().max())
    assert ratio == pytest.approx(10 ** (7 / 20), rel=1e-3)


def test_the_audio_of_a_video(run, video, audio):
    loaded, duration = run("LatentSyncLoadAudio", audio="talk ünï.mkv")
    assert duration == pytest.approx(0.8, abs=0.01) and loaded["sample_rate"] == 16000


@pytest.mark.parametrize(
    ("suffix", "container", "codec", "rate"),
    [
        ("wav", "wav", "pcm_s16le", 44100),
        ("mp3", "mp3", "libmp3lame", 44100),
        ("aac", "adts", "aac", 44100),
        ("m4a", "ipod", "aac", 44100),
        ("flac", "flac", "flac", 44100),
        ("ogg", "ogg", "libopus", 48000),
    ],
)
def test_every_usual_kind_of_file(run, nodes, home, tone, suffix, container, codec, rate):
    """Offered in the menu, and read at its own rate and channels; encoders may add some milliseconds."""
    name = f"speech.{suffix.upper()}"
    frame = av.AudioFrame.from_ndarray(np.ascontiguousarray(tone), "fltp", "stereo")
    frame.sample_rate = 44100
    with av.open(str(home / "input" / name), "w", format=container) as file:
        stream = file.add_stream(codec, rate=rate, layout="stereo")
        file.mux([*stream.encode(frame), *stream.encode(None)])
    assert name in nodes["LatentSyncLoadAudio"].define_schema().inputs[0].options
    audio, duration = run("LatentSyncLoadAudio", audio=name)
    assert (audio["sample_rate"], audio["waveform"].shape[1]) == (rate, 2)
    assert 2 <= duration < 2.1
    assert audio["waveform"].std() == pytest.approx(tone.std(), rel=0.05)


def test_the_menu_does_not_depend_on_the_systems_list_of_types(nodes, home, tone, monkeypatch):
    monkeypatch.setattr(mimetypes, "guess_type", lambda *args, **kwargs: (None, None))
    assert nodes["LatentSyncLoadAudio"].define_schema().inputs[0].options == ["tone.wav"]


@pytest.mark.parametrize(
    "name", ["../secret.wav", "sub/../../secret.wav", "{home}/secret.wav", "../secret.wav [output]"]
)
def test_names_do_not_lead_out_of_comfyuis_folders(run, nodes, core, home, tone, name):
    shutil.copy(home / "input" / "tone.wav", home / "secret.wav")
    name = name.format(home=home)
    assert "is not in the input folder" in nodes["LatentSyncLoadAudio"].validate_inputs(audio=name)
    with pytest.raises(core.LatentSyncError, match="is not in the input folder"):
        run("LatentSyncLoadAudio", audio=name)


def test_the_menu_shows_audio_and_video_files(nodes, tone, video, home):
    (home / "input" / "notes.txt").write_text("no audio")
    assert nodes["LatentSyncLoadAudio"].define_schema().inputs[0].options == ["talk ünï.mkv", "tone.wav"]


def test_a_missing_file_is_refused(nodes, home, tone):
    valid = nodes["LatentSyncLoadAudio"].validate_inputs
    assert valid(audio="tone.wav") is valid() is True
    assert "'gone.wav' is not in the input folder" in valid(audio="gone.wav")


def test_a_changed_file_is_loaded_again(nodes, home, tone):
    mark = nodes["LatentSyncLoadAudio"].fingerprint_inputs
    before = mark(audio="tone.wav", start=0.0, duration=0.0, normalize="off")
    (home / "input" / "tone.wav").write_bytes(b"longer or shorter")
    assert mark(audio="tone.wav", start=0.0) != before
    assert mark(audio=None) == mark(audio="gone.wav") == ""


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": -1.0}, "start >= 0"),
        ({"start": 5.0}, "no audio from second 5"),
        ({"normalize": "loud"}, "normalize"),
    ],
)
def test_what_cannot_be_loaded_is_refused(run, tone, core, change, message):
    with pytest.raises(core.LatentSyncError, match=message):
        run("LatentSyncLoadAudio", audio="tone.wav", **change)


def test_conversion_there_and_back(bridge):
    media = bridge("media")
    audio = {"waveform": torch.rand(1, 2, 100, dtype=torch.float64), "sample_rate": 48000}
    waveform = media.waveform_of(audio)
    assert waveform.samples.dtype == np.float32 and waveform.samples.shape == (2, 100)
    assert torch.equal(media.audio_of(waveform)["waveform"], audio["waveform"].float())
