"""Node replacements: workflows of ComfyUI-LatentSyncWrapper open with these nodes where that pack is not installed.

Its lip-sync node loads the model by itself, as the one here does where none is connected, so that a replaced workflow
runs at once. It gets the preset balanced; steps and expression other than that has are set on LatentSync Options.
"""

from comfy_api.latest import io

REPLACEMENTS = (
    io.NodeReplace(
        new_node_id="LatentSyncLipSyncFrames",
        old_node_id="LatentSyncNode",
        old_widget_ids=["seed", "control_after_generate", "lips_expression", "inference_steps"],
        input_mapping=[
            {"new_id": "images", "old_id": "images"},
            {"new_id": "audio", "old_id": "audio"},
            {"new_id": "fps", "set_value": 25.0},  # the only rate that the old node knew
            {"new_id": "preset", "set_value": "balanced"},
            {"new_id": "seed", "old_id": "seed"},
        ],
        output_mapping=[{"new_idx": 0, "old_idx": 0}, {"new_idx": 1, "old_idx": 1}],
    ),
    # The lip-sync nodes here adapt lengths by themselves, so that the replacement only passes its inputs on.
    io.NodeReplace(
        new_node_id="LatentSyncReassemble",
        old_node_id="VideoLengthAdjuster",
        old_widget_ids=["mode", "fps", "silent_padding_sec"],
        input_mapping=[
            {"new_id": "images", "old_id": "images"},
            {"new_id": "audio", "old_id": "audio"},
            {"new_id": "fps", "old_id": "fps"},
            {"new_id": "start", "set_value": 0.0},
            {"new_id": "fade", "set_value": 0.0},
            {"new_id": "audio_mode", "set_value": "replace"},
            {"new_id": "return_images", "set_value": True},
        ],
        output_mapping=[{"new_idx": 1, "old_idx": 0}, {"new_idx": 2, "old_idx": 1}],
    ),
)
