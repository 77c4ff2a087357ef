"""Everything a developer runs: `python dev.py demo | test | check | bench | gpu`. Needs Python 3.10 or newer.

Each command but `gpu` first makes the virtual environment .venv, if it is not there or out of date, and installs into
it what pyproject.toml names.
"""

import hashlib
import importlib.util
import os
import subprocess
import sys
import venv
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.sha256"
TORCH = "torch==2.13.0"
"""The torch that .venv gets where it has none. The project itself takes any torch from its lower bound on."""


def demo(arguments):
    """Lip-sync a clip made on the spot; the results lie in output/demo."""
    run("scripts/demo.py", *arguments)


def test(arguments):
    """Run the tests that this machine allows; --all takes the slow ones too, other arguments go to pytest."""
    which = () if "--all" in arguments else ("-m", "not slow")
    given = [argument for argument in arguments if argument != "--all"]
    run("-m", "pytest", "--numprocesses=auto", "--dist=loadfile", "--no-loadscope-reorder", *which, *given)


def check(arguments):
    """Check formatting, lint, types, and the rules of ARCHITECTURE.md."""
    run("-m", "ruff", "format", "--check", ".")
    run("-m", "ruff", "check", ".")
    run("-m", "mypy")
    run("-m", "pytest", "tests/test_structure.py")


def bench(arguments):
    """Measure what presets, networks and clips cost, also beside a checkout of upstream; --help says more."""
    run("-m", "benchmarks.speed", *arguments)


def gpu(arguments):
    """Check and measure on a GPU, with this very Python, whose torch has to know it; --help says more."""
    if importlib.util.find_spec("torch") is None:
        sys.exit(f"{sys.executable} has no torch: run dev.py with a Python that has one for your GPU.")
    sys.exit(subprocess.call([sys.executable, "-m", "benchmarks.gpu", *arguments], cwd=ROOT))


def run(*arguments):
    # Idle threads of PyTorch otherwise spin for long, which on a busy machine takes the time from those that work.
    code = subprocess.call([str(PYTHON), *arguments], cwd=ROOT, env={"GOMP_SPINCOUNT": "1000"} | os.environ)
    if code:
        sys.exit(code)


def set_up():
    """Make .venv, or bring it up to date."""
    digest = hashlib.sha256()
    for name in ("requirements.txt", "pyproject.toml"):
        digest.update((ROOT / name).read_bytes())
    if PYTHON.exists() and STAMP.exists() and STAMP.read_text() == digest.hexdigest():
        return
    print(
        "Setting up .venv: PyTorch and the other packages, about 2 GB; this takes a few minutes once.",
        flush=True,
    )
    if not PYTHON.exists():
        venv.create(VENV, with_pip=True)
    has_torch = subprocess.call(
        [str(PYTHON), "-c", "import importlib.util, sys; sys.exit(importlib.util.find_spec('torch') is None)"]
    )
    if has_torch != 0:
        run("-m", "pip", "install", "--quiet", TORCH)
    run("-m", "pip", "install", "--quiet", "--editable", ".[dev]")
    STAMP.write_text(digest.hexdigest())


COMMANDS = {command.__name__: command for command in (demo, test, check, bench, gpu)}


def main():
    if sys.version_info < (3, 10):
        sys.exit(f"Python 3.10 or newer is needed, this is {sys.version.split()[0]}.")
    if len(sys.argv) < 2 or sys.argv[1] not in COMMANDS:
        print(__doc__)
        for name, command in COMMANDS.items():
            print(f"  python dev.py {name:6} {command.__doc__}")
        sys.exit(2)
    if sys.argv[1] != "gpu":  # .venv has a torch for CPUs
        set_up()
    COMMANDS[sys.argv[1]](sys.argv[2:])


if __name__ == "__main__":
    main()
