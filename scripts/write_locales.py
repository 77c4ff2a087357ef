"""Write locales/en/nodeDefs.json from the schemas of the nodes; other languages are translated from it by hand."""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT / "tests" / "nodes"))


def make_definitions(nodes):
    """Return what ComfyUI's frontend reads: node id -> names and tooltips."""
    return {node_id: _make_definition(node.GET_SCHEMA()) for node_id, node in nodes.items()}


def _make_definition(schema):
    return {
        "display_name": schema.display_name,
        "description": schema.description,
        "inputs": dict(_list_inputs(schema.inputs)),
        "outputs": {
            str(i): {"name": part.display_name or part.id, "tooltip": part.tooltip}
            for i, part in enumerate(schema.outputs)
        },
    }


def _list_inputs(parts, prefix=""):
    """Yield key -> name and tooltip; the inputs of a menu's entries follow it, each once."""
    for part in parts:
        yield prefix + part.id, {"name": part.id, "tooltip": part.tooltip}
        entries = part.options if part.io_type == "COMFY_DYNAMICCOMBO_V3" else ()
        inner = {entry.id: entry for option in entries for entry in option.inputs}
        yield from _list_inputs(inner.values(), f"{prefix}{part.id}_")  # the frontend writes _ for the dot


def main():
    import comfy_setup

    comfy_setup.add_comfyui()
    content = make_definitions(comfy_setup.node_classes(comfy_setup.load_pack()))
    path = ROOT / "locales" / "en" / "nodeDefs.json"
    path.write_text(json.dumps(content, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"Wrote {path}; now translate what changed in the other folders of locales/.")


if __name__ == "__main__":
    main()
