"""Workflows of ComfyUI-LatentSyncWrapper: its node ids are replaced by ours."""

import asyncio
import copy
import os

import pytest

OLD_PROMPT = {
    "1": {"class_type": "VHS_LoadVideo", "inputs": {}, "_meta": {}},
    "2": {
        "class_type": "VideoLengthAdjuster",
        "inputs": {"images": ["1", 0], "audio": ["1", 2], "mode": "normal", "fps": 30.0, "silent_padding_sec": 0.5},
        "_meta": {},
    },
    "3": {
        "class_type": "LatentSyncNode",
        "inputs": {
            "images": ["2", 0], "audio": ["2", 1], "seed": 7, "lips_expression": 2.0, "inference_steps": 20
        },
        "_meta": {},
    },
    "4": {"class_type": "VHS_VideoCombine", "inputs": {"images": ["3", 0], "audio": ["3", 1]}, "_meta": {}},
}  # fmt: skip


class Manager:
    def __init__(self):
        self.registered = []

    def register(self, replacement):
        self.registered.append(replacement)


@pytest.fixture
def registered(monkeypatch, pack):
    """What the pack registers when ComfyUI loads it."""
    import server

    manager = Manager()
    instance = type("Server", (), {"node_replace_manager": manager})()
    monkeypatch.setattr(server.PromptServer, "instance", instance, raising=False)
    asyncio.run(asyncio.run(pack.comfy_entrypoint()).on_load())
    return {replacement.old_node_id: replacement for replacement in manager.registered}


def test_both_old_nodes_are_replaced(registered):
    assert set(registered) == {"LatentSyncNode", "VideoLengthAdjuster"}


def test_replacements_name_inputs_and_outputs_that_exist(registered, nodes, home):
    old = {
        "LatentSyncNode": ["images", "audio", "seed", "lips_expression", "inference_steps"],
        "VideoLengthAdjuster": ["images", "audio", "mode", "fps", "silent_padding_sec"],
    }
    types = {"images": "IMAGE", "audio": "AUDIO"}
    for name, replacement in registered.items():
        schema = nodes[replacement.new_node_id].GET_SCHEMA()
        for entry in replacement.input_mapping:
            assert entry["new_id"] in [i.id for i in schema.inputs]
            assert "set_value" in entry or entry["old_id"] in old[name]
        for entry in replacement.output_mapping:
            assert schema.outputs[entry["new_idx"]].io_type == list(types.values())[entry["old_idx"]]


def test_nothing_is_left_to_connect(registered, nodes, home):
    """A prompt lacks what a replacement does not set: ComfyUI fills in no defaults."""
    missing = {
        name: [
            entry.id
            for entry in nodes[replacement.new_node_id].GET_SCHEMA().inputs
            if not entry.optional and entry.id not in [new["new_id"] for new in replacement.input_mapping]
        ]
        for name, replacement in registered.items()
    }
    assert missing == {"LatentSyncNode": [], "VideoLengthAdjuster": []}


@pytest.mark.skipif("COMFYUI_DIR" not in os.environ, reason="needs a real ComfyUI: set COMFYUI_DIR")
def test_comfyui_replaces_them(registered, nodes, monkeypatch):
    from app.node_replace_manager import NodeReplaceManager

    import nodes as comfyui

    manager, prompt = NodeReplaceManager(), copy.deepcopy(OLD_PROMPT)
    for replacement in registered.values():
        manager.register(replacement)
    monkeypatch.setattr(comfyui, "NODE_CLASS_MAPPINGS", nodes)
    manager.apply_replacements(prompt)
    assert prompt["2"]["class_type"] == "LatentSyncReassemble"
    widgets = {"start": 0.0, "fade": 0.0, "audio_mode": "replace", "return_images": True}
    assert prompt["2"]["inputs"] == {"images": ["1", 0], "audio": ["1", 2], "fps": 30.0} | widgets
    assert prompt["3"]["class_type"] == "LatentSyncLipSyncFrames"
    assert prompt["3"]["inputs"] == {"images": ["2", 1], "audio": ["2", 2], "fps": 25.0} | {
        "preset": "balanced",
        "seed": 7,
    }
    assert prompt["4"]["inputs"] == {"images": ["3", 0], "audio": ["3", 1]}
