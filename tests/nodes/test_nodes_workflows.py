"""The examples and the help pages agree with the nodes."""

import importlib
import json
from copy import deepcopy
from pathlib import Path

import cv2
import pytest
from support.prompts import DYNAMIC, hosted, problems, spread

ROOT = Path(__file__).resolve().parents[2]
PROMPTS, EXAMPLES, DOCS = ROOT / "tests" / "workflows", ROOT / "example_workflows", ROOT / "web" / "docs"
NAMES = sorted(path.name.removesuffix(".api.json") for path in PROMPTS.glob("*.api.json"))
MEDIA = EXAMPLES / "media"
SMALL = 1_400_000
"""Bytes of all images, examples and their media."""


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
        ("2", {"inputs": {"fps": 0.0, "choose": "left"}}, "not in 1.0.."),
        ("2", {"inputs": {"fps": 25.0, "choose": "number"}}, "choose.number is missing"),
        ("2", {"inputs": {"fps": 25.0, "choose": "number", "choose.number": 17}}, "not in 1..16"),
        ("2", {"inputs": {"fps": 25.0, "choose": "tallest"}}, "not in the menu"),
        ("6", {"inputs": {"source": ["4", 7]}}, "has no output 7"),
        ("6", {"inputs": {"source": ["40", 0]}}, "missing node 40"),
        ("5", {"inputs": {"video": ["1", 2]}}, "AUDIO does not fit VIDEO"),
        ("3", {"inputs": {"modle": "nano"}}, "no such input"),
    ],
)
def test_the_check_bites(schemas, node, change, found):
    prompt = deepcopy(read(PROMPTS / "03_pick_a_speaker.api.json"))
    prompt[node] |= change
    assert any(found in line for line in problems(prompt, schemas))


def test_comfy_lint_agrees(name, schemas):
    """The public linter of API prompts, which knows no ranges, on the same schemas with our media in the menus."""
    lint = pytest.importorskip("comfy_lint", reason="needs comfy-lint: pip install comfy-lint")
    known, prompt = deepcopy(schemas), read(PROMPTS / f"{name}.api.json")
    known["VHS_LoadVideo"]["input"]["required"]["video"][0] = [path.name for path in MEDIA.iterdir()]
    for node in prompt.values():  # the linter knows no inputs of the entries of menus
        required, optional = spread(known[node["class_type"]]["input"], node["inputs"])
        known[node["class_type"]]["input"] |= {"required": required, "optional": optional}
    known = importlib.import_module("comfy_lint.schema").normalize(known)
    assert lint.lint_workflow(prompt, known) == []
    next(iter(prompt.values()))["inputs"]["unknown"] = 1
    assert len(lint.lint_workflow(prompt, known)) == 1


@pytest.mark.parametrize(
    "local", ["01_new_words_for_a_video", "04_frames_in_frames_out", "06_behind_a_generator"]
)
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
    inputs = {**written["inputs"].get("required", {}), **written["inputs"].get("optional", {})}
    return option.key == written["key"] and all(same(entry, *inputs[entry.id]) for entry in option.inputs)


def test_the_graph_holds_the_nodes_of_the_prompt(name):
    prompt, graph = read(PROMPTS / f"{name}.api.json"), read(EXAMPLES / f"{name}.json")
    shown = {str(node["id"]): node["type"] for node in graph["nodes"] if node["type"] != "MarkdownNote"}
    assert shown == {node_id: node["class_type"] for node_id, node in prompt.items()}
    assert len(graph["links"]) == sum(
        isinstance(v, list) for n in prompt.values() for v in n["inputs"].values()
    )
    assert (EXAMPLES / f"{name}.jpg").stat().st_size > 1000


def test_the_blueprint_is_one_node(schemas):
    """Its inputs, widgets and outputs lead to nodes that exist, and it names no model that others may lack."""
    (file,) = (ROOT / "subgraphs").glob("*.json")
    graph = read(file)
    (outer,), (inner,) = graph["nodes"], graph["definitions"]["subgraphs"]
    assert outer["title"] == inner["name"] == file.stem and outer["type"] == inner["id"]
    assert [entry["name"] for entry in outer["inputs"]] == [entry["name"] for entry in inner["inputs"]]
    shown = {entry["name"]: entry["type"] for entry in outer["inputs"]}
    widgets = {"preset": "COMBO", "seed": "INT", "filename_prefix": "STRING"}
    assert shown == {"video": "VIDEO", "audio": "AUDIO", "model": "LATENTSYNC_MODEL"} | widgets
    assert [(entry["name"], entry["type"]) for entry in outer["outputs"]] == [
        ("video", "VIDEO"),
        ("report", "STRING"),
    ]
    assert all(len(slot["linkIds"]) == 1 for slot in inner["inputs"] + inner["outputs"])
    assert (
        {node["type"] for node in inner["nodes"]} == {"LatentSyncLipSyncVideo", "SaveVideo"} <= set(schemas)
    )


def test_every_example_has_a_note_and_its_number():
    """ComfyUI lists them by name, and shows a note as Markdown."""
    assert [name[:3] for name in NAMES] == [f"{number:02}_" for number in range(1, len(NAMES) + 1)]
    for name in NAMES:
        (note,) = (
            node for node in read(EXAMPLES / f"{name}.json")["nodes"] if node["type"] == "MarkdownNote"
        )
        assert note["widgets_values"] == [(PROMPTS / f"{name}.md").read_text(encoding="utf-8")]
        assert note["widgets_values"][0].startswith(f"### {int(name[:2])} ")


def test_thumbnails_are_small_images_of_one_width():
    """ComfyUI asks for NAME.jpg, and for nothing that moves."""
    for name in NAMES:
        height, width, _ = cv2.imread(str(EXAMPLES / f"{name}.jpg")).shape
        assert width == 480 and 100 < height < 700, name


def test_the_examples_bring_their_media(bridge):
    """Nothing has to be copied first, but for VideoHelperSuite's own loader, whose note says so."""
    nodes = [node for name in NAMES for node in read(PROMPTS / f"{name}.api.json").values()]
    loaders = {node["class_type"] for node in nodes if "Load" in node["class_type"]}
    assert loaders == {"LatentSyncLoadModel", "VHS_LoadVideo", "VHS_VideoInfoLoaded"}
    example = bridge("example")
    shown = {n["inputs"]["clip"] for n in nodes if n["class_type"] == "LatentSyncExampleClip"}
    assert shown == set(example.CLIPS)
    assert {*example.CLIPS.values(), example.SENTENCE} == {path.name for path in MEDIA.iterdir()}


def test_what_is_shipped_is_small():
    shipped = [*EXAMPLES.rglob("*.*"), *(ROOT / "web").rglob("*.*"), *(ROOT / "docs").glob("*.jpg")]
    assert sum(path.stat().st_size for path in shipped) < SMALL
