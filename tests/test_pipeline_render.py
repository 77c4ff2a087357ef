"""A planned dub carries all that rendering needs besides the networks."""

import pytest
from support.runs import FAST, clip_of, speech_of, track_of
from support.tiny import golden_pipeline_models

from latentsync_core import Options, plan_sync, render
from latentsync_core.errors import OptionError


def test_a_plan_for_other_networks_is_refused_before_anything_is_denoised(tmp_path):
    models = golden_pipeline_models(tmp_path)
    dub = plan_sync(clip_of(6), speech_of(0.24), Options(**FAST), track_of(6))
    with pytest.raises(OptionError, match="windows of 16 frames, .* and 4; plan with models="):
        next(render(dub, models))
