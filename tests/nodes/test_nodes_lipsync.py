"""Lip Sync (Frames) and (Video): the core's result, and ComfyUI's types around it."""

import importlib
import sys
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
import torch
from comfy_api.latest import InputImpl, Types


@pytest.fixture
def expected(core, checkpoint, images, audio):
    """The frames that the library computes of the same clip, called directly."""
    clip = core.TensorClip(images, 25)
    speech = core.Waveform(audio["waveform"][0].numpy(), 16000)
    options = core.Options(steps=2, guidance=1.0, reuse=1)
    frames = core.lip_sync(clip, speech, core.load_models(checkpoint, device="cpu"), options)
    return np.stack(list(frames))


@pytest.fixture
def sync_video(run, model, fast, video, audio, speaker):
    given = {"video": video, "audio": audio, "model": model, "options": fast, "speaker": speaker}
    return lambda **changes: run("LatentSyncLipSyncVideo", **given | changes)


def test_frames_equal_the_core_bit_for_bit(sync, images, audio, expected, left):
    result, new_audio, mask, report = sync(speaker=None)
    assert result.dtype == images.dtype and result.shape == images.shape
    assert np.array_equal(result.numpy(), expected)
    assert not np.array_equal(result.numpy(), images.numpy())
    assert new_audio is audio  # as long as the frames: handed on as it is
    assert mask.shape == images.shape[:3] and 0 < mask.max() <= 1 and mask.min() == 0
    assert torch.equal(result[mask == 0], images[mask == 0])
    assert "20 frames at 25.000 fps" in report and "tiny at 32 px on cpu" in report
    assert left() == []


def test_transparency_and_precision_come_back(sync, images):
    alpha = torch.rand(20, 192, 192, 1)
    result = sync(images=torch.cat([images, alpha], 3).half())[0]
    assert result.dtype == torch.float16 and torch.equal(result[..., 3:], alpha.half())
    assert sync(images=images.bfloat16())[0].dtype == torch.bfloat16


def test_audio_lasts_as_long_as_the_frames(run, sync, audio):
    """Shorter speech is followed by silence; in the length mode silence longer speech is cut."""
    short = {**audio, "waveform": audio["waveform"][..., :8000]}
    new_audio = sync(audio=short)[1]
    assert new_audio["waveform"].shape[-1] == 12800
    assert torch.equal(new_audio["waveform"][..., :8000], short["waveform"])
    assert not new_audio["waveform"][..., 8000:].any()
    long = {**audio, "waveform": torch.cat([audio["waveform"]] * 2, -1)}
    options = run(
        "LatentSyncOptions", **{"preset.steps": 2, "preset.guidance": 1.0, "preset.length": "silence"}
    )
    assert sync(audio=long, options=options)[1]["waveform"].shape[-1] == 12800


def test_longer_speech_makes_more_frames(sync, audio):
    long = {**audio, "waveform": torch.cat([audio["waveform"]] * 2, -1)}
    result, new_audio, mask, report = sync(audio=long)
    assert len(result) == len(mask) == 40 and new_audio is long
    assert "runs backwards and forwards until 1.60 s" in report


def test_one_image_and_a_sentence_make_a_talking_image(sync, images, audio):
    result, new_audio, mask, report = sync(images=images[:1], speaker=None)
    assert len(result) == len(mask) == 20 and new_audio is audio
    assert not torch.equal(result[3], result[12]) and torch.equal(
        result[:, :40], images[:1, :40].expand(20, -1, -1, -1)
    )
    assert "the image is shown for as long as the speech lasts" in report


def test_masks_keep_the_source_on_top(sync, images, expected):
    mask = torch.zeros(20, 192, 192)
    mask[:, :, 96:] = 1
    result, _, changed, _ = sync(protect=mask)
    assert torch.equal(result[:, :, 96:], images[:, :, 96:]) and not changed[:, :, 96:].any()
    assert np.array_equal(result[:, :, :96].numpy(), expected[:, :, :96])
    for one in (mask[0], mask[:1]):
        assert torch.equal(sync(protect=one)[0], result)


