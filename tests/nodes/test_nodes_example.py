"""Example Clip: every choice gives what the examples connect."""

import numpy as np
import pytest


@pytest.mark.parametrize(
    ("clip", "frames", "has_audio"),
    [("person", 58, True), ("two_people", 58, True), ("film", 107, True), ("portrait", 1, False)],
)
def test_every_clip_has_all_outputs(run, bridge, core, clip, frames, has_audio):
    video, image, audio = run("LatentSyncExampleClip", clip=clip)
    with bridge("media").open_video(video, audio=True) as source:
        first = np.asarray(next(iter(source.clip.read([0]))))
        assert len(source.clip.times) == frames and (source.audio is not None) == has_audio
    assert image.shape == (1, *first.shape) and image.dtype.is_floating_point
    assert abs(image[0].numpy() * 255 - first * (255 if first.max() <= 1 else 1)).max() < 1
    assert audio["waveform"].shape[-1] / audio["sample_rate"] == pytest.approx(2.624, abs=0.001)


def test_another_clip_is_refused(run, core):
    with pytest.raises(
        core.LatentSyncError, match="clip takes person, two_people, film, portrait, got 'cat'"
    ):
        run("LatentSyncExampleClip", clip="cat")


def test_the_portrait_can_talk(run, model, core):
    """What goes into Lip Sync is a face that is found."""
    _, image, _ = run("LatentSyncExampleClip", clip="portrait")
    assert core.find_face(core.TensorClip(image, 25)).found.all()
