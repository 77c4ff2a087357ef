"""The examples and the help pages agree with the nodes."""

import importlib
import json
import re
from copy import deepcopy
from pathlib import Path

import pytest
from comfy_setup import every_input
from support.prompts import DYNAMIC, hosted, problems, spread

ROOT = Path(__file__).resolve().parents[2]
PROMPTS, EXAMPLES, DOCS = ROOT / "tests" / "workflows", ROOT / "example_workflows", ROOT / "web" / "docs"
NAMES = sorted(path.name.removesuffix(".api.json") for path in PROMPTS.glob("*.api.json"))
FILES = {"LoadVideo": "file", "LoadImage": "image", "LatentSyncLoadAudio": "audio"}
MEGABYTE = 1_000_000


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def schemas():
    return read(PROMPTS / "object_info.json")


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


def test_there_are_examples():
    assert len(NAMES) >= 5
    assert sorted(path.stem for path in EXAMPLES.glob("*.json")) == NAMES


def test_every_value_and_link_fits(name, schemas):
    assert problems(read(PROMPTS / f"{name}.api.json"), schemas) == []


@pytest.mark.parametrize(
    ("node", "change", "found"),
    [
        ("4", {"class_type": "LatentSyncNode"}, "unknown node"),
        ("3", {"inputs": {"model": "nano", "memory": "auto"}}, "precision is missing"),
        ("3", {"inputs": {"model": "nano", "memory": "auto", "precision": "fp4"}}, "not in the menu"),
        ("2", {"inputs": {"audio": "a", "start": -1.0, "duration": 0.0, "normalize": "off"}}, "not in 0.0.."),
        ("6", {"inputs": {"source": ["4", 7]}}, "has no output 7"),
        ("6", {"inputs": {"source": ["40", 0]}}, "missing node 40"),
        ("5", {"inputs": {"video": ["2", 0]}}, "AUDIO does not fit VIDEO"),
        ("3", {"inputs": {"modle": "nano"}}, "no such input"),
    ],
)
def test_the_check_bites(schemas, node, change, found):
    prompt = deepcopy(read(PROMPTS / "video_to_video.api.json"))
    prompt[node] |= change
    assert any(found in line for line in problems(prompt, schemas))


def test_comfy_lint_agrees(name, schemas):
    """The public linter of API prompts, which knows no ranges, on the same schemas with our media in the menus."""
    lint = pytest.importorskip("comfy_lint", reason="needs comfy-lint: pip install comfy-lint")
    known, prompt = deepcopy(schemas), read(PROMPTS / f"{name}.api.json")
    media = sorted(path.name for path in (EXAMPLES / "media").iterdir())
    for node, entry in FILES.items():
        known[node]["input"]["required"][entry][1]["options"] = media
    for node in prompt.values():  # the linter knows no inputs of the entries of menus
        required, optional = spread(known[node["class_type"]]["input"], node["inputs"])
        known[node["class_type"]]["input"] |= {"required": required, "optional": optional}
    known = importlib.import_module("comfy_lint.schema").normalize(known)
    assert lint.lint_workflow(prompt, known) == []
    next(iter(prompt.values()))["inputs"]["unknown"] = 1
    assert len(lint.lint_workflow(prompt, known)) == 1


@pytest.mark.parametrize("local", ["video_to_video", "frames_to_frames", "after_a_generator"])
def test_local_and_remote_are_interchangeable(schemas, local):
    prompt = read(PROMPTS / f"{local}.api.json")
    swapped = hosted(prompt, schemas)
    assert "LatentSyncRemote" in [node["class_type"] for node in swapped.values()]
    assert problems(swapped, schemas) == []
    assert {prompt[lost]["class_type"] for lost in prompt.keys() - swapped.keys()} <= {"MaskPreview"}


