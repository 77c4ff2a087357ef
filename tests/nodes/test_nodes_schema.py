"""What ComfyUI shows of the nodes: names, ids, tooltips, defaults."""

import pytest

IDS = {
    "LatentSyncLoadModel": (["model", "precision", "memory"], ["model"]),
    "LatentSyncLoadAudio": (["audio", "start", "duration", "normalize"], ["audio", "duration"]),
    "LatentSyncLipSyncFrames": (
        ["images", "audio", "fps", "model", "options", "speaker"],
        ["images", "audio", "mask", "report"],
    ),
    "LatentSyncLipSyncVideo": (["video", "audio", "model", "options", "speaker"], ["video", "report"]),
    "LatentSyncOptions": (
        ["preset", "seed", "steps", "guidance", "length", "silence", "missing_face"]
        + ["sampler", "reuse", "overlap", "feather", "color_match", "max_turn", "fps"],
        ["options"],
    ),
    "LatentSyncFaces": (
        ["video", "images", "fps", "choose", "number", "x", "y", "boxes"],
        ["speaker", "preview", "report"],
    ),
    "LatentSyncReassemble": (
        ["images", "fps", "audio", "video", "original_images", "start", "fade", "audio_mode", "duck_db"]
        + ["return_images"],
        ["video", "images", "audio"],
    ),
    "LatentSyncSyncScore": (
        ["video", "images", "fps", "audio", "model", "speaker"],
        ["offset", "confidence", "report", "curve"],
    ),
    "LatentSyncRemote": (
        ["video", "images", "fps", "audio", "model", "take", "max_cost", "dry_run", "return_images"]
        + ["custom_model"],
        ["video", "images", "audio", "report"],
    ),
    "LatentSyncRemoteJobs": (["prediction_id", "limit"], ["video", "report"]),
}
"""Ids that saved workflows hold: they may be added to, and never changed."""


@pytest.fixture(params=IDS)
def schema(request, nodes, home):
    return nodes[request.param].GET_SCHEMA()


def test_every_node_has_its_ids(nodes):
    assert list(nodes) == list(IDS)


def test_ids_stay(schema):
    assert ([i.id for i in schema.inputs], [o.id for o in schema.outputs]) == IDS[schema.node_id]


def test_names_and_category(schema):
    assert schema.display_name.startswith("LatentSync ")
    assert schema.category == "LatentSync"
    assert schema.description.endswith(".") and schema.search_aliases


def test_everything_has_a_tooltip(schema):
    assert [
        part.id for part in [*schema.inputs, *schema.outputs] if not (part.tooltip or "").endswith(".")
    ] == []


def test_numbers_have_ranges_that_hold_their_default(schema):
    for entry in schema.inputs:
        if entry.io_type in ("INT", "FLOAT"):
            assert entry.min <= entry.default <= entry.max, entry.id


def test_menus_hold_their_default(schema):
    for entry in schema.inputs:
        if entry.io_type == "COMBO" and entry.default is not None:
            assert entry.default in entry.options, entry.id


def test_validation_names_only_what_it_checks_whole(nodes):
    """ComfyUI checks no range and no menu of an input that validate_inputs names, and of none if it has **kwargs."""
    import inspect

    named = {
        node_id: list(inspect.signature(node.validate_inputs).parameters)
        for node_id, node in nodes.items()
        if "validate_inputs" in vars(node)
    }
    assert named == {"LatentSyncLoadModel": ["model"], "LatentSyncLoadAudio": ["audio"]}
