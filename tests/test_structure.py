"""The rules of ARCHITECTURE.md that a machine can check: layers, sizes, imports, requirements."""

import ast
import re
import subprocess
import sys
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
CORE, LAB, BRIDGE = (ROOT / name for name in ("latentsync_core", "latentsync_lab", "nodes/bridge"))
COMFY = {"comfy", "comfy_api", "folder_paths", "nodes", "server"}
DISTRIBUTIONS = {"cv2": "opencv-python"}
MAX_LINES = 300


def layers(package):
    """The layer of each part, as ARCHITECTURE.md's table of the package has it."""
    text = (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")
    (table,) = re.findall(rf"\| layer of {package} \| parts \|\n\|---\|---\|\n((?:\| .*\n)+)", text)
    rows = [re.sub(r"\(.*?\)+", "", row).split("|")[1:3] for row in table.splitlines()]
    return {part: int(number) for number, parts in rows for part in re.findall(r"`(\w+)`", parts)}


LAYER = {
    **layers("latentsync_core"),
    "__main__": 100,
    # the lab's parts may use all of the core's
    **{f"lab.{part}": 200 + number for part, number in layers("latentsync_lab").items()},
    "lab.__main__": 300,
    **{f"bridge.{part}": 200 + number for part, number in layers("nodes/bridge").items()},
}


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
            names = [node.module] if node.module else [alias.name for alias in node.names]
            yield from ((node.level, name) for name in names)


def part_of(path):
    """The part that a file is in or is: `media`, or `lab.training` in the lab, `bridge.run` in nodes/bridge."""
    return part_named(".".join(path.relative_to(ROOT).with_suffix("").parts))


def imported_parts(path):
    """Parts that a file imports: of its own package relatively, of another by its name."""
    package = path.relative_to(ROOT).parts[:-1]
    for dots, module in imports(path):
        name = ".".join([*package[: len(package) + 1 - dots], module]) if dots else module
        yield from filter(None, [part_named(name)])


def part_named(module):
    """The part that a module of ours is in, None for others and for a package as a whole."""
    prefixes = {CORE.name: "", LAB.name: "lab.", "nodes.bridge": "bridge."}
    for package, prefix in prefixes.items():
        if module.startswith(f"{package}.") and module != f"{CORE.name}.__version__":
            return prefix + module.removeprefix(f"{package}.").split(".")[0]
    return None


def violations(edges):
    """Edges (importer, imported) that do not go strictly downwards."""
    return [(a, b) for a, b in edges if a != b and not LAYER[b] < LAYER[a]]


def layered_files():
    files = core_files() + lab_files() + sorted(BRIDGE.glob("*.py"))
    return [path for path in files if not part_of(path).endswith("__init__")]


def test_parts_import_only_from_lower_layers():
    edges = [(part_of(path), part) for path in layered_files() for part in imported_parts(path)]
    assert len(edges) > 20
    assert violations(edges) == []


def test_the_layer_rule_bites():
    assert violations([("media", "faces"), ("media", "pipeline")]) == [
        ("media", "faces"),
        ("media", "pipeline"),
    ]
    assert violations([("plan", "media"), ("cli", "pipeline"), ("lab.training", "pipeline")]) == []
    assert violations([("cli", "lab.training"), ("bridge.run", "bridge.score")]) == [
        ("cli", "lab.training"),
        ("bridge.run", "bridge.score"),
    ]


def test_every_part_has_a_layer():
    assert {part_of(path) for path in layered_files()} == set(LAYER)


def test_nodes_import_the_bridge_and_not_each_other():
    nodes = [path for path in (ROOT / "nodes").glob("*.py") if path.stem not in {"__init__", "sockets"}]
    names = {path.stem for path in nodes}
    assert len(names) > 5
    for path in nodes:
        assert not names & {module for dots, module in imports(path) if dots == 1}


def public_names(path):
    """Names that a module defines for others: functions, classes and constants."""
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef, ast.ClassDef)):
            found = [node.name]
        else:
            targets = getattr(node, "targets", None) or [getattr(node, "target", None)]
            found = [name.id for t in targets if t for name in ast.walk(t) if isinstance(name, ast.Name)]
        yield from (name for name in found if not name.startswith("_"))


