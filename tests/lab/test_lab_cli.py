"""The command `latentsync-lab`."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]

WITHOUT_ACCELERATE = """
import sys
sys.modules["accelerate"] = None
from latentsync_lab.cli import main
sys.exit(main(["train", "nano", "--out", "run"]))
"""


def test_a_training_without_its_libraries_says_how_to_get_them(tmp_path):
    command = [sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r})\n{WITHOUT_ACCELERATE}"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert done.stderr.startswith("error: Training needs accelerate") and "[lab]" in done.stderr
    assert not any(tmp_path.iterdir())


def test_it_is_a_module_too():
    command = [sys.executable, "-m", "latentsync_lab", "--help"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("usage: latentsync-lab")
    assert "train" in done.stdout
