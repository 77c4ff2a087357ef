"""Reassemble: frames back into their clip, or joined to a video."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from comfy_api.latest import InputImpl, Types


@pytest.fixture
def original():
    """IMAGE: 50 grey frames at 25 fps."""
    return torch.full((50, 64, 96, 3), 0.25)


@pytest.fixture
def part():
    """IMAGE: 10 white frames."""
    return torch.ones(10, 64, 96, 3)


@pytest.fixture
def tone():
    """AUDIO: 0.4 s at half of full scale."""
    return {"waveform": torch.full((1, 1, 6400), 0.5), "sample_rate": 16000}


def test_frames_and_audio_become_a_video(run, part, tone, core, left):
    video, images, audio = run("LatentSyncReassemble", images=part, fps=25.0, audio=tone, return_images=True)
    clip = core.FileClip(video.get_stream_source())
    assert (len(clip), clip.fps, clip.has_audio) == (10, 25, True)
    assert torch.equal(images, part) and torch.equal(audio["waveform"], tone["waveform"])
    del video, clip
    assert left() == []


def test_a_part_goes_back_to_its_place(run, original, part, core):
    video, images, audio = run(
        "LatentSyncReassemble", images=part, fps=25.0, original_images=original, start=0.8, return_images=True
    )
    assert torch.equal(images[20:30], part)
    assert torch.equal(images[:20], original[:20]) and torch.equal(images[30:], original[30:])
    assert len(core.FileClip(video.get_stream_source())) == 50
    assert audio["waveform"].shape == (1, 1, 88200) and not audio["waveform"].any()  # neither has audio


def test_the_ends_are_cross_faded(run, original, part):
    _, images, _ = run(
        "LatentSyncReassemble", images=part, fps=25.0, original_images=original, start=0.8, fade=0.16,
        return_images=True,
    )  # fmt: skip
    levels = images[18:32].mean((1, 2, 3))
    assert levels[:2].tolist() == levels[-2:].tolist() == [0.25, 0.25]
    assert (levels[2:6].diff() > 0).all() and (levels[-6:-2].diff() < 0).all()


@pytest.mark.parametrize(("mode", "expected"), [("replace", 0.5), ("mix", 0.75), ("duck", 0.5 + 0.25 / 10)])
def test_the_audio_of_a_video_is_replaced_mixed_or_ducked(run, original, part, tone, mode, expected):
    new_audio = {"waveform": torch.full((1, 1, 32000), 0.25), "sample_rate": 16000}
    video = InputImpl.VideoFromComponents(
        Types.VideoComponents(images=original, audio=new_audio, frame_rate=25)
    )
    _, _, audio = run(
        "LatentSyncReassemble", images=part, fps=25.0, audio=tone, video=video, start=0.8, audio_mode=mode,
        **({"audio_mode.duck_db": 20.0} if mode == "duck" else {}),
    )  # fmt: skip
    samples = audio["waveform"][0, 0]
    assert samples[16000].item() == pytest.approx(expected, abs=1e-4)
    assert torch.equal(samples[:12800], new_audio["waveform"][0, 0, :12800]) and len(samples) == 32000


def test_a_trimmed_video_is_the_original(run, video, images, core):
    result, _, audio = run(
        "LatentSyncReassemble", images=images[:5], fps=25.0, video=video.as_trimmed(0.2, 0.4), start=0.1
    )
    assert len(core.FileClip(result.get_stream_source())) == 10
    assert audio["waveform"].shape[-1] == 6400


def test_images_are_given_only_when_asked_for(run, part):
    from comfy_execution.graph_utils import ExecutionBlocker

    images = run("LatentSyncReassemble", images=part, fps=25.0)[1]
    assert isinstance(images, ExecutionBlocker) and "return_images" in images.message


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"start": 1.8}, "ends"),
        ({"start": -1.0}, "start"),
        ({"audio_mode": "louder"}, "audio_mode takes replace, mix, duck"),
        ({"images": torch.ones(10, 32, 32, 3)}, "size"),
        ({"video": "another original"}, "not both"),
    ],
)
def test_what_does_not_fit_is_refused(run, original, part, core, left, change, message):
    given = {"images": part, "fps": 25.0, "original_images": original} | change
    with pytest.raises(core.LatentSyncError, match=message):
        run("LatentSyncReassemble", **given)
    assert left() == []


def test_the_middle_of_a_clip_is_dubbed(run, model, fast, images, audio, video, speaker, core):
    """Cut a part out, lip-sync it, put it back: all other frames stay what they were."""
    part = images[5:15]
    track = core.FaceTrack(speaker.points[5:15], speaker.scores[5:15])
    synced, new_audio, _, _ = run(
        "LatentSyncLipSyncFrames",
        images=part,
        audio=audio,
        fps=25.0,
        model=model,
        options=replace(fast, length="silence"),
        speaker=track,
    )
    _, whole, _ = run(
        "LatentSyncReassemble", images=synced, fps=25.0, audio=new_audio, original_images=images, start=0.2,
        return_images=True,
    )  # fmt: skip
    assert np.array_equal(whole[5:15], synced) and np.array_equal(whole[:5], images[:5])
    assert np.array_equal(whole[15:], images[15:])
