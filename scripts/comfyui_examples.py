"""Make example_workflows/*.json and all screenshots of the nodes out of tests/workflows/*.api.json.

Needs what the tests of tests/comfyui need: COMFYUI_DIR, Chromium, playwright. Run it again after a change of nodes.
"""

import json
import os
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT / "tests" / "comfyui"), str(ROOT / "tests")]
sys.path.append(str(ROOT))

import cv2  # noqa: E402
import numpy as np  # noqa: E402
from comfy_server import LOCAL, MEDIA, ComfyServer, install, of_type, workflow, workflow_names  # noqa: E402
from example_images import WIDTH, make_thumbnail, write_animation  # noqa: E402
from frontend import opened  # noqa: E402

from latentsync_core import FileClip  # noqa: E402
from latentsync_lab.images import save_jpeg  # noqa: E402

EXAMPLES, SCREENSHOTS, PROMPTS = (
    ROOT / "example_workflows",
    ROOT / "web" / "docs",
    ROOT / "tests" / "workflows",
)
BLUEPRINT = ROOT / "subgraphs" / "Lip sync a video.json"
ABOUT_BLUEPRINT = (
    "Gives a video new words and saves it. Connect a video and the speech; without a model it takes the best on this "
    "machine."
)
MOST_BYTES = 32_000
FIRST = "01_new_words_for_a_video"
VHS = {"pix_fmt": "yuv420p", "crf": 19, "save_metadata": True, "trim_to_audio": False}
"""Widgets that VideoHelperSuite adds for its format, at its own defaults."""


def main():
    with tempfile.TemporaryDirectory(prefix="comfyui-server-") as folder:
        make_all(Path(folder))


def make_all(base):
    install(base)
    with ComfyServer(Path(os.environ["COMFYUI_DIR"]), base) as server:
        write_schemas(server)
        with opened(server.url) as page:  # of its own: widgets remember the values of earlier graphs
            write_blueprint(page)
        with opened(server.url) as page:
            for name in workflow_names():
                write_example(page, name)
            show_first_workflow(page, server)
            for node_id in server.json("/object_info"):
                if node_id.startswith("LatentSync"):
                    page.show_node(node_id)
                    page.screenshot(SCREENSHOTS / f"{node_id}.jpg", margin=130, tight=True)
            show_faces(page, server)
        for name in LOCAL:
            show_result(server, name)


def write_schemas(server):
    """Write what ComfyUI says of the nodes in the examples; menus of files are left empty."""
    used = {node["class_type"] for name in workflow_names() for node in workflow(name).values()}
    known = server.json("/object_info")
    ours = {name for name in known if name.startswith("LatentSync")}
    schemas = {name: known[name] for name in sorted(used | ours)}
    for schema in schemas.values():
        for entry in schema["input"].get("required", {}).values():
            if len(entry) > 1 and any(key.endswith("_upload") for key in entry[1]):
                entry[1]["options"] = []
    schemas["VHS_LoadVideo"]["input"]["required"]["video"][0] = []
    path = ROOT / "tests" / "workflows" / "object_info.json"
    path.write_text(json.dumps(schemas, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_example(page, name):
    page.open_api(workflow(name))
    page.lay_out((PROMPTS / f"{name}.md").read_text(encoding="utf-8"))
    page.fit()
    graph = page.graph()
    keep_as_vhs_does(graph, workflow(name))
    write_graph(EXAMPLES / f"{name}.json", graph)
    if name not in LOCAL:  # nothing is bought for an image: the graph itself
        image = EXAMPLES / f"{name}.jpg"
        page.screenshot(image, margin=130, tight=True)
        full = cv2.imread(str(image))
        size = WIDTH, round(full.shape[0] * WIDTH / full.shape[1])
        cv2.imwrite(str(image), cv2.resize(full, size, interpolation=cv2.INTER_AREA))


def keep_as_vhs_does(graph, prompt):
    """Store the values of that pack's widgets by name, as it does."""
    for node in graph["nodes"]:
        if node["type"] in ("VHS_LoadVideo", "VHS_VideoCombine"):
            values = prompt[str(node["id"])]["inputs"].items()
            held = {name: value for name, value in values if not isinstance(value, list)}
            node["widgets_values"] = held | (VHS if node["type"] == "VHS_VideoCombine" else {})


def write_blueprint(page):
    """Write Lip Sync (Video) and Save Video as one node of ComfyUI's library; it takes the best model on disk."""
    prompt, types = workflow(FIRST), ["LatentSyncLipSyncVideo", "SaveVideo"]
    prompt = {
        key: node for key, node in prompt.items() if node["class_type"] in ["LatentSyncExampleClip", *types]
    }
    del prompt[of_type(prompt, types[0])[0]]["inputs"]["model"]
    page.open_api(prompt)
    page.fit()
    inputs = ["model", "preset", "seed", "filename_prefix"]
    page.make_blueprint(BLUEPRINT.stem, types, inputs, ["video", "report"])
    graph = page.graph()
    graph["definitions"]["subgraphs"][0] |= {"category": "LatentSync", "description": ABOUT_BLUEPRINT}
    BLUEPRINT.parent.mkdir(exist_ok=True)
    write_graph(BLUEPRINT, graph)


def write_graph(path, graph):
    path.write_text(json.dumps(graph, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def show_result(server, name):
    """Make the thumbnail: frames that went in, and what an actual run made of them."""
    prompt = workflow(name)
    run = server.run(prompt, 1800)
    assert run.end[0] == "execution_success", run.end[1]
    files = [server.base / "output" / file for file in run.files()]
    after = [frame for file in files for frame in frames_of(file)]
    clip = next(n["inputs"]["clip"] for n in prompt.values() if n["class_type"] == "LatentSyncExampleClip")
    before = frames_of(next(MEDIA.glob(f"latentsync_{clip}.*")))
    before = before * len(after) if len(before) == 1 else before
    save_jpeg(EXAMPLES / f"{name}.jpg", make_thumbnail(before, after), MOST_BYTES)
    if name == FIRST:
        write_animation(SCREENSHOTS / "LatentSyncLipSyncVideo.webp", before, after)


def frames_of(file):
    clip = FileClip(file)
    return [np.asarray(frame) for frame in clip.read(range(len(clip.times)))]


def show_first_workflow(page, server):
    """Show the README's example after its run, with the result in Save Video."""
    page.open(json.loads((EXAMPLES / f"{FIRST}.json").read_text(encoding="utf-8")))
    page.queue()
    server.newest_status()
    page.screenshot(ROOT / "docs" / "first_workflow.jpg", tight=True)


def show_faces(page, server):
    """Show LatentSync Faces with what it draws."""
    prompt = workflow("03_pick_a_speaker")
    for node_id in of_type(prompt, "LatentSyncLipSyncVideo") + of_type(prompt, "SaveVideo"):
        del prompt[node_id]
    page.open_api(prompt)
    page.lay_out("")
    page.queue()
    server.newest_status()
    page.fit()
    page.keep_only("LatentSyncFaces", [640, 600])
    page.screenshot(SCREENSHOTS / "LatentSyncFaces.jpg", margin=130, tight=True)


if __name__ == "__main__":
    main()
