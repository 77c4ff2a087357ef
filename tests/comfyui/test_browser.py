"""Every example in the real user interface: opened, compared, run, pictured (output/comfyui)."""

import json

import pytest
from comfy_server import LOCAL, ROOT, WORKFLOWS, example, known_inputs, workflow
from frontend import CHROMIUM, opened
from support.prompts import defaults, spread

PICTURES = ROOT / "output" / "comfyui"

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="needs Chromium: CHROMIUM names the program, or it is on PATH"
)


@pytest.fixture(scope="module")
def page(server):
    pytest.importorskip("playwright", reason="needs playwright")
    with opened(server.url) as frontend:
        yield frontend


VHS = "08_video_helper_suite"


@pytest.mark.parametrize("name", [name for name in LOCAL if name != VHS])
def test_an_example_opens_and_runs(server, page, name):
    page.open(example(name))
    assert page.missing() == []
    page.screenshot(PICTURES / f"{name}.jpg")
    sent = page.prompt()
    assert known_inputs(server, sent) == known_inputs(server, workflow(name))
    run(server, page)
    page.screenshot(PICTURES / f"{name}_done.jpg")


def test_the_example_with_video_helper_suite_opens(server, page):
    """That pack's own script restores its widgets, and is not here: the server runs the example with stand-ins."""
    page.open(example(VHS))
    assert page.missing() == []
    page.screenshot(PICTURES / f"{VHS}.jpg")
    prompt = known_inputs(server, workflow(VHS))
    (ours,) = (n for n in prompt.values() if n["class_type"] == "LatentSyncLipSyncFrames")
    (sent,) = (n for n in page.prompt().values() if n["class_type"] == "LatentSyncLipSyncFrames")
    assert sent["inputs"] == ours["inputs"]


def test_help_pages_open_with_their_picture(server, page):
    ours = [name for name in server.json("/object_info") if name.startswith("LatentSync")]
    assert all(page.help_picture(name) > 100 for name in ours)


def test_a_workflow_of_the_old_pack_is_taken_over(server, page):
    """The interface offers our nodes in place of those of ComfyUI-LatentSyncWrapper; what it then sends runs."""
    page.open(json.loads((WORKFLOWS / "old_pack.json").read_text(encoding="utf-8")))
    assert sorted(page.missing()) == ["LatentSyncNode", "VideoLengthAdjuster"]
    page.replace_missing()
    assert page.missing() == []
    page.screenshot(PICTURES / "old_pack.jpg")
    sent = page.prompt()
    assert (
        sent["4"]["class_type"] == "LatentSyncLipSyncFrames"
        and sent["3"]["class_type"] == "LatentSyncReassemble"
    )
    assert sent["4"]["inputs"] == {"images": ["3", 1], "audio": ["3", 2], "fps": 25} | {
        "preset": "balanced",
        "seed": 396,
        "audio_start": 0,
        "range_start": "",
        "range_end": "",
    }
    assert sent["3"]["inputs"]["return_images"] is True and sent["5"]["inputs"] == {"images": ["4", 0]}
    run(server, page)
    page.screenshot(PICTURES / "old_pack_done.jpg")


def test_the_blueprint_works_as_one_node(server, page):
    """Dropped into a graph, connected, run."""
    (file,) = (ROOT / "subgraphs").glob("*.json")
    page.open(json.loads(file.read_text(encoding="utf-8")))
    assert page.missing() == []
    page.connect_to_blueprint("LatentSyncExampleClip", {"video": "video", "audio": "audio"})
    page.screenshot(PICTURES / "blueprint.jpg")
    (lip_sync,) = (n for n in page.prompt().values() if n["class_type"] == "LatentSyncLipSyncVideo")
    assert lip_sync["inputs"]["preset"] == "balanced" and "model" not in lip_sync["inputs"]
    run(server, page)


def test_choosing_a_preset_sets_its_values(server, page):
    """LatentSync Options: shown, changed, saved, opened again, and as an API prompt."""
    page.show_node("LatentSyncOptions")
    for preset in ("quality", "exact", "draft"):
        page.set_widget("preset.steps", 33)
        page.set_widget("preset", preset)
        assert sent_by(page) == untouched(server, preset)
    page.set_widget("preset.steps", 11)
    changed = untouched(server, "draft") | {"preset.steps": 11}
    graph, prompt = page.graph(), page.prompt()
    page.open(graph)
    assert sent_by(page) == changed
    page.open_api(prompt)
    assert sent_by(page) == changed
    page.screenshot(PICTURES / "options.jpg")


def test_fields_appear_with_the_choice_that_needs_them(page):
    page.show_node("LatentSyncFaces")
    for choice, fields in {
        "number": ["choose.number"],
        "point": ["choose.x", "choose.y"],
        "left": [],
    }.items():
        page.set_widget("choose", choice)
        assert [name for name in page.widgets() if name.startswith("choose.")] == fields
    page.set_widget("choose", "box")
    assert "choose.boxes" in page.sockets()


def run(server, page):
    page.queue()
    status = server.newest_status()
    assert status["status_str"] == "success", status["messages"]


def sent_by(page):
    (node,) = page.prompt().values()
    return node["inputs"]


def untouched(server, preset):
    """What a node sends of which only the preset was chosen."""
    inputs = server.json("/object_info/LatentSyncOptions")["LatentSyncOptions"]["input"]
    required, optional = spread(inputs, {"preset": preset})
    del required["preset"]
    return {"preset": preset} | defaults({"required": required, "optional": optional})