def test_masks_keep_the_source_of_a_video_on_top(sync_video, video):
    result, _ = sync_video(protect=torch.ones(1, 192, 192))
    before, after = (clip.get_components().images for clip in (video, result))
    assert (before - after).abs().mean() < 0.02  # encoded once more, and no mouth
    plain, _ = sync_video()
    assert (plain.get_components().images - after).abs().max() > 0.2


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((19, 192, 192), "19 masks and 20 frames"),
        ((20, 96, 192), "192 x 96 pixels and the frames 192 x 192"),
        ((20, 192, 192, 1), r"protect takes a MASK \(B, H, W\), got shape \(20, 192, 192, 1\)"),
    ],
)
def test_masks_that_do_not_fit_are_refused(sync, core, shape, message):
    with pytest.raises(core.LatentSyncError, match=message):
        sync(protect=torch.zeros(shape))


def test_a_speaker_saves_the_survey(sync, expected, core, monkeypatch):
    monkeypatch.setattr(sys.modules[f"{core.__name__}.pipeline"], "find_face", None)
    assert np.array_equal(sync()[0].numpy(), expected)


def test_a_speaker_of_another_clip_is_refused(sync, images, core):
    with pytest.raises(core.LatentSyncError, match="speaker has 20 frames, but the clip has 10"):
        sync(images=images[:10])


def refused(images, audio):
    rate = {"sample_rate": 16000}
    waveform = audio["waveform"]
    yield {"audio": None}, "has no audio"
    yield {"audio": {"waveform": waveform}}, r"waveform, sample_rate\), got \['waveform'\]"
    yield {"audio": "speech.wav"}, "got str"
    yield {"audio": {"waveform": waveform[..., :0], **rate}}, "no samples"
    yield (
        {"audio": {"waveform": torch.cat([waveform, waveform]), **rate}},
        r"a batch of one, .* got \(2, 1, 12800\)",
    )
    yield {"images": images[:0]}, "images is empty"
    yield {"images": images[0]}, r"got shape \(192, 192, 3\)"
    yield {"images": images[..., :2]}, r"got shape \(20, 192, 192, 2\)"
    yield {"images": images * 255}, "floats take 0..1"
    yield {"images": torch.zeros_like(images)}, "No face was found"


def test_what_cannot_be_used_is_refused_with_a_reason(sync, images, audio, core, left):
    for given, message in refused(images, audio):
        with pytest.raises(core.LatentSyncError, match=message):
            sync(speaker=None, **given)
    assert left() == []


def test_video_in_video_out(sync_video, core, left):
    result, report = sync_video()
    path = result.get_stream_source()
    clip = core.FileClip(path)
    assert (len(clip), clip.width, clip.height, clip.fps) == (20, 192, 192, 25)
    assert core.read_audio(path).sample_rate == 16000
    assert "20 re-synced" in report
    assert left() == [Path(path).name]
    trimmed = result.as_trimmed(0.2, 0.2)
    del result, path, clip
    assert len(left()) == 1  # a trimmed copy needs the file as well
    del trimmed
    assert left() == []


def test_the_trim_of_a_video_is_honoured(sync_video, video, audio, core):
    said = {**audio, "waveform": audio["waveform"][..., :6400]}
    result, _ = sync_video(video=video.as_trimmed(0.2, 0.4), audio=said, speaker=None)
    assert len(core.FileClip(result.get_stream_source())) == 10


@pytest.fixture
def written(core, monkeypatch):
    """Every frame that goes to a file, before x264, whose bytes differ from run to run on some processors."""
    frames = []
    movie = importlib.import_module(f"{core.__name__}.media.movie").MovieWriter
    write = movie.write
    monkeypatch.setattr(
        movie, "write", lambda self, frame, time: (frames.append(np.array(frame)), write(self, frame, time))
    )
    return frames


def test_videos_without_a_file(sync_video, video, images, written, left):
    """A video in memory gives the same as the file, as bytes exactly, as tensors but for their rounding."""
    content = BytesIO(Path(video.get_stream_source()).read_bytes())
    tensors = Types.VideoComponents(images=images, audio=None, frame_rate=Fraction(25))
    del written[:]  # the fixture's video
    for form in video, InputImpl.VideoFromFile(content), InputImpl.VideoFromComponents(tensors):
        sync_video(video=form)
    file, in_bytes, in_tensors = (np.stack(written[at : at + 20]) for at in (0, 20, 40))
    assert np.array_equal(in_bytes, file)
    assert np.abs(in_tensors * 255 - file).max() < 1
    assert left() == []


def test_a_failed_video_leaves_nothing(sync_video, core, left):
    nobody = core.FaceTrack.from_points(np.full((20, 3, 2), np.nan))
    with pytest.raises(core.LatentSyncError, match="None of the 20 frames"):
        sync_video(speaker=nobody)
    assert left() == []