def test_a_public_name_means_one_thing():
    homes = {}
    for path in core_files():
        for name in set(public_names(path)) - {"log", "T"}:  # each module's logger; a type variable
            homes.setdefault(name, []).append(str(path.relative_to(CORE)))
    assert len(homes) > 500
    assert {name: found for name, found in homes.items() if len(found) > 1} == {}


def ambiguous_docstrings(text):
    """Lines of strings in a module's body that do not follow exactly one constant, apart from the module's own."""
    body = ast.parse(text).body
    for i, node in enumerate(body[1:], 1):
        if isinstance(node, ast.Expr) and isinstance(getattr(node.value, "value", None), str):
            before, constant = body[i - 2] if i > 1 else None, body[i - 1]
            touched = is_constant(before) and constant.lineno == before.end_lineno + 1
            if touched or not is_constant(constant):
                yield node.lineno


def is_constant(node):
    return isinstance(node, (ast.Assign, ast.AnnAssign))


def test_a_docstring_is_about_one_constant():
    files = [*core_files(), *lab_files(), *(ROOT / "nodes").rglob("*.py")]
    found = {
        str(path.relative_to(ROOT)): list(ambiguous_docstrings(path.read_text(encoding="utf-8")))
        for path in files
    }
    assert {path: lines for path, lines in found.items() if lines} == {}


def test_the_docstring_rule_bites():
    assert list(ambiguous_docstrings('"""Module."""\nA = 1\nB = 2\n"""Of which?"""')) == [4]
    assert list(ambiguous_docstrings('import os\n"""Of nothing."""')) == [2]
    assert list(ambiguous_docstrings('A = 1\n\nB = 2\n"""Of B."""\nC = 3\n"""Of C."""')) == []


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
    assert users <= {"faces", "compositing", "planar", "upstream"}


def requirements():
    return (ROOT / "requirements.txt").read_text().split()


def test_requirements_are_lower_bounds():
    assert all(re.fullmatch(r"[a-z0-9_-]+>=[0-9.]+", line) for line in requirements())


def third_party(paths):
    tops = {module.split(".")[0] for path in paths for dots, module in imports(path) if dots == 0}
    return {DISTRIBUTIONS.get(name, name) for name in tops - set(sys.stdlib_module_names)}


def test_requirements_are_what_the_code_imports():
    required = {line.split(">=")[0] for line in requirements()}
    plugins = {name for name in extra("otio") if name.startswith("otio-")}  # which OpenTimelineIO imports
    extras = {*extra("plot"), *extra("cluster"), *extra("otio"), *extra("serve")}
    assert third_party(core_files()) - required == extras - plugins
    assert third_party(lab_files()) - required - {CORE.name} == set(extra("lab"))


def extra(name):
    """The distributions of an extra, each with a lower bound, and nothing else but ray's next major version."""
    line = re.search(rf"^{name} = \[(.*)\]$", (ROOT / "pyproject.toml").read_text(), re.MULTILINE)[1]
    return [re.fullmatch(r'"([a-z0-9-]+)>=[0-9.]+(?:,<3)?"', one)[1] for one in line.split(", ")]


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


def test_scripts_import_names_that_exist():
    """Nothing else looks at them: they are not type-checked, and few are run by a test."""
    scripts = [*(ROOT / "scripts").rglob("*.py"), *(ROOT / "benchmarks").rglob("*.py")]
    asked = [
        (path.name, node.module, alias.name)
        for path in scripts
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith((CORE.name, LAB.name))
        for alias in node.names
    ]
    assert len(asked) > 30
    assert [ask for ask in asked if not is_there(*ask[1:])] == []


def is_there(module, name):
    home = import_module(module)
    return hasattr(home, name) or (hasattr(home, "__path__") and find_spec(f"{module}.{name}") is not None)


def test_every_error_is_in_the_tree():
    from latentsync_core import errors

    kinds = [value for value in vars(errors).values() if isinstance(value, type)]
    assert len(kinds) > 5
    assert all(issubclass(kind, errors.LatentSyncError) and kind.__name__ in errors.__doc__ for kind in kinds)
