"""Files that a command writes: checked before the work, written after it."""

from __future__ import annotations

import json
import os
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from ..data import Array
from ..errors import OptionError, OutputError
from ..faces import encode_image
from ..partial import replacing

IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
"""Of the images that `write_image` writes."""


def check_apart(path: Path, *others: Path) -> None:
    """Raise OutputError if writing `path` would overwrite one of the others."""
    for other in others:
        if path.resolve() == other.resolve():
            raise OutputError(
                f"{path} is also read or written otherwise; choose another name for the result."
            )


def check_report(path: Path, *others: Path) -> None:
    """Raise OutputError now if `write_json` could not write there later, or would overwrite one of the others."""
    check_apart(path, *others)
    if path.is_dir():
        raise OutputError(f"{path} is a folder; name a file in it.")
    if not path.parent.is_dir() or not os.access(path.parent, os.W_OK):
        raise OutputError(f"{path} cannot be written: {path.parent} is not a folder that may be written to.")


def check_plot(path: Path, *others: Path) -> None:
    """Raise now what would keep a plot from being written to `path` later: OptionError or OutputError."""
    if path.suffix.lower() != ".png":
        raise OptionError(f"--plot takes a file that ends in .png, got {path}.")
    check_report(path, *others)
    if find_spec("matplotlib") is None:
        raise OptionError(
            "--plot needs matplotlib, which is not installed: pip install matplotlib (it is the extra `plot`)."
        )


def write_image(path: Path, image: Array) -> None:
    """Write an image (H, W, 3) uint8, RGB, in the format of the suffix; raises OutputError."""
    content = encode_image(image, path.suffix.lower())
    try:
        with replacing(path) as partial:
            partial.write_bytes(content)
    except OSError as exc:
        raise OutputError(f"{path} cannot be written: {exc.strerror}.") from exc


def write_json(path: Path, content: dict[str, Any]) -> None:
    """Write a JSON file, whole or not at all; raises OutputError."""
    write_text(path, f"{_format_json(content)}\n")


def write_text(path: Path, text: str) -> None:
    """Write a text file, whole or not at all; raises OutputError."""
    try:
        if path.exists() and not path.is_file():  # such as /dev/stdout
            path.write_text(text, encoding="utf-8")
            return
        with replacing(path.resolve()) as partial:
            partial.write_text(text, encoding="utf-8")
    except OSError as exc:
        raise OutputError(f"{path} cannot be written: {exc.strerror}.") from exc


def _format_json(value: Any, indent: str = "") -> str:
    """Format a value with a line for each entry of an object; a list, which may have a value for each frame, is one."""
    if not isinstance(value, dict) or not value:
        return json.dumps(value)
    inner = f"{indent}  "
    lines = [f"{inner}{json.dumps(key)}: {_format_json(entry, inner)}" for key, entry in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
