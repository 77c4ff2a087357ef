"""A speaker of LatentSync Faces, used on the clip that it was found in and on others."""

import numpy as np
import pytest
import torch

WORDS = "Connect to LatentSync Faces the clip that this node gets"


@pytest.fixture
def use(run, model, fast, images, audio, speaker):
    given = {"audio": audio, "fps": 25.0, "model": model, "options": fast, "speaker": speaker}
    return lambda **changes: run("LatentSyncLipSyncFrames", **{"images": images, **given, **changes})


def scaled(images, height, width):
    channels_first = images.movedim(-1, 1)
    return torch.nn.functional.interpolate(channels_first, (height, width), mode="bilinear").movedim(1, -1)


def test_a_clip_that_was_enlarged_since_is_re_synced_at_the_same_place(use, images):
    small, large = use()[2], use(images=scaled(images, 384, 384))[2]
    assert large.shape == (20, 384, 384)
    assert large.mean() > 0.02 and (scaled(small[..., None], 384, 384)[..., 0] - large).abs().mean() < 0.01


def test_colours_may_have_changed(use, images):
    assert use(images=(images**2) * torch.tensor([1.0, 0.8, 0.7]))[2].any()


@pytest.mark.parametrize(
    "other",
    [
        lambda images: images.flip(2),
        lambda images: scaled(images, 192, 256),
        lambda images: images[:, :160],
        lambda images: torch.rand(images.shape, generator=torch.Generator().manual_seed(0)),
        lambda images: images[:10],
    ],
)
def test_another_clip_is_refused_in_the_words_of_nodes(use, images, core, other, left):
    with pytest.raises(core.LatentSyncError, match=WORDS) as caught:
        use(images=other(images))
    assert "find_face" not in str(caught.value) and "from_points" not in str(caught.value)
    assert left() == []


def test_another_rate_is_refused(use, core):
    with pytest.raises(
        core.LatentSyncError, match="25 frames a second; this one has 30.*give both the same fps"
    ):
        use(fps=30.0)


def test_sync_score_takes_no_other_speaker_either(run, images, audio, speaker, core):
    with pytest.raises(core.LatentSyncError, match=WORDS):
        run(
            "LatentSyncSyncScore", images=images.flip(2).repeat(2, 1, 1, 1)[:20], audio=audio, speaker=speaker
        )


def test_a_re_synced_clip_keeps_its_speaker(use, run, core, speaker):
    """The mouth is not what a clip is known by. With trained weights: random ones paint more than a mouth."""
    result = use(model=run("LatentSyncLoadModel", model="nano"))[0]
    clip = core.TensorClip(result, 25)
    plan = core.make_plan(clip, core.Waveform(np.zeros((1, 12800), np.float32), 16000), track=speaker)
    assert plan.reasons == ("resync",) * 20
