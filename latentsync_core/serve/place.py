"""The folder of a task: nothing in it is named by a client."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import dataclass
from pathlib import Path

from ..partial import replacing


@dataclass(frozen=True)
class TaskFolder:
    """Where the files of a task lie."""

    root: Path

    @classmethod
    def of(cls, folder: Path, task_id: str) -> TaskFolder:
        """Return the folder of a task in an endpoint's folder; it need not exist."""
        return cls(folder / "tasks" / task_id)

    @property
    def media(self) -> dict[str, Path]:
        """The media by the names of the contract."""
        return {"audio": self.root / "audio", "video": self.root / "video"}

    @property
    def names(self) -> dict[str, str]:
        """What clients are told instead of paths."""
        return {str(self.root / name): f"the {name}" for name in ("audio", "video", "result.mp4")}

    @property
    def work(self) -> Path:
        """Finished windows and the survey of faces, by content, for a run that goes on."""
        return self.root / "work"

    @property
    def result(self) -> Path:
        """What is computed."""
        return self.root / "result.mp4"

    def keep_outcome(self, inference_ms: int) -> None:
        """Note that the result is whole, on disk before anybody is told: a killed server does not compute it again."""
        for path in (self.result, self.root):
            _sync_to_disk(path)
        with replacing(self._outcome) as partial:
            partial.write_text(json.dumps({"inference_ms": inference_ms}), encoding="ascii")

    def read_outcome(self) -> int | None:
        """Return how many milliseconds the result took, or None where it is not whole."""
        try:
            return int(json.loads(self._outcome.read_text(encoding="ascii"))["inference_ms"])
        except FileNotFoundError:
            return None

    def remove_work(self) -> None:
        """Remove what only a run needs."""
        shutil.rmtree(self.work, ignore_errors=True)

    def remove(self) -> None:
        """Remove all files of the task."""
        shutil.rmtree(self.root, ignore_errors=True)

    @property
    def _outcome(self) -> Path:
        return self.root / "outcome.json"


def _sync_to_disk(path: Path) -> None:
    if os.name == "nt" and path.is_dir():  # Windows has no such call for folders
        return
    descriptor = os.open(path, os.O_RDONLY if os.name != "nt" else os.O_RDWR)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
