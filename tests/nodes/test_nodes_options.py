"""Options: every preset shows its own values, what is shown is what is used, and one widget changes one option."""

import importlib
from collections import namedtuple
from dataclasses import fields
from fractions import Fraction

import comfy_setup
import pytest


def widgets(nodes):
    """Preset -> the widgets that its choice shows."""
    (list_choices,) = nodes["LatentSyncOptions"].GET_SCHEMA().inputs
    return {choice.key: {entry.id: entry for entry in choice.inputs} for choice in list_choices.options}


def shown(nodes, preset):
    """An API prompt's inputs for a node of which only the preset was chosen."""
    values = {f"preset.{name}": entry.default for name, entry in widgets(nodes)[preset].items()}
    return {"preset": preset, **values}


def test_the_untouched_node_is_its_preset(run, nodes, core):
    assert set(widgets(nodes)) == set(core.PRESETS)
    for name, preset in core.PRESETS.items():
        assert run("LatentSyncOptions", **shown(nodes, name)) == preset


def test_every_value_of_a_preset_is_shown_as_it_is_used(nodes, core):
    """No 0, -1 or "preset" stands for another value; `exact` has no use for the three that it leaves out."""
    everything = {field.name for field in fields(core.Options)} - {"seed", "exact"}
    for name, preset in core.PRESETS.items():
        held = {entry.id: entry.default for entry in widgets(nodes)[name].values()}
        assert set(held) == everything - (
            {"feather", "color_match", "grain", "covered"} if name == "exact" else set()
        )
        rate = "source" if preset.fps is None else str(preset.fps)
        assert held == {key: getattr(preset, key) for key in held} | {"fps": rate}, name


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("steps", 12, 12),
        ("guidance", 2.0, 2.0),
        ("length", "bounce", "bounce"),
        ("silence", "keep", "keep"),
        ("missing_face", "error", "error"),
        ("sampler", "dpm++", "dpm++"),
        ("reuse", 2, 2),
        ("overlap", 0, 0),
        ("feather", 0.0, 0.0),
        ("color_match", False, False),
        ("grain", False, False),
        ("covered", "ignore", "ignore"),
        ("max_turn", 50.5, 50.5),
        ("max_turn", 0.75, 69.0),
        ("max_turn", 10.0, 180.0),
        ("fps", "23.976", Fraction(24000, 1001)),
    ],
)
def test_a_widget_changes_its_option_alone(run, nodes, core, name, value, expected):
    options = run("LatentSyncOptions", **shown(nodes, "balanced") | {f"preset.{name}": value})
    assert options == core.Options.preset("balanced", **{name: expected})


@pytest.mark.parametrize(
    "change",
    [{"steps": 501}, {"steps": 0}, {"guidance": 0.5}, {"length": "stretch"}, {"color_match": "maybe"}]
    + [{"overlap": 9}, {"feather": 0.6}, {"fps": "0.1"}, {"unknown": 1}],
)
def test_values_out_of_range_are_refused_without_a_server_too(run, nodes, core, change):
    changed = {f"preset.{name}": value for name, value in change.items()}
    with pytest.raises(core.LatentSyncError, match=next(iter(change)).replace("unknown", "no unknown")):
        run("LatentSyncOptions", **shown(nodes, "balanced") | changed)


def test_a_prompt_from_before_a_widget_was_there_has_the_presets_value(run, nodes, core):
    optional = {entry.id: None for entry in widgets(nodes)["draft"].values() if entry.optional}
    assert {"guided", "grain", "covered"} <= set(optional)
    old = shown(nodes, "draft") | {f"preset.{name}": None for name in optional}
    assert run("LatentSyncOptions", **old) == core.Options.preset("draft")


def test_a_turn_that_was_saved_before_it_was_in_degrees_is_told(ui, nodes):
    old = ui("LatentSyncOptions", **shown(nodes, "draft") | {"preset.max_turn": 0.75})
    assert old["text"] == ("max_turn is in degrees now: 0.75 as it was before is taken as 69 degrees.",)
    assert not ui("LatentSyncOptions", **shown(nodes, "draft"))


@pytest.mark.parametrize("inputs", [{}, {"preset": {}}, {"preset": {"preset": "best"}}])
def test_a_preset_that_does_not_exist_is_named(nodes, core, inputs):
    """Servers check no entry of such a menu: they hand the node nothing."""
    with pytest.raises(core.LatentSyncError, match="preset (takes|is missing .*it takes) balanced, quality"):
        nodes["LatentSyncOptions"].EXECUTE_NORMALIZED(**inputs)


def test_the_lip_sync_node_has_the_presets_and_the_seed(nodes, core):
    for node_id in ("LatentSyncLipSyncFrames", "LatentSyncLipSyncVideo"):
        entries = {entry.id: entry for entry in nodes[node_id].GET_SCHEMA().inputs}
        assert list(entries["preset"].options) == list(widgets(nodes))
        assert entries["preset"].default == "balanced" and entries["seed"].default == core.Options().seed


@pytest.fixture
def used(run, images, audio, model, speaker, bridge, monkeypatch):
    """used(...) -> the options that reach the library, and the report."""
    kept = []
    plan_sync = importlib.import_module(f"{comfy_setup.PACK}.latentsync_core.pipeline").plan_sync

    def spy(clip, speech, options, *rest, **more):
        kept.append(options)
        return plan_sync(clip, speech, options, *rest, **more)

    monkeypatch.setattr(f"{comfy_setup.PACK}.latentsync_core.pipeline.plan_sync", spy)
    given = {"images": images[:3], "audio": audio, "fps": 25.0, "model": model}
    given["speaker"] = type(speaker)(speaker.points[:3], speaker.scores[:3])
    return lambda **more: (run("LatentSyncLipSyncFrames", **given | more)[3], kept[-1])


def test_preset_and_seed_of_the_node_are_used(used, core):
    report, options = used(preset="draft", seed=7)
    assert options == core.Options.preset("draft", seed=7)
    assert "settings: preset draft; seed 7" in report


def test_options_take_the_place_of_the_preset_and_the_seed_stays(used, run, core):
    chosen = run("LatentSyncOptions", preset="draft", **{"preset.steps": 1})
    report, options = used(preset="quality", seed=7, options=chosen)
    assert options == core.Options.preset("draft", steps=1, seed=7)
    assert "settings: LatentSync Options, not the preset of this node; seed 7" in report


def test_without_a_model_the_best_on_this_machine_is_taken(used, bridge, monkeypatch):
    report, _ = used(preset="draft", model=None)
    assert "nano at" in report
    checkpoints = bridge("checkpoints")
    row = namedtuple("row", "source")
    real, drawn = [row("/m/1.6"), row("/m/1.5"), row("/m/mine")], [row("nano")]
    monkeypatch.setattr(checkpoints, "_list_checkpoints", lambda: (real, drawn))
    order = []
    while real:
        order.append(checkpoints.find_best())
        del real[0]
    assert [*order, checkpoints.find_best()] == ["/m/1.6", "/m/1.5", "/m/mine", "nano"]
