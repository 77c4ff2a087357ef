"""Check and measure what a GPU does with the library; `python dev.py gpu` runs it, with the Python that runs dev.py.

    python dev.py gpu                          # at most 8 minutes on a machine with a CUDA GPU
    python dev.py gpu --upstream CHECKOUT      # beside upstream's network too
    python dev.py gpu --device cpu --tiny      # the same code with small networks, to test it

Weights are random and of the published sizes, but for the checks, which use `nano`. What does not fit the time is
skipped and said. Where COMFYUI_DIR names ComfyUI's folder, the tests of its memory modes run too; they need pytest.
Figures go to benchmarks/results/gpu.json, tables to standard output. The exit code is 1 where a check failed.
"""

import argparse
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch

from . import measure, report
from .checks import run_checks
from .networks import make_models
from .session import Session

ROOT = Path(__file__).resolve().parents[2]
COMFYUI_TESTS = ("tests/nodes/test_nodes_devices.py", "tests/nodes/test_nodes_lipsync.py")
Parts = dict[str, list[dict[str, Any]]]


def main(given: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="dev.py gpu", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--device", type=torch.device, default=torch.device("cuda"))
    parser.add_argument("--tiny", action="store_true", help="networks of nano's size at 64 px")
    parser.add_argument("--minutes", type=float, default=7.5, help="default: %(default)s")
    parser.add_argument("--upstream", type=Path, metavar="CHECKOUT", help="of bytedance/LatentSync; on Linux")
    parser.add_argument("--output", type=Path, default=report.RESULT, metavar="FILE.json")
    arguments = parser.parse_args(given)
    if arguments.device.type == "cuda" and not torch.cuda.is_available():
        print(
            f"{sys.executable} has torch {torch.__version__}, which finds no CUDA device. Run dev.py with a Python "
            "that has a torch for your GPU (see pytorch.org) and this project (pip install -e .).",
            file=sys.stderr,
        )
        return 2
    ends = time.monotonic() + 60 * arguments.minutes
    session = Session(arguments.device, arguments.tiny, ends, arguments.upstream)
    parts: Parts = {}
    for name, rows in list_parts(session):
        parts[name] = []
        for row in rows:
            parts[name].append(row)
            print(name, row, flush=True)
            report.write(arguments.output, session, parts)
    report.write(arguments.output, session, parts)
    print(*(report.format_part(name, rows) for name, rows in parts.items() if rows), sep="\n")
    print(*session.skipped, sep="\n")
    return int(any(row.get("passed") is False for rows in parts.values() for row in rows))


def list_parts(session: Session) -> Iterator[tuple[str, Iterator[dict[str, Any]]]]:
    """Yield the parts, what is asked for most first."""
    yield "checks", run_checks(session)
    models = make_models(session, 256)
    yield "presets", measure.measure_presets(session, models)
    yield "several windows at once", measure.measure_batches(session, models)
    yield "whole run", measure.measure_run(session, models)
    yield "compiled step", measure.measure_compiled(session, models)
    del models
    if not session.tiny and session.has_time("512 px", 30):
        yield "presets at 512 px", measure.measure_presets(session, make_models(session, 512))
    if session.upstream and session.has_time("upstream", 60):
        yield "beside upstream", measure.measure_upstream(session, session.upstream)
    if "COMFYUI_DIR" in os.environ and session.has_time("ComfyUI", 60):
        yield "ComfyUI", test_in_comfyui(session)


def test_in_comfyui(session: Session) -> Iterator[dict[str, Any]]:
    """Yield whether the tests of ComfyUI's memory modes pass."""
    command = [sys.executable, "-m", "pytest", "-q", *COMFYUI_TESTS]
    try:
        ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=session.left)
    except subprocess.TimeoutExpired:
        session.skipped.append("ComfyUI: stopped, as its tests took all the time that was left.")
        return
    yield {"check": "tests in ComfyUI", "got": ended.stdout.splitlines()[-1], "passed": ended.returncode == 0}


if __name__ == "__main__":
    sys.exit(main())
