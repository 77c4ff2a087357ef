"""The command line's process keeps freed memory and lets idle threads sleep."""

import os
import subprocess
import sys

import pytest

ASK = "import os, sys\nfrom latentsync_core.process import tune_process; tune_process(); print(os.environ.get('GOMP_SPINCOUNT')); "


def ask(code="", **environment):
    clean = {k: v for k, v in os.environ.items() if k not in ("GOMP_SPINCOUNT", "OMP_WAIT_POLICY")}
    done = subprocess.run(
        [sys.executable, "-c", ASK + code],
        env=clean | environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout.split()


def test_idle_threads_sleep_soon_unless_the_user_says_otherwise():
    assert ask() == ["1000"]
    assert ask(GOMP_SPINCOUNT="7") == ["7"]
    assert ask(OMP_WAIT_POLICY="ACTIVE") == ["None"]


def test_nothing_is_tuned_before_torch_is_imported():
    assert ask("print('torch' in sys.modules)") == ["1000", "False"]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="mallopt is glibc's")
@pytest.mark.parametrize("where", ["fill()", "run(fill)"])
def test_freed_memory_is_taken_again_in_threads_too(where):
    code = (
        "import resource, threading\n"
        "def faults(): return resource.getrusage(resource.RUSAGE_SELF).ru_minflt\n"
        "def fill():\n    for _ in range(4): block = bytearray(80 << 20); del block\n"
        "def run(work):\n    thread = threading.Thread(target=work); thread.start(); thread.join()\n"
        f"{where}; before = faults(); {where}; print(faults() - before)"
    )
    untuned = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert int(ask(code)[-1]) < int(untuned) / 4
