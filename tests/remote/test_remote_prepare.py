"""The media of a job: what passes, what is encoded, and that fingerprints follow the content."""

import os
import wave
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from latentsync_core import FileClip, TensorClip, Waveform, open_writer
from latentsync_core.errors import BadInputError, MediaError, OptionError
from latentsync_core.media import video as video_module
from latentsync_core.remote import RemoteJob
from latentsync_core.remote import prepare as preparing
from latentsync_core.remote.prepare import prepare_upload
from latentsync_core.remote.sources import open_job_media
from latentsync_core.remote.threads import Halted, Work

GO = Work()
TONE = Waveform(np.sin(np.arange(44100 * 2, dtype=np.float32)[None] / 9).repeat(2, 0) * 0.5, 44100)


def frames(count=6, size=(48, 64), shift=0):
    rows = np.arange(size[0] * size[1] * 3, dtype=np.uint8).reshape(1, *size, 3)
    return np.concatenate([rows + index * 9 + shift for index in range(count)])


def movie(path, fps=Fraction(20), audio=None):
    with open_writer(path, 48, 64, fps, audio=audio) as writer:
        for index, frame in enumerate(frames()):
            writer.write(frame, float(index / fps))
    return path


@pytest.fixture
def look(tmp_path, clip, speech):
    def look(video=clip, audio=speech, **more):
        media = open_job_media(RemoteJob(video, audio, tmp_path / "out.mp4", **more), GO)
        return media.video, media.audio

    return look


def test_good_files_pass_untouched(look, clip, speech, tmp_path):
    video, audio = look()
    assert (video.suffix, audio.suffix) == ("mp4", "wav") and audio.seconds == 2.0
    for source, path, name, mime in (
        (video, clip, "video.mp4", "video/mp4"),
        (audio, speech, "audio.wav", "audio/wav"),
    ):
        media = prepare_upload(source, tmp_path, GO)
        assert (media.path, media.name, media.mime, media.size) == (path, name, mime, path.stat().st_size)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.name == "nt", reason="Windows has no colon in names")
