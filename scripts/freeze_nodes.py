"""Add to tests/nodes/frozen.json what the nodes have and it does not: ids, inputs, outputs that workflows will hold.

What is frozen stays as it is: the script refuses to change it, as that would break people's saved workflows. New
widgets come after the old ones, because graphs keep their values by position.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
FROZEN = ROOT / "tests" / "nodes" / "frozen.json"
DYNAMIC = "COMFY_DYNAMICCOMBO_V3"
WIDGETS = {"INT", "FLOAT", "STRING", "BOOLEAN", "COMBO", DYNAMIC}
OF_THE_MACHINE = {
    ("LatentSyncLoadModel", "model"),
    ("LatentSyncLoadAudio", "audio"),
    ("LatentSyncSyncScore", "model"),
}
"""Menus that show what is on disk."""


def make_contract(nodes):
    """Return, by node id, what saved workflows and API prompts hold of a node."""
    return {node_id: _describe_node(node.GET_SCHEMA()) for node_id, node in nodes.items()}


def find_broken(frozen, now):
    """Yield a line for everything frozen that has changed."""
    for node_id, old in frozen.items():
        if node_id not in now:
            yield f"{node_id} is gone"
            continue
        new = now[node_id]
        yield from (f"{node_id}: {line}" for line in _find_changed(old["inputs"], new["inputs"]))
        if new["outputs"][: len(old["outputs"])] != old["outputs"]:
            yield f"{node_id}: outputs {old['outputs']} became {new['outputs']}"


def _describe_node(schema):
    inputs = {
        part.id: _describe_input(part, (schema.node_id, part.id) in OF_THE_MACHINE) for part in schema.inputs
    }
    return {"inputs": inputs, "outputs": [[part.id, part.io_type] for part in schema.outputs]}


def _describe_input(part, of_the_machine=False):
    held = {"type": part.io_type, "optional": bool(part.optional)}
    if getattr(part, "force_input", None):
        return held | {"socket": True}  # what it shows as a widget is never seen
    for name in ("default", "min", "max"):
        if (value := getattr(part, name, None)) is not None:
            held[name] = value
    if part.io_type == DYNAMIC:
        held["entries"] = {
            o.key: {entry.id: _describe_input(entry) for entry in o.inputs} for o in part.options
        }
    elif part.io_type == "COMBO" and not of_the_machine:
        held["choices"] = list(part.options)
    return held


def _find_changed(old, new, prefix=""):
    for name, entry in old.items():
        if name not in new:
            yield f"input {prefix}{name} is gone"
            continue
        yield from _find_changed_input(f"{prefix}{name}", entry, new[name])
    yield from (
        f"new input {prefix}{name} is required"
        for name in new.keys() - old.keys()
        if not new[name]["optional"]
    )
    before, after = _list_widgets(old), _list_widgets(new)
    if after[: len(before)] != before:
        yield f"widgets {prefix}{before} became {after}"


def _find_changed_input(name, old, new):
    for key, value in old.items():
        if key in ("choices", "entries") and set(value) <= set(new[key]):
            continue
        if new.get(key) != value:
            yield f"{key} of {name} was {value}, is {new.get(key)}"
    for entry, inputs in old.get("entries", {}).items():
        if entry in new["entries"]:
            yield from _find_changed(inputs, new["entries"][entry], f"{name}={entry}.")


def _list_widgets(inputs):
    """Return those that hold a value, in the order of a graph: required ones first."""
    held = {name: e for name, e in inputs.items() if e["type"] in WIDGETS and "socket" not in e}
    return sorted(held, key=lambda name: held[name]["optional"])


def main():
    sys.path.insert(0, str(ROOT / "tests" / "nodes"))
    import comfy_setup

    comfy_setup.add_comfyui()
    now = make_contract(comfy_setup.node_classes(comfy_setup.load_pack()))
    frozen = json.loads(FROZEN.read_text(encoding="utf-8")) if FROZEN.exists() else {}
    if lines := list(find_broken(frozen, now)):
        sys.exit("\n".join(["Saved workflows would break:", *lines]))
    FROZEN.write_text(json.dumps(now, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Wrote {FROZEN}.")


if __name__ == "__main__":
    main()