@pytest.mark.parametrize(
    ("node", "shared"),
    [("LatentSyncLipSyncVideo", {"video", "audio", "report"}),
     ("LatentSyncLipSyncFrames", {"images", "audio", "fps", "report"})],
)  # fmt: skip
def test_sockets_of_local_and_remote_nodes(schemas, node, shared):
    """What has the same name has the same type; the local model alone is another thing than the hosted one."""
    local, remote = sockets(schemas[node]), sockets(schemas["LatentSyncRemote"])
    same = {name for name in local.keys() & remote.keys() if local[name] == remote[name]}
    assert local.keys() & remote.keys() - same == {"model"} and same == shared


def sockets(schema):
    """Types of all inputs and outputs by their names."""
    inputs = {**schema["input"].get("required", {}), **schema["input"].get("optional", {})}
    outputs = dict(zip(schema["output_name"], schema["output"], strict=True))
    return {name: entry[0] for name, entry in inputs.items()} | outputs


def test_committed_schemas_are_those_of_the_nodes(schemas, nodes, home):
    """They are written by scripts/comfyui_examples.py; run it again after a change of nodes."""
    assert {key for key in schemas if key.startswith("LatentSync")} == set(nodes)
    for node_id, node in nodes.items():
        schema, known = node.GET_SCHEMA(), schemas[node_id]["input"]
        written = {**known.get("required", {}), **known.get("optional", {})}
        assert set(written) == {entry.id for entry in schema.inputs}, node_id
        for entry in schema.inputs:
            assert same(entry, *written[entry.id]), f"{node_id} {entry.id}"
        assert schemas[node_id]["output"] == [output.io_type for output in schema.outputs]


def same(entry, kind, settings):
    """Whether an input is as it was written down; menus of files and models depend on the machine."""
    wanted = {key: getattr(entry, key, None) for key in ("min", "max", "default")}
    written = {key: settings.get(key) for key in wanted} if kind in ("INT", "FLOAT") else wanted
    if kind == DYNAMIC:
        pairs = zip(entry.options, settings["options"], strict=True)
        return all(same_option(option, written) for option, written in pairs)
    menu = kind != "COMBO" or entry.id in ("model", "audio") or settings["options"] == list(entry.options)
    return entry.io_type == kind and wanted == written and menu


def same_option(option, written):
    inputs = written["inputs"].get("required", {})
    return option.key == written["key"] and all(same(entry, *inputs[entry.id]) for entry in option.inputs)


def test_the_graph_holds_the_nodes_of_the_prompt(name):
    prompt, graph = read(PROMPTS / f"{name}.api.json"), read(EXAMPLES / f"{name}.json")
    shown = {str(node["id"]): node["type"] for node in graph["nodes"] if node["type"] != "MarkdownNote"}
    assert shown == {node_id: node["class_type"] for node_id, node in prompt.items()}
    assert len(graph["links"]) == sum(
        isinstance(v, list) for n in prompt.values() for v in n["inputs"].values()
    )
    assert (EXAMPLES / f"{name}.jpg").stat().st_size > 1000


def test_the_media_of_the_examples_ship_with_them():
    used = {
        node["inputs"][FILES[node["class_type"]]]
        for name in NAMES
        for node in read(PROMPTS / f"{name}.api.json").values()
        if node["class_type"] in FILES
    }
    assert used == {path.name for path in (EXAMPLES / "media").iterdir()}
    shipped = [*EXAMPLES.rglob("*.*"), *(ROOT / "web").rglob("*.*"), *(ROOT / "docs").glob("*.jpg")]
    assert sum(path.stat().st_size for path in shipped) < MEGABYTE


def test_every_node_has_a_help_page_that_explains_all_of_it(nodes, home):
    for node_id, node in nodes.items():
        schema, page = node.GET_SCHEMA(), (DOCS / f"{node_id}.md").read_text(encoding="utf-8")
        assert page.startswith(f"# {schema.display_name}\n")
        rows = set(re.findall(r"^\| `(\w+)` \|", page, re.MULTILINE))
        assert rows == {part.id for part in [*every_input(schema.inputs), *schema.outputs]}, node_id
        assert "**Pitfalls**" in page
        for picture in re.findall(r"!\[.+\]\((\S+)\)", page):
            assert (DOCS / picture).exists()
        assert "![" in page
