"""Options refuse what they cannot mean."""

from fractions import Fraction

import numpy as np
import pytest

from latentsync_core import PRESETS, Options
from latentsync_core.errors import OptionError


def test_presets_are_options():
    assert set(PRESETS) == {"exact", "quality", "balanced", "draft"}
    assert PRESETS["balanced"] == Options()
    assert Options.preset("draft", seed=7).seed == 7 and Options.preset("draft").steps == 6


@pytest.mark.parametrize(
    ("name", "value"),
    [("steps", 0), ("steps", 501), ("steps", 2.5), ("steps", True), ("steps", "20"), ("guidance", 0.9),
     ("guidance", float("nan")), ("guidance", "1.5"), ("guided", -0.1), ("guided", 1.1), ("guided", None), ("seed", -1), ("seed", None), ("seed", 2**63), ("reuse", 0),
     ("overlap", 9), ("feather", 0.6), ("sampler", "euler"), ("length", "stretch"), ("silence", "mute"),
     ("missing_face", "skip"), ("fps", 0), ("fps", 23.976), ("fps", "25"), ("max_turn", -1.0), ("max_turn", 181), ("max_turn", True), ("exact", "no"), ("color_match", 1), ("grain", 1)],
)  # fmt: skip
def test_what_an_option_cannot_mean_is_named(name, value):
    with pytest.raises(OptionError, match=f"{name} takes .*got"):
        Options(**{name: value})


@pytest.mark.parametrize(("former", "degrees"), [(0.75, 69), (0.5, 60), (0.0, 15), (10, 180)])
def test_a_turn_from_before_it_was_in_degrees_is_told_in_degrees(former, degrees):
    with pytest.raises(
        OptionError, match=rf"15.0..180.0, got {former}. It is in degrees .* is {degrees} degrees"
    ):
        Options(max_turn=former)
    assert Options(max_turn=degrees).max_turn == degrees


@pytest.mark.parametrize(
    ("guidance", "guided", "unguided"),
    [(1.5, 1.0, 0), (1.5, 0.5, 3), (1.5, 0.2, 5), (1.5, 0.0, 6), (1.0, 1.0, 6)],
)
def test_the_last_steps_are_guided(guidance, guided, unguided):
    assert Options(steps=6, guidance=guidance, guided=guided).unguided_steps == unguided


def test_whole_numbers_of_numpy_and_ints_for_floats_are_fine():
    options = Options(steps=np.int64(5), guidance=2, seed=2**63 - 1, fps=Fraction(24000, 1001))
    assert options.steps == 5 and options.guidance == 2


def test_unknown_names_are_errors():
    with pytest.raises(OptionError, match="preset takes exact, quality, balanced, draft, got 'best'"):
        Options.preset("best")
    with pytest.raises(OptionError, match="Options has no strength, weight"):
        Options.preset("draft", weight=1, strength=2)
