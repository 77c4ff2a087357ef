"""Options: an untouched node is its preset, and every widget changes what it names."""

from fractions import Fraction

import pytest


def untouched(nodes):
    schema = nodes["LatentSyncOptions"].GET_SCHEMA()
    return {entry.id: entry.default for entry in schema.inputs}


def test_the_untouched_node_is_its_preset(run, nodes, core):
    for name, preset in core.PRESETS.items():
        assert run("LatentSyncOptions", **untouched(nodes) | {"preset": name}) == preset


def test_every_preset_is_offered(nodes, core):
    assert set(nodes["LatentSyncOptions"].GET_SCHEMA().inputs[0].options) == set(core.PRESETS)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("seed", 7, 7),
        ("steps", 12, 12),
        ("guidance", 2.0, 2.0),
        ("length", "bounce", "bounce"),
        ("silence", "keep", "keep"),
        ("missing_face", "error", "error"),
        ("sampler", "dpm++", "dpm++"),
        ("reuse", 2, 2),
        ("overlap", 0, 0),
        ("feather", 0.0, 0.0),
        ("color_match", "off", False),
        ("max_turn", 0.5, 0.5),
        ("fps", 23.976, Fraction(2997, 125)),
    ],
)
def test_a_widget_changes_its_option_alone(run, nodes, core, name, value, expected):
    options = run("LatentSyncOptions", **untouched(nodes) | {name: value})
    assert options == core.Options.preset("balanced", **{name: expected})


@pytest.mark.parametrize(
    "change",
    [{"steps": 501}, {"steps": -1}, {"guidance": 0.5}, {"length": "stretch"}, {"color_match": "maybe"}]
    + [{"preset": "best"}, {"overlap": 9}, {"feather": 0.6}, {"fps": 0.1}, {"unknown": 1}],
)
def test_values_out_of_range_are_refused_without_a_server_too(run, nodes, core, change):
    with pytest.raises(core.LatentSyncError, match=next(iter(change)).replace("unknown", "no unknown")):
        run("LatentSyncOptions", **untouched(nodes) | change)
