"""Ids, inputs and outputs that saved workflows hold: they may be added to, and never changed."""

import copy
import importlib.util
import json

import pytest
from comfy_setup import ROOT


@pytest.fixture(scope="module")
def freeze():
    spec = importlib.util.spec_from_file_location("freeze_nodes", ROOT / "scripts" / "freeze_nodes.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def frozen(freeze):
    return json.loads(freeze.FROZEN.read_text(encoding="utf-8"))


def test_the_nodes_are_what_was_frozen(freeze, frozen, nodes, home):
    now = json.loads(json.dumps(freeze.make_contract(nodes)))
    assert list(freeze.find_broken(frozen, now)) == []
    assert now == frozen, "run scripts/freeze_nodes.py to freeze what is new"


def inputs_of(node_id):
    return lambda nodes: nodes[node_id]["inputs"]


LIP_SYNC, FACES = inputs_of("LatentSyncLipSyncVideo"), inputs_of("LatentSyncFaces")


def of_number(inputs):
    return inputs["choose"]["entries"]["number"]["number"]


BREAKS = {
    "LatentSyncFaces is gone": lambda nodes: nodes.pop("LatentSyncFaces"),
    "input seed is gone": lambda nodes: LIP_SYNC(nodes).pop("seed"),
    "type of audio was AUDIO, is IMAGE": lambda nodes: LIP_SYNC(nodes)["audio"].update(type="IMAGE"),
    "default of seed was 1247, is 1": lambda nodes: LIP_SYNC(nodes)["seed"].update(default=1),
    "choices of preset was": lambda nodes: LIP_SYNC(nodes)["preset"]["choices"].remove("draft"),
    "entries of choose was": lambda nodes: FACES(nodes)["choose"]["entries"].pop("point"),
    "max of choose=number.number was 16": lambda nodes: of_number(FACES(nodes)).update(max=8),
    "new input more is required": lambda nodes: LIP_SYNC(nodes).update(
        more={"type": "INT", "optional": False}
    ),
    "widgets ['preset', 'seed'": lambda nodes: nodes["LatentSyncLipSyncVideo"].update(
        inputs=dict(reversed(LIP_SYNC(nodes).items()))
    ),
    "outputs [['video'": lambda nodes: nodes["LatentSyncLipSyncVideo"]["outputs"].pop(0),
}


@pytest.mark.parametrize("line", BREAKS)
def test_what_would_break_a_workflow_is_told(freeze, frozen, line):
    now = copy.deepcopy(frozen)
    BREAKS[line](now)
    assert any(line in output for output in freeze.find_broken(frozen, now))


def test_what_is_added_breaks_nothing(freeze, frozen):
    now = copy.deepcopy(frozen)
    now["LatentSyncMore"] = {"inputs": {}, "outputs": []}
    LIP_SYNC(now)["more"] = {"type": "INT", "optional": True}
    LIP_SYNC(now)["preset"]["choices"].append("best")
    FACES(now)["choose"]["entries"]["tallest"] = {}
    now["LatentSyncFaces"]["outputs"].append(["more", "INT"])
    assert list(freeze.find_broken(frozen, now)) == []
