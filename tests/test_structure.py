"""The rules of ARCHITECTURE.md that a machine can check: layers, sizes, imports, requirements."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE = ROOT / "latentsync_core"
LAYERS = [
    {"errors", "data", "options", "partial", "kept", "lazy", "version"},
    {"media", "faces", "models", "speech", "compositing", "synthetic", "timeleft"},
    {"plan", "weights", "diffusion", "metrics", "remote"},
    {"pipeline"},
    {"training"},
    {"cli"},
    {"__main__"},
]
LAYER = {part: number for number, parts in enumerate(LAYERS) for part in parts}
WITHIN_ZERO = {
    ("options", "errors"),
    ("data", "errors"),
    ("kept", "data"),
    ("kept", "errors"),
    ("kept", "partial"),
}
COMFY = {"comfy", "comfy_api", "folder_paths", "nodes", "server"}
DISTRIBUTIONS = {"cv2": "opencv-python"}
MAX_LINES = 300
OPTIONAL = {"matplotlib", "lpips"}
"""Training does without them: no pictures of curves, no perceptual loss."""


def core_files():
    return sorted(CORE.rglob("*.py"))


def imports(path):
    """(dots, module) of every import in a file, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


def part_of(path):
    relative = path.relative_to(CORE)
    return relative.parts[0] if len(relative.parts) > 1 else relative.stem


def imported_parts(path):
    """Parts of the core that a file imports relatively, apart from its own."""
    depth = len(path.relative_to(CORE).parts)
    for dots, module in imports(path):
        if dots == depth and module:
            yield module.split(".")[0]


def violations(edges):
    """Edges (importer, imported) that do not go strictly downwards."""
    return [
        (a, b) for a, b in edges if a != b and (a, b) not in WITHIN_ZERO and not LAYER[b] < LAYER[a]
    ]  # fmt: skip


def test_parts_import_only_from_lower_layers():
    edges = [(part_of(f), b) for f in core_files() if part_of(f) != "__init__" for b in imported_parts(f)]
    assert len(edges) > 20
    assert violations(edges) == []


def test_the_layer_rule_bites():
    assert violations([("media", "faces"), ("media", "pipeline")]) == [
        ("media", "faces"),
        ("media", "pipeline"),
    ]
    assert violations([("plan", "media"), ("cli", "pipeline")]) == []


def test_every_part_has_a_layer():
    parts = {part_of(path) for path in core_files()} - {"__init__"}
    assert parts <= set(LAYER)


def test_files_are_short():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in ROOT.rglob("*.py")
        if not any(part.startswith(".") or part == "build" for part in path.relative_to(ROOT).parts)
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_core_imports_itself_relatively_and_never_comfyui():
    absolute = [
        (str(path.relative_to(ROOT)), module)
        for path in core_files()
        for dots, module in imports(path)
        if dots == 0 and module.split(".")[0] in COMFY | {"latentsync_core"}
    ]
    assert absolute == []


def test_opencv_is_imported_only_where_it_may_be():
    users = {part_of(p) for p in core_files() if any(d == 0 and m == "cv2" for d, m in imports(p))}
    assert users <= {"faces", "compositing", "synthetic", "training"}


def requirements():
    return (ROOT / "requirements.txt").read_text().split()


def test_requirements_are_lower_bounds():
    assert all(re.fullmatch(r"[a-z_-]+>=[0-9.]+", line) for line in requirements())


def third_party(paths):
    tops = {module.split(".")[0] for path in paths for dots, module in imports(path) if dots == 0}
    return {DISTRIBUTIONS.get(name, name) for name in tops - set(sys.stdlib_module_names)}


def test_requirements_are_what_the_code_imports():
    required = {line.split(">=")[0] for line in requirements()}
    training = {path for path in core_files() if part_of(path) == "training"}
    assert third_party(set(core_files()) - training) - {"matplotlib"} == required  # the extra `plot`
    assert third_party(training) - required == {"accelerate"} | OPTIONAL
    extras = (ROOT / "pyproject.toml").read_text()
    assert 'train = ["accelerate>=' in extras and 'plot = ["matplotlib>=' in extras


def test_pyproject_takes_its_dependencies_from_requirements():
    text = (ROOT / "pyproject.toml").read_text()
    assert 'dynamic = ["dependencies"]' in text
    assert 'dependencies = { file = ["requirements.txt"] }' in text


PROBE = """
import os, sys, tempfile
before = dict(os.environ), list(sys.path), tempfile.gettempdir()
import latentsync_core
import latentsync_core.cli
assert before == (dict(os.environ), list(sys.path), tempfile.gettempdir())
print(sorted(name for name in ("torch", "diffusers", "transformers", "cv2", "av") if name in sys.modules))
"""


def test_importing_does_nothing():
    result = subprocess.run(
        [sys.executable, "-c", PROBE], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"


def test_public_names_exist():
    import latentsync_core

    for name in latentsync_core.__all__:
        assert getattr(latentsync_core, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'lipsync'"):
        latentsync_core.lipsync  # noqa: B018


def test_every_error_is_in_the_tree():
    from latentsync_core import errors

    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(kinds) > 5
    assert all(issubclass(kind, errors.LatentSyncError) and kind.__name__ in errors.__doc__ for kind in kinds)
