"""`lip_sync(..., protect=)`: what masks show stays on top of the new mouth."""

import numpy as np
import pytest
from support.runs import FAST, clip_of, speech_of, sync, track_of
from support.tiny import golden_pipeline_models

from latentsync_core import Options, TensorClip, lip_sync, make_plan
from latentsync_core.errors import InputError


@pytest.fixture(scope="module")
def models(tmp_path_factory):
    return golden_pipeline_models(tmp_path_factory.mktemp("tiny"))


def stripes(count=1):
    """Masks that are white in every second block of ten columns."""
    white = (np.arange(200) // 10 % 2 * 255).astype(np.uint8)
    return TensorClip(np.tile(white[:, None], (count, 180, 1, 3)), 25)


@pytest.mark.parametrize("preset", ["balanced", "exact"])
@pytest.mark.parametrize("dtype", [np.uint8, np.float32])
def test_white_stays_the_source_bit_for_bit_and_black_is_the_mouth(models, preset, dtype):
    options = Options.preset(preset, length="silence", **FAST)
    alphas, given = [], {"dtype": dtype, "options": options}
    plain = sync(models, 6, **given)
    kept = sync(models, 6, **given, protect=stripes(), masks=alphas.append)
    white = next(stripes().read([0]))[..., 0] > 0
    for old, mouth, new, alpha in zip(
        clip_of(6, dtype=dtype).read(range(6)), plain, kept, alphas, strict=True
    ):
        assert np.array_equal(new[white], old[white]) and np.array_equal(new[~white], mouth[~white])
        assert (new != old).any() and not alpha[white].any() and alpha.any()


def test_a_mask_of_each_frame_follows_the_source(models):
    """Longer speech plays the clip backwards: the masks go with it."""
    masks = np.zeros((6, 180, 200, 3), np.float32)
    masks[3] = 1
    new = sync(models, 6, seconds=0.6, protect=TensorClip(masks, 25))
    plan = make_plan(clip_of(6), speech_of(0.6), Options(**FAST), track_of(6))
    old = list(clip_of(6).read(range(6)))
    same = [np.array_equal(frame, old[shown]) for frame, shown in zip(new, plan.source, strict=True)]
    assert same == (plan.source == 3).tolist() and sum(same) > 1


def test_masks_that_do_not_fit_are_refused_before_anything_is_denoised(models):
    def never(stage, done, total):
        raise AssertionError(stage)

    given = clip_of(6), speech_of(0.24), models, Options(**FAST), track_of(6)
    with pytest.raises(InputError, match="5 masks and 6 frames"):
        next(lip_sync(*given, protect=stripes(5), progress=never))


def test_with_masks_nothing_else_says_where_a_mouth_is_covered():
    track = track_of(20)
    object.__setattr__(track, "covered", np.ones(20))
    given = clip_of(20), speech_of(0.8), Options(), track
    assert set(make_plan(*given).reasons) == {"covered"}
    assert set(make_plan(*given, protect=stripes()).reasons) == {"resync"}
