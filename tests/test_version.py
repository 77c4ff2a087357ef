"""pyproject.toml is the one source of the version."""

import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

import latentsync_core
from latentsync_core.cli import main
from latentsync_core.version import find_version

ROOT = Path(__file__).resolve().parents[1]
DECLARED = re.search(
    r'^version = "(.+)"$', (ROOT / "pyproject.toml").read_text(encoding="utf-8"), re.MULTILINE
)[1]


def test_a_checkout_reads_the_version_beside_it(tmp_path):
    assert latentsync_core.__version__ == DECLARED
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "latentsync-native"\nversion = "9.8.7"\n')
    assert find_version(tmp_path) == "9.8.7"


def test_an_installed_package_reads_its_metadata(tmp_path, monkeypatch):
    (tmp_path / "pyproject.toml").write_text('[project]\nname = "other"\nversion = "9.8.7"\n')
    monkeypatch.setattr(metadata, "version", {"latentsync-native": "1.2.3"}.__getitem__)
    assert find_version(tmp_path) == "1.2.3"
    assert find_version(tmp_path / "absent") == "1.2.3"


def test_a_copy_that_is_not_installed_says_so(tmp_path, monkeypatch):
    def missing(name):
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metadata, "version", missing)
    assert find_version(tmp_path) == "unknown"


def test_the_command_says_its_version(capsys):
    with pytest.raises(SystemExit) as exit_:
        main(["--version"])
    assert exit_.value.code == 0 and capsys.readouterr().out == f"latentsync {DECLARED}\n"


def test_the_package_is_imported_without_looking_for_the_version():
    code = "import sys, latentsync_core; print('importlib.metadata' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "False"
