"""What one run found out is not worked out again by the next, until ComfyUI restarts."""

import importlib
import os
from fractions import Fraction
from io import BytesIO
from pathlib import Path

import comfy.model_management as mm
import pytest
import torch
from comfy_api.latest import InputImpl, Types
from comfy_setup import PACK


@pytest.fixture
def steps(model, plain_network, monkeypatch):
    """A list that grows with every step of denoising; `stop_at` interrupts before that one."""

    class Steps(list):
        stop_at = None

    made = Steps()
    forward = type(model.models.unet).forward

    def counted(self, *args, **kwargs):
        made.append(1)
        if len(made) == made.stop_at:
            mm.interrupt_current_processing()
        return forward(self, *args, **kwargs)

    monkeypatch.setattr(type(model.models.unet), "forward", counted)
    yield made
    mm.interrupt_current_processing(False)


@pytest.fixture
def surveys(monkeypatch):
    """The sizes of the clips that are looked through."""
    speakers = importlib.import_module(f"{PACK}.latentsync_core.speakers")
    look, seen = speakers.survey, []

    def counted(clip, *rest):
        seen.append(len(clip.times))
        return look(clip, *rest)

    monkeypatch.setattr(speakers, "survey", counted)
    return seen


def test_a_stopped_run_goes_on_after_another_one_succeeded(sync, steps, images, kept):
    steps.stop_at = 3
    with pytest.raises(mm.InterruptProcessingException):
        sync()
    assert len(kept("window")) == 1
    sync(images=images.flip(0), speaker=None)
    steps[:], steps.stop_at = [], None
    resumed = sync()[0]
    assert len(steps) == 2  # the second window only
    for path in kept("window"):
        assert path.endswith(".safetensors")
    assert torch.equal(resumed, sync()[0]) and len(steps) == 2


def test_another_seed_guidance_audio_or_preset_needs_no_new_survey(run, sync, audio, surveys):
    quiet = {**audio, "waveform": audio["waveform"] / 2}
    options = run("LatentSyncOptions", preset="draft", **{"preset.steps": 1, "preset.guidance": 1.5})
    for changes in ({}, {"seed": 5}, {"options": options}, {"audio": quiet}):
        sync(speaker=None, **changes)
    assert surveys == [20]


def test_two_faces_nodes_on_one_clip_survey_it_once(run, sync, images, surveys):
    first = run("LatentSyncFaces", images=images)
    second = run("LatentSyncFaces", images=images.clone(), choose="left")
    assert surveys == [20]
    assert torch.equal(first[1], second[1]) and first[2] == second[2]
    assert torch.equal(sync(speaker=second[0])[0], sync(speaker=None)[0])
    assert surveys == [20]


def test_any_changed_frame_is_another_clip(run, images, surveys):
    changed = images.clone()
    changed[7, 100, 100] += 0.01
    for clip in images, changed, images[:16], images.flip(0):
        run("LatentSyncFaces", images=clip)
    assert surveys == [20, 20, 16, 20]


def test_videos_are_known_again_in_every_form(run, video, images, surveys):
    content = Path(video.get_stream_source()).read_bytes()
    tensors = Types.VideoComponents(images=images, audio=None, frame_rate=Fraction(25))
    forms = [
        lambda: InputImpl.VideoFromFile(video.get_stream_source()),
        lambda: InputImpl.VideoFromFile(BytesIO(content)),
        lambda: InputImpl.VideoFromComponents(tensors),
        lambda: video.as_trimmed(0.2, 0.4),
    ]
    for form in forms:
        for _ in range(2):
            run("LatentSyncFaces", video=form())
    assert surveys == [20, 20, 20, 10]


def test_a_file_that_was_written_again_is_another_clip(run, video, surveys):
    path = video.get_stream_source()
    run("LatentSyncFaces", video=video)
    os.utime(path, (1, 1))
    run("LatentSyncFaces", video=video)
    assert surveys == [20, 20]


def test_what_was_not_used_for_longest_goes_first(run, images, kept, bridge, monkeypatch, home):
    clips = [images[:first] for first in (4, 5, 6)]
    for age, clip in enumerate(clips):
        before = set(kept("survey"))
        run("LatentSyncFaces", images=clip)
        (new,) = set(kept("survey")) - before
        os.utime(home / "temp" / "latentsync_kept" / new, (age, age))
    names = set(kept("survey"))
    run("LatentSyncFaces", images=clips[0])  # used again
    size = (home / "temp" / "latentsync_kept" / new).stat().st_size
    monkeypatch.setattr(bridge("temp"), "KEPT_BYTES", 2 * size)
    run("LatentSyncFaces", images=clips[2])
    assert len(kept("survey")) == 2 and names - set(kept("survey")) != {new}


def test_a_damaged_survey_is_made_again(run, images, kept, home, surveys, caplog):
    run("LatentSyncFaces", images=images)
    (name,) = kept("survey")
    (home / "temp" / "latentsync_kept" / name).write_bytes(b"")
    run("LatentSyncFaces", images=images)
    assert surveys == [20, 20] and "is made again" in caplog.text
