"""The rules of ARCHITECTURE.md that a machine can check: layers, sizes, imports, requirements."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE, LAB = ROOT / "latentsync_core", ROOT / "latentsync_lab"
LAYERS = [
    {"errors", "data", "options", "partial", "kept", "lazy", "version"},
    {"media", "faces", "models", "speech", "compositing", "timeleft"},
    {"plan", "weights", "diffusion", "metrics", "remote"},
    {"pipeline"},
    {"cli"},
    {"__main__"},
    # the lab's parts, which may use all of the core's
    {"lab.fresh", "lab.truth", "lab.pictures", "lab.synthetic"},
    {"lab.training"},
    {"lab.scripts"},
    {"lab.cli"},
    {"lab.__main__"},
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


def core_files():
    return sorted(CORE.rglob("*.py"))


def lab_files():
    return sorted(LAB.rglob("*.py"))


def imports(path):
    """(dots, module) of every import in a file, also those inside functions."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


def part_of(path):
    """The part that a file is in or is: `media`, or `lab.training` in the lab."""
    package, part = path.relative_to(ROOT).with_suffix("").parts[:2]
    return f"lab.{part}" if package == LAB.name else part


def imported_parts(path):
    """Parts that a file imports: of its own package relatively, of the other by its name."""
    package, *rest = path.relative_to(ROOT).parts
    for dots, module in imports(path):
        if dots == len(rest) and module:
            yield part_named(f"{package}.{module}")
        elif dots == 0 and module.startswith((f"{CORE.name}.", f"{LAB.name}.")):
            yield part_named(module)


def part_named(module):
    package, part = module.split(".")[:2]
    return f"lab.{part}" if package == LAB.name else part


def violations(edges):
    """Edges (importer, imported) that do not go strictly downwards."""
    return [
        (a, b) for a, b in edges if a != b and (a, b) not in WITHIN_ZERO and not LAYER[b] < LAYER[a]
    ]  # fmt: skip


def test_parts_import_only_from_lower_layers():
    files = core_files() + lab_files()
    edges = [(part_of(f), b) for f in files if not part_of(f).endswith("__init__") for b in imported_parts(f)]
    assert len(edges) > 20
    assert violations(edges) == []


def test_the_layer_rule_bites():
    assert violations([("media", "faces"), ("media", "pipeline")]) == [
        ("media", "faces"),
        ("media", "pipeline"),
    ]
    assert violations([("plan", "media"), ("cli", "pipeline"), ("lab.training", "pipeline")]) == []
    assert violations([("cli", "lab.training")]) == [("cli", "lab.training")]


def test_every_part_has_a_layer():
    parts = {part_of(path) for path in core_files() + lab_files()} - {"__init__", "lab.__init__"}
    assert parts <= set(LAYER)


def test_files_are_short():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in ROOT.rglob("*.py")
        if not any(part.startswith(".") or part == "build" for part in path.relative_to(ROOT).parts)
        and (lines := len(path.read_text(encoding="utf-8").splitlines())) > MAX_LINES
    }
    assert long == {}


def test_core_imports_itself_relatively_and_never_comfyui_or_the_lab():
    assert named(core_files(), COMFY | {CORE.name, LAB.name}) == []


def test_the_lab_imports_itself_relatively_and_never_comfyui():
    assert named(lab_files(), COMFY | {LAB.name}) == []


def test_nodes_never_import_the_lab():
    pack = [ROOT / "__init__.py", *(ROOT / "nodes").rglob("*.py")]
    assert [
        (str(path.relative_to(ROOT)), module)
        for path in pack
        for _, module in imports(path)
        if LAB.name in module.split(".")
    ] == []


def named(files, tops):
    """(file, module) of every import by name of the given packages."""
    return [
        (str(path.relative_to(ROOT)), module)
        for path in files
        for dots, module in imports(path)
        if dots == 0 and module.split(".")[0] in tops
    ]


def test_opencv_is_imported_only_where_it_may_be():
    users = {part_of(p) for p in core_files() if any(d == 0 and m == "cv2" for d, m in imports(p))}
    assert users <= {"faces", "compositing"}


def requirements():
    return (ROOT / "requirements.txt").read_text().split()


def test_requirements_are_lower_bounds():
    assert all(re.fullmatch(r"[a-z_-]+>=[0-9.]+", line) for line in requirements())


def third_party(paths):
    tops = {module.split(".")[0] for path in paths for dots, module in imports(path) if dots == 0}
    return {DISTRIBUTIONS.get(name, name) for name in tops - set(sys.stdlib_module_names)}


def test_requirements_are_what_the_code_imports():
    required = {line.split(">=")[0] for line in requirements()}
    assert third_party(core_files()) - required == set(extra("plot"))
    assert third_party(lab_files()) - required - {CORE.name} == set(extra("lab"))


def extra(name):
    """The distributions of an extra, each with a lower bound and nothing else."""
    line = re.search(rf"^{name} = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    return [re.fullmatch(r'"([a-z]+)>=[0-9.]+"', one)[1] for one in line.split(", ")]


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
