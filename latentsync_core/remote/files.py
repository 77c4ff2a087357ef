"""Paths of a run's files: the result, its partial download, and encoded media."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .redact import log
from .settings import Settings


@dataclass(frozen=True)
class RunFiles:
    """The paths of one run; only `output` is left at its end."""

    output: Path
    part: Path
    """What was downloaded so far."""
    workspace: Path
    """A folder for encoded media."""

    @classmethod
    def of(cls, job_key: str, output: Path, settings: Settings) -> RunFiles:
        """Return the paths of a job, the same in each run, so that the next one removes what this one cannot."""
        part = output.with_name(f".{output.name}.{job_key[:8]}.part")
        return cls(output, part, settings.state_dir / f"work-{job_key[:16]}")

    def clear(self) -> None:
        """Remove what an interrupted run has left."""
        shutil.rmtree(self.workspace, ignore_errors=True)
        try:
            self.part.unlink(missing_ok=True)
        except OSError as exc:  # no reason to stop, and no error to put before another one
            log.warning("%s cannot be removed: %s", self.part, exc.strerror)
