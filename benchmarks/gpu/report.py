"""What was measured, as JSON and as tables in Markdown."""

import json
import platform
from datetime import date
from importlib.metadata import version
from pathlib import Path
from typing import Any

import torch

from latentsync_core.partial import replacing

from .session import Session

PACKAGES = ("torch", "diffusers", "transformers", "numpy")
RESULT = Path(__file__).resolve().parents[1] / "results" / "gpu.json"


def describe(session: Session) -> dict[str, Any]:
    """Return what the figures are of."""
    cuda = session.device.type == "cuda"
    return {
        "day": date.today().isoformat(),
        "device": torch.cuda.get_device_name(session.device) if cuda else str(session.device),
        "memory GiB": round(torch.cuda.get_device_properties(session.device).total_memory / 2**30, 1)
        if cuda
        else None,
        "cuda": torch.version.cuda,
        "dtype": str(session.dtype).removeprefix("torch."),
        "tiny": session.tiny,
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": {name: version(name) for name in PACKAGES},
    }


def write(path: Path, session: Session, parts: dict[str, list[dict[str, Any]]]) -> None:
    """Write all figures."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = {**describe(session), "parts": parts, "skipped": session.skipped}
    with replacing(path) as unfinished:
        unfinished.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


def format_part(name: str, rows: list[dict[str, Any]]) -> str:
    """Return one part as a table in Markdown."""
    columns = list(dict.fromkeys(column for row in rows for column in row))
    lines = [columns, ["---"] * len(columns), *([_format(row.get(c)) for c in columns] for row in rows)]
    return "\n".join([f"\n{name}\n", *(f"| {' | '.join(line)} |" for line in lines)])


def _format(value: Any) -> str:
    if value is None:
        return ""
    return f"{value:.3g}" if isinstance(value, float) else str(value)
