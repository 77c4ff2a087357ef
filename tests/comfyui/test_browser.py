"""Every example in the real user interface: opened, compared, run, pictured (output/comfyui)."""

import json

import pytest
from comfy_server import LOCAL, ROOT, WORKFLOWS, example, known_inputs, workflow
from frontend import CHROMIUM, opened

PICTURES = ROOT / "output" / "comfyui"

pytestmark = pytest.mark.skipif(
    not CHROMIUM, reason="needs Chromium: CHROMIUM names the program, or it is on PATH"
)


@pytest.fixture(scope="module")
def page(server):
    pytest.importorskip("playwright", reason="needs playwright")
    with opened(server.url) as frontend:
        yield frontend


@pytest.mark.parametrize("name", LOCAL)
def test_an_example_opens_and_runs(server, page, name):
    page.open(example(name))
    assert page.missing() == []
    page.screenshot(PICTURES / f"{name}.jpg")
    sent = page.prompt()
    assert known_inputs(server, sent) == known_inputs(server, workflow(name))
    page.queue()
    status = server.newest_status()
    assert status["status_str"] == "success", status["messages"]
    page.screenshot(PICTURES / f"{name}_done.jpg")


def test_help_pages_open_with_their_picture(server, page):
    ours = [name for name in server.json("/object_info") if name.startswith("LatentSync")]
    assert all(page.help_picture(name) > 100 for name in ours)


def test_a_workflow_of_the_old_pack_is_taken_over(page):
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
    }
    assert sent["3"]["inputs"]["return_images"] is True and sent["5"]["inputs"] == {"images": ["4", 0]}
