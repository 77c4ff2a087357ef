"""The pack in a real server: what it offers, and every example run to its end."""

import json

import pytest
from comfy_server import DENOISING, LOCAL, PACK, ROOT, of_type, quick, workflow, workflow_names

CLIP = 58
"""Frames of the person and of the two people; the sentence is longer by silence alone, which adds none."""
FILM = 107
FRAMES = {
    "02_talking_picture": 66,
    "05_dub_a_sentence": FILM,
    "06_behind_a_generator": 66,
    "11_a_line_in_the_middle": FILM,
    "12_a_retake": FILM,
}
"""Of the results that last longer: as long as the sentence, or as the film."""


def lip_sync_node(prompt):
    return next(node for kind in DENOISING for node in of_type(prompt, kind))


def test_the_pack_loads(server):
    known = server.json("/object_info")
    ours = sorted(name for name in known if name.startswith("LatentSync"))
    failed = [
        line for line in server.log.read_text().splitlines() if "IMPORT FAILED" in line and PACK in line
    ]
    assert len(ours) >= 7 and not failed
    for name in ours:
        assert known[name]["python_module"] == f"custom_nodes.{PACK}"
        assert name.encode() in server.get(f"/extensions/{PACK}/docs/{name}.md")
        assert "注意" in server.get(f"/extensions/{PACK}/docs/{name}/zh.md").decode()


def test_examples_are_offered_with_pictures(server):
    offered = server.json("/workflow_templates")[PACK]
    assert sorted(offered) == workflow_names()
    for name in offered:
        assert server.get(f"/api/workflow_templates/{PACK}/{name}.jpg")[:2] == b"\xff\xd8"


def test_the_blueprint_is_offered(server):
    ours = {
        key: entry
        for key, entry in server.json("/global_subgraphs").items()
        if entry["info"]["node_pack"] == f"custom_nodes.{PACK}"
    }
    (key,) = ours
    assert ours[key]["name"] == "Lip sync a video"
    assert "LatentSyncLipSyncVideo" in server.json(f"/global_subgraphs/{key}")["data"]


def test_the_committed_schemas_are_those_of_the_server(server):
    """tests/workflows/object_info.json is what the always-on tests check the workflows against."""
    committed = json.loads((ROOT / "tests" / "workflows" / "object_info.json").read_text(encoding="utf-8"))
    known = server.json("/object_info")
    for name, schema in committed.items():
        assert set(schema["input_order"]["required"]) <= set(known[name]["input_order"]["required"]), name
        if name.startswith("LatentSync"):
            assert known[name]["output"] == schema["output"], name


@pytest.mark.parametrize("name", LOCAL)
def test_an_example_runs_to_its_end(server, name):
    from latentsync_core import FileClip

    prompt = quick(workflow(name))
    run = server.run(prompt)
    assert run.end[0] == "execution_success", run.end[1]
    node = lip_sync_node(prompt)
    assert run.of("progress", node), "no progress was seen"
    previews = run.of("preview", node)
    shows = prompt[node]["class_type"] != "LatentSyncMakeMouths"  # it has no frames yet
    assert bool(previews) == shows and all(preview["image"][:2] == b"\xff\xd8" for preview in previews)
    if "PreviewAny" in [node["class_type"] for node in prompt.values()]:
        assert any(word in run.text() for word in ("re-synced", "persons"))
    files = [server.base / "output" / file for file in run.files()]
    frames = FRAMES.get(name, CLIP)
    if files[0].suffix == ".png":
        assert len(files) == frames
    else:
        clip = FileClip(files[0])
        assert (len(files), len(clip), clip.has_audio) == (1, frames, True)
    assert server.left_in_temp() == []


def test_one_picture_and_a_sentence_make_a_talking_picture(server):
    run = server.run(quick(workflow("02_talking_picture")))
    assert "the image is shown for as long as the speech lasts" in run.text()


def test_a_second_run_is_cached(server):
    prompt = quick(workflow("01_new_words_for_a_video"))
    first, second = server.run(prompt), server.run(prompt)
    node = lip_sync_node(prompt)
    assert first.of("progress", node) and not second.of("progress")
    assert node in second.of("execution_cached")[0]["nodes"]
    del first
    prompt[node]["inputs"]["seed"] = 5
    third = server.run(prompt)
    cached = third.of("execution_cached")[0]["nodes"]
    assert set(of_type(prompt, "LatentSyncLoadModel")) <= set(cached) and node not in cached


def test_frames_equal_the_library_bit_for_bit(server):
    prompt = quick(workflow("04_frames_in_frames_out"), steps=2)
    node = lip_sync_node(prompt)
    images, audio = (prompt[node]["inputs"][name] for name in ("images", "audio"))
    direct = {"images": images, "audio": audio, "steps": 2}
    prompt = {
        name: prompt[name] for name in prompt if not prompt[name]["class_type"].startswith(("Save", "Mask"))
    }
    prompt["direct"] = {"class_type": "TestCoreLipSync", "inputs": direct}
    for name, other in (("same", ["direct", 0]), ("changed", images)):
        prompt[name] = {"class_type": "TestCompare", "inputs": {"a": [node, 0], "b": other}}
    run = server.run(prompt)
    assert run.end[0] == "execution_success", run.end[1]
    shape = (CLIP, 320, 320, 3)
    assert f"{shape} {shape} torch.float32 torch.float32 0" in run.text(), run.text()
    assert int(run.of("executed", "changed")[0]["output"]["text"][0].split()[-1]) > 1e5
