"""The version; pyproject.toml is its only source, as the Comfy registry reads it there."""

import re
from importlib import metadata
from pathlib import Path

NAME = "latentsync-native"


def find_version(folder: Path) -> str:
    """Return the version in `folder`/pyproject.toml if it is this project's, else the one that pip installed.

    A checkout and a pack of ComfyUI have the file beside the package and need not be installed; an installed wheel has
    no such file. "unknown" where the package was copied without either.
    """
    file = folder / "pyproject.toml"
    text = file.read_text(encoding="utf-8") if file.is_file() else ""
    found = re.search(rf'^name = "{NAME}"\nversion = "([^"]+)"$', text, re.MULTILINE)
    if found:
        return found[1]
    try:
        return metadata.version(NAME)
    except metadata.PackageNotFoundError:
        return "unknown"


__version__ = find_version(Path(__file__).resolve().parents[1])
