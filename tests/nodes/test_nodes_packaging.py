"""What ComfyUI's registry and its manager read."""

import ast
import re
import sys

from comfy_setup import ROOT

COMFYUI = {"comfy", "comfy_api", "comfy_execution", "folder_paths", "server"}
GIVEN_BY_COMFYUI = {"torch", "numpy", "PIL"}


FIELDS = {
    "name": r"(?!.*comfyui)[a-z]([-_.]?[a-z0-9])*",
    "version": r"\d+\.\d+\.\d+",
    "description": ".{20,200}",
    "readme": "README.md",
    "requires-python": ">=3.10",
    "PublisherId": "[a-z0-9-]+",
    "DisplayName": "LatentSync Native",
    "requires-comfyui": ">=0.25.0",
}
"""Of pyproject.toml, as https://docs.comfy.org/registry/specifications says."""


def test_pyproject_has_what_the_registry_asks_for():
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    for field, form in FIELDS.items():
        value = re.search(f'^{field} = "(.+)"$', text, re.MULTILINE)
        assert value and re.fullmatch(form, value[1]), field
    assert 'license = "Apache-2.0"' in text and '"Operating System :: OS Independent"' in text
    assert 'dynamic = ["dependencies"]' in text and 'dependencies = { file = ["requirements.txt"] }' in text


def test_addresses_are_addresses():
    """Icon, Banner and Repository are left out as long as there is no public address to name."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    urls = text.split("[project.urls]")[1].split("[")[0]
    named = re.findall(r'^(?:Icon|Banner|Repository) = "(.*)"$', text, re.MULTILINE)
    named += re.findall(r'^[^#\n]+ = "(.*)"$', urls, re.MULTILINE)
    assert named and [value for value in named if not value.startswith("https://")] == []
    icon = (ROOT / "web" / "icon.svg").read_text(encoding="utf-8")
    assert 'width="400" height="400"' in icon  # the registry takes SVG up to 800 x 400, square here


def test_the_archive_holds_what_users_need():
    ignored = (ROOT / ".comfyignore").read_text(encoding="utf-8").split()
    for needed in (
        "nodes",
        "web",
        "locales",
        "example_workflows",
        "subgraphs",
        "latentsync_core",
        "requirements.txt",
        "README.md",
    ):
        assert (ROOT / needed).exists() and f"{needed}/" not in ignored and needed not in ignored
    assert "tests/" in ignored


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
