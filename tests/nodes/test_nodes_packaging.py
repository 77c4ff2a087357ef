"""What ComfyUI's registry and its manager read."""

import ast
import re
import sys

from comfy_setup import ROOT

COMFYUI = {"comfy", "comfy_api", "comfy_execution", "folder_paths", "server"}
GIVEN_BY_COMFYUI = {"torch", "numpy", "PIL"}


def test_pyproject_has_what_the_registry_asks_for():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    section = text.split("[tool.comfy]")[1].split("\n[")[0]
    assert re.search(r'PublisherId = "[a-z-]+"', section) and "DisplayName" in section
    assert 'requires-comfyui = ">=0.25.0"' in section


def test_one_registration_form():
    """With NODE_CLASS_MAPPINGS ComfyUI never calls comfy_entrypoint."""
    text = (ROOT / "__init__.py").read_text(encoding="utf-8")
    assert "NODE_CLASS_MAPPINGS" not in text and "comfy_entrypoint" in text
    assert (ROOT / "web" / "latentsync.js").is_file()


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name.split(".")[0] for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            yield node.module.split(".")[0]


def test_nodes_import_only_what_comfyui_has():
    """Other libraries are the core's, which lists them in requirements.txt; the core is imported relatively."""
    names = {name for path in (ROOT / "nodes").rglob("*.py") for name in imported(path)}
    assert names - set(sys.stdlib_module_names) <= COMFYUI | GIVEN_BY_COMFYUI


def test_only_the_bridge_touches_devices_and_files():
    users = {
        path.name
        for path in (ROOT / "nodes").glob("*.py")
        if "comfy" in set(imported(path)) or "server" in set(imported(path))
    }
    assert users == set()


def test_a_node_is_short():
    """At most 15 lines of execute."""
    long = {}
    for path in (ROOT / "nodes").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.name == "execute":
                lines = node.end_lineno - node.body[0].lineno + 1
                if lines > 15:
                    long[path.name] = lines
    assert long == {}
