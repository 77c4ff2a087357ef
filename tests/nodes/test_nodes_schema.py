"""What ComfyUI shows of the nodes: names, ids, tooltips, defaults."""

import inspect
import json

import pytest
from comfy_setup import ROOT, every_input

IDS = list(json.loads((ROOT / "tests" / "nodes" / "frozen.json").read_text(encoding="utf-8")))


@pytest.fixture(params=IDS)
def schema(request, nodes, home):
    return nodes[request.param].GET_SCHEMA()


def test_names_and_category(schema):
    assert schema.display_name.startswith("LatentSync ")
    assert schema.category == "LatentSync"
    assert schema.description.endswith(".") and schema.search_aliases


def test_everything_has_a_tooltip(schema):
    assert [
        part.id
        for part in [*every_input(schema.inputs), *schema.outputs]
        if not (part.tooltip or "").endswith(".")
    ] == []


def test_numbers_have_ranges_that_hold_their_default(schema):
    for entry in every_input(schema.inputs):
        if entry.io_type in ("INT", "FLOAT"):
            assert entry.min <= entry.default <= entry.max, entry.id


def test_menus_hold_their_default(schema):
    for entry in every_input(schema.inputs):
        if entry.io_type == "COMBO" and entry.default is not None:
            assert entry.default in entry.options, entry.id


def test_validation_names_only_what_it_checks_whole(nodes):
    """ComfyUI checks no range and no menu of an input that validate_inputs names, and of none if it has **kwargs."""
    named = {
        node_id: list(inspect.signature(node.validate_inputs).parameters)
        for node_id, node in nodes.items()
        if "validate_inputs" in vars(node)
    }
    assert named == {"LatentSyncLoadModel": ["model"], "LatentSyncLoadAudio": ["audio"]}