def test_names_that_look_like_protocols_are_files(look, clip, speech, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    names = Path("12:30"), Path("pipe:0")
    for name, file in zip(names, (clip, speech), strict=True):
        name.write_bytes(file.read_bytes())
    assert [source.suffix for source in look(*names)] == ["mp4", "wav"]


def test_other_videos_are_encoded_at_their_own_rate(look, tmp_path):
    video, _ = look(video=movie(tmp_path / "in.mkv"))
    assert video.suffix == ""
    made = prepare_upload(video, tmp_path, GO)
    again, before = FileClip(made.path), FileClip(tmp_path / "in.mkv")
    assert again.fps == before.fps == 20 and len(again) == 6
    assert look(video=made.path)[0].suffix == "mp4"


def test_a_file_is_opened_once(look, tmp_path, monkeypatch):
    opened, build_index = [], video_module.build_index
    monkeypatch.setattr(video_module, "build_index", lambda path: opened.append(path) or build_index(path))
    path = movie(tmp_path / "in.mkv")
    prepare_upload(look(video=path)[0], tmp_path, GO)
    assert opened == [path]
    prepare_upload(look(video=FileClip(path))[0], tmp_path, GO)
    assert opened == [path, path]


def test_a_file_that_was_opened_before_is_the_same_video(look, clip):
    as_path, as_clip = look()[0], look(video=FileClip(clip))[0]
    assert (as_clip.sha256, as_clip.suffix, as_clip.file) == (as_path.sha256, "mp4", as_path.file)


def test_a_mov_does_not_pass_as_an_mp4(look, tmp_path):
    assert look(video=movie(tmp_path / "in.mov"))[0].suffix == ""


def test_frames_are_encoded_at_their_own_rate(look, tmp_path):
    video, _ = look(video=TensorClip(frames(), Fraction(12)))
    assert video.seconds == 0.5
    made = FileClip(prepare_upload(video, tmp_path, GO).path)
    assert (made.fps, len(made), made.width, made.height) == (12, 6, 64, 48)


def test_samples_become_a_wav_of_exactly_their_length(look, tmp_path):
    _, audio = look(audio=TONE)
    with wave.open(str(prepare_upload(audio, tmp_path, GO).path)) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (44100, 2, 2)
        assert file.getnframes() == 88200
        read = np.frombuffer(file.readframes(88200), "<i2").reshape(-1, 2).T / 32767
    assert np.abs(read - TONE.samples).max() <= 0.51 / 32767


@pytest.mark.parametrize(
    ("form", "codec", "passes"),
    [("mp3", "mp3", "mp3"), ("adts", "aac", "aac"), ("ipod", "aac", "m4a"), ("flac", "flac", "")],
)
def test_audio_files(look, tmp_path, form, codec, passes):
    path = tmp_path / "audio"
    with av.open(str(path), "w", format=form) as container:
        stream = container.add_stream(codec, rate=44100, layout="stereo")
        frame = av.AudioFrame.from_ndarray(TONE.samples, format="fltp", layout="stereo")
        frame.sample_rate = 44100
        resampler = av.AudioResampler(
            stream.codec_context.format, "stereo", 44100, stream.codec_context.frame_size
        )
        for piece in [*resampler.resample(frame), *resampler.resample(None), None]:
            container.mux(stream.encode(piece))
    _, audio = look(audio=path)
    assert audio.suffix == passes and abs(audio.seconds - 2) < 0.1
    media = prepare_upload(audio, tmp_path, GO)
    assert media.name == f"audio.{passes or 'wav'}"


def test_the_sound_of_a_video_is_taken_out(look, tmp_path):
    _, audio = look(audio=movie(tmp_path / "in.mp4", audio=TONE))
    assert audio.suffix == "" and prepare_upload(audio, tmp_path, GO).name == "audio.wav"


def test_fingerprints_follow_the_content(look, tmp_path, clip):
    video, audio = look()
    copied = tmp_path / "another name.mp4"
    copied.write_bytes(clip.read_bytes())
    assert look(video=copied)[0].sha256 == video.sha256
    prints = {
        look(video=TensorClip(pixels, fps), audio=audio)[which].sha256
        for which, pixels, fps, audio in (
            (0, frames(), 12, TONE), (0, frames(), 25, TONE), (0, frames(shift=1), 12, TONE),
            (1, frames(), 12, TONE), (1, frames(), 12, Waveform(TONE.samples, 48000)),
            (1, frames(), 12, Waveform(TONE.samples[:1], 44100)),
        )
    }  # fmt: skip
    assert len(prints) == 6
    same = [look(video=TensorClip(frames(), 12), audio=TONE) for _ in range(2)]
    assert same[0][0].sha256 == same[1][0].sha256 and same[0][1].sha256 == same[1][1].sha256


def test_bad_media_are_refused_before_anything_is_sent(look, tmp_path, clip):
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "text.wav").write_text("no audio")
    with pytest.raises(MediaError, match="no audio stream"):
        look(audio=clip)
    with pytest.raises(MediaError, match="empty"):
        look(video=tmp_path / "empty.mp4")
    with pytest.raises(MediaError, match=r"text\.wav"):
        look(audio=tmp_path / "text.wav")
    with pytest.raises(BadInputError, match="The audio is empty"):
        look(audio=Waveform(np.zeros((1, 0), np.float32), 8000))
    with pytest.raises(BadInputError, match="takes 2 to 10 seconds, and the video has"):
        look(model="kwaivgi/kling-lipsync/audio-to-video")


def test_a_file_that_is_too_large(look, tmp_path, monkeypatch, caplog):
    video, _ = look()
    monkeypatch.setattr(preparing, "WARN_BYTES", 10)
    prepare_upload(video, tmp_path, GO)
    assert "allows 100 MB only" in caplog.text
    monkeypatch.setattr(preparing, "MAX_BYTES", 20)
    with pytest.raises(BadInputError, match="Cut it"):
        prepare_upload(video, tmp_path, GO)


def test_threads_stop_when_they_are_asked_to(look, tmp_path):
    halt = Work(halted=True)
    with pytest.raises(Halted):
        open_job_media(RemoteJob(TensorClip(frames(), 12), TONE, tmp_path / "out.mp4"), halt)
    video, _ = look(video=TensorClip(frames(), 12))
    with pytest.raises(Halted):
        prepare_upload(video, tmp_path, halt)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "wrong",
    [{"take": 0}, {"output": "out.mkv"}, {"model": "Nope"}, {"params": {"sync_mode": "loop"}},
     {"model": "sync/lipsync-3", "params": {"sync_mode": "never"}}, {"max_cost_usd": -1}],
)  # fmt: skip
def test_a_job_checks_itself(tmp_path, clip, speech, wrong):
    from decimal import Decimal

    values = {"output": "out.mp4", "max_cost_usd": 1} | wrong
    values |= {"output": tmp_path / values["output"], "max_cost_usd": Decimal(values["max_cost_usd"])}
    with pytest.raises(OptionError):
        RemoteJob(clip, speech, **values)
