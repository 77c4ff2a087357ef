"""`latentsync.json`: what a checkpoint's tensors do not show."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import WeightsMismatchError

MANIFEST_FILE = "latentsync.json"
FACES = ("drawn",)


@dataclass(frozen=True)
class Manifest:
    """Sizes of a checkpoint that cannot be read off its tensors; the defaults are those of 1.5 and 1.6."""

    resolution: int | None = None
    """Side of the face crop in pixels; None where the checkpoint does not say."""
    window_frames: int = 16
    align_resolution: int | None = None
    """See `LipSyncModels`."""
    unet_heads: int = 8
    unet_groups: int = 32
    whisper_heads: int | None = None
    """None: the number in the Whisper file, else one for every 64 channels, as in all of OpenAI's models."""
    note: str | None = None
    """What users of the checkpoint should know, in one sentence; the command line prints it."""
    faces: str | None = None
    """What faces it was made for: one of FACES, or None for those of people."""

    @classmethod
    def read(cls, folder: Path) -> Manifest:
        """Read the manifest of a checkpoint folder; the defaults where it has none.

        {"resolution": 128, "window_frames": 16, "unet": {"heads": 4, "groups": 16}, "whisper": {"heads": 4},
         "note": "For drawn people.", "faces": "drawn"}

        Raises WeightsMismatchError for anything but these keys with whole numbers above 0, a text and one of FACES.
        """
        path = folder / MANIFEST_FILE
        if not path.is_file():
            return cls()
        return cls(
            **{
                name: _check_value(path, name, value)
                for name, value in _flatten(read_json(path), path).items()
            }
        )

    def to_json(self) -> str:
        """Return the text of the file that `read` reads back."""
        content = {
            "resolution": self.resolution,
            "window_frames": self.window_frames,
            "align_resolution": self.align_resolution,
            "unet": {"heads": self.unet_heads, "groups": self.unet_groups},
            "whisper": {"heads": self.whisper_heads},
            "note": self.note,
            "faces": self.faces,
        }
        return json.dumps(_drop_none(content), indent=1) + "\n"


_KEYS = {
    "resolution": "resolution",
    "window_frames": "window_frames",
    "align_resolution": "align_resolution",
    "unet.heads": "unet_heads",
    "unet.groups": "unet_groups",
    "whisper.heads": "whisper_heads",
    "note": "note",
    "faces": "faces",
}


def read_json(path: Path) -> dict[str, Any]:
    """Read a JSON file that holds an object; raises WeightsMismatchError if it holds anything else."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as exc:
        raise WeightsMismatchError(f"{path} is not JSON: {exc}. Restore or delete it.") from exc
    except OSError as exc:
        raise WeightsMismatchError(f"{path} cannot be read: {exc.strerror}.") from exc
    if not isinstance(content, dict):
        raise WeightsMismatchError(f"{path} takes a JSON object, got {type(content).__name__}.")
    return content


def _flatten(content: dict[str, Any], path: Path) -> dict[str, Any]:
    """Map nested keys to fields: {"unet": {"heads": 4}} to {"unet_heads": 4}."""
    flat = {}
    for key, value in content.items():
        for name, inner in (
            {f"{key}.{k}": v for k, v in value.items()} if isinstance(value, dict) else {key: value}
        ).items():
            if name not in _KEYS:
                raise WeightsMismatchError(f"{path} takes {', '.join(_KEYS)}, got {name!r}.")
            flat[_KEYS[name]] = inner
    return flat


def _check_value(path: Path, name: str, value: Any) -> Any:
    if name == "note":
        if not isinstance(value, str):
            raise WeightsMismatchError(f"{path}: {name} takes a text, got {value!r}.")
        return value
    if name == "faces":
        if value not in FACES:
            raise WeightsMismatchError(
                f"{path}: {name} takes {', '.join(FACES)} (or is left out), got {value!r}."
            )
        return value
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise WeightsMismatchError(f"{path}: {name} takes a whole number above 0, got {value!r}.")
    return value


def _drop_none(content: dict[str, Any]) -> dict[str, Any]:
    inner = {k: _drop_none(v) if isinstance(v, dict) else v for k, v in content.items()}
    return {key: value for key, value in inner.items() if value not in (None, {})}
