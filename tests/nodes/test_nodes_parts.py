"""Lip Sync (Frames) on frames that continue a clip: by audio_start, and by VideoHelperSuite's Meta Batch Manager."""

from types import SimpleNamespace

import pytest
import torch

MANAGER = SimpleNamespace(unique_id="3", frames_per_batch=8)


@pytest.fixture
def sync(run, model, fast, images, audio, speaker, core):
    """Lip Sync (Frames) on frames first..last, and what differs."""

    def call(first, last, **changes):
        track = core.FaceTrack(speaker.points[first:last], speaker.scores[first:last])
        given = {"audio": audio, "fps": 25.0, "model": model, "options": fast, "speaker": track}
        return run("LatentSyncLipSyncFrames", images=images[first:last], **given | changes)

    return call


def requeued(times):
    """The prompt of a later batch: VideoHelperSuite counts in the manager's inputs."""
    return {"3": {"class_type": "VHS_BatchManager", "inputs": {"frames_per_batch": 8, "requeue": times}}}


def test_a_later_part_hears_its_own_part_of_the_speech(sync, audio):
    images, new_audio, mask, report = sync(8, 16, audio_start=0.32)
    assert len(images) == len(mask) == 8
    assert (
        torch.equal(new_audio["waveform"], audio["waveform"][..., 5120:10240])
        and new_audio["sample_rate"] == 16000
    )
    assert "takes the speech from 0.32 s on" in report
    assert not torch.equal(images, sync(8, 16)[0][:8])


def test_after_the_speech_a_part_is_silent(sync, audio):
    images, new_audio, _, report = sync(0, 16, audio_start=0.5)
    assert len(images) == 16 and new_audio["waveform"].shape[-1] == 10240
    assert torch.equal(new_audio["waveform"][..., :4800], audio["waveform"][..., 8000:])
    assert not new_audio["waveform"][..., 4800:].any()
    assert "the last 0.34 s are silent" in report
    assert not sync(0, 10, audio_start=60.0)[1]["waveform"].any()


@pytest.mark.parametrize("batch", [0, 1])
def test_meta_batches_hear_their_own_part(sync, batch):
    by_hand = sync(8 * batch, 8 * batch + 8, audio_start=0.32 * batch + 0.08)
    managed = sync(8 * batch, 8 * batch + 8, audio_start=0.08, meta_batch=MANAGER, prompt=requeued(batch))
    assert torch.equal(managed[0], by_hand[0]) and torch.equal(managed[2], by_hand[2])
    assert torch.equal(managed[1]["waveform"], by_hand[1]["waveform"])


def test_the_first_meta_batch_is_not_made_longer(sync):
    first = {"class_type": "VHS_BatchManager", "inputs": {"frames_per_batch": 8}}
    images, new_audio, _, _ = sync(0, 8, meta_batch=MANAGER, prompt={"3": first})
    assert len(images) == 8 and new_audio["waveform"].shape[-1] == 5120


@pytest.mark.parametrize("manager", ["a text", SimpleNamespace(unique_id="9", frames_per_batch=8)])
def test_a_manager_that_does_not_count_is_refused(sync, core, manager):
    with pytest.raises(core.LatentSyncError, match="give each part its audio_start"):
        sync(0, 8, meta_batch=manager, prompt=requeued(1))
