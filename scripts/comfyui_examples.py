"""Make example_workflows/*.json and all pictures of the nodes out of tests/workflows/*.api.json.

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
from comfy_server import ComfyServer, install, of_type, workflow, workflow_names  # noqa: E402
from frontend import opened  # noqa: E402

EXAMPLES, PICTURES = ROOT / "example_workflows", ROOT / "web" / "docs"
THUMBNAIL = 480
MEDIA = """**Before you run it**: copy the files of this pack's folder `example_workflows/media` into ComfyUI's folder
`input`, then press R."""
NOTES = {
    "video_to_video": "### New words for a video\nVideo in, video out. It is read and written frame by frame, so that "
    "its length does not matter.",
    "frames_to_frames": "### Frames in, frames out\nThe frames come from a video here, and go to a folder of pictures. "
    "The mask shows what was changed. The preset *draft* is for a first look.",
    "pick_a_speaker": "### One of two people\n**LatentSync Faces** draws everybody with a number, and chooses: here the "
    "one on the right. Try `choose` = `number`, `point` or `box`.",
    "dub_the_middle": "### Dub a sentence in the middle\nThe seconds 1.0 to 2.4 are cut out, re-synced, and put back "
    "with a short cross-fade. Keep `start` of **Reassemble** the same as `start_time` of **Trim Video**.",
    "after_a_generator": "### After a generator of frames\nA still picture stands where your generator goes: connect the "
    "frames of Wan, LTX or AnimateDiff to `images`, and set `fps` to theirs, twice.",
    "remote": "### On a rented GPU, for money\n**LatentSync Remote** stands where **Lip Sync** would. This clip costs about "
    "$0.15; turn `dry_run` on to see the price first. The key is read from WAVESPEED_API_KEY: see the node's help page.",
}


def main():
    with tempfile.TemporaryDirectory(prefix="comfyui-server-") as folder:
        make_all(Path(folder))


def make_all(base):
    install(base)
    with ComfyServer(Path(os.environ["COMFYUI_DIR"]), base) as server:
        write_schemas(server)
        with opened(server.url) as page:
            for name in workflow_names():
                write_example(page, name)
            show_first_workflow(page, server)
            for node_id in server.json("/object_info"):
                if node_id.startswith("LatentSync"):
                    page.show_node(node_id)
                    page.screenshot(PICTURES / f"{node_id}.jpg", margin=130, tight=True)
            show_faces(page, server)


def write_schemas(server):
    """What ComfyUI says of the nodes in the examples; menus of files are left empty."""
    used = {node["class_type"] for name in workflow_names() for node in workflow(name).values()}
    known = server.json("/object_info")
    ours = {name for name in known if name.startswith("LatentSync")}
    schemas = {name: known[name] for name in sorted(used | ours)}
    for schema in schemas.values():
        for entry in schema["input"].get("required", {}).values():
            if len(entry) > 1 and any(key.endswith("_upload") for key in entry[1]):
                entry[1]["options"] = []
    path = ROOT / "tests" / "workflows" / "object_info.json"
    path.write_text(json.dumps(schemas, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


def write_example(page, name):
    page.open_api(workflow(name))
    page.lay_out(f"{NOTES[name]}\n\n{MEDIA}")
    page.fit()
    text = json.dumps(page.graph(), indent=1, ensure_ascii=False)
    (EXAMPLES / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    picture = EXAMPLES / f"{name}.jpg"
    page.screenshot(picture, margin=130, tight=True)
    full = cv2.imread(str(picture))
    size = THUMBNAIL, round(full.shape[0] * THUMBNAIL / full.shape[1])
    cv2.imwrite(str(picture), cv2.resize(full, size, interpolation=cv2.INTER_AREA))


def show_first_workflow(page, server):
    """The README's example after its run, with the result in Save Video."""
    page.open(json.loads((EXAMPLES / "video_to_video.json").read_text(encoding="utf-8")))
    page.queue()
    server.newest_status()
    page.screenshot(ROOT / "docs" / "first_workflow.jpg", tight=True)


def show_faces(page, server):
    """LatentSync Faces with what it draws."""
    prompt = workflow("pick_a_speaker")
    for node_id in of_type(prompt, "LatentSyncLipSyncVideo") + of_type(prompt, "SaveVideo"):
        del prompt[node_id]
    page.open_api(prompt)
    page.lay_out("")
    page.queue()
    server.newest_status()
    page.fit()
    page.keep_only("LatentSyncFaces", [640, 600])
    page.screenshot(PICTURES / "LatentSyncFaces.jpg", margin=130, tight=True)


if __name__ == "__main__":
    main()
