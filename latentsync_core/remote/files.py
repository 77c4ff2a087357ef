"""Where the files of a run are: its result, what was downloaded of it, and what is encoded for it."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

from .redact import log
from .settings import Settings


@dataclass(frozen=True)
class RunFiles:
    """The places of one run; only `output` is left at its end."""

    output: Path
    part: Path
    """What was downloaded so far."""
    workspace: Path
    """A folder for encoded media."""

    @classmethod
    def of(cls, job_key: str, output: Path, settings: Settings) -> RunFiles:
        """The places of a job's run, the same ones in each, so that the next run removes what this one cannot."""
        part = output.with_name(f".{output.name}.{job_key[:8]}.part")
        return cls(output, part, settings.state_dir / f"work-{job_key[:16]}")

    def clear(self) -> None:
        """Remove what a run leaves that had no time to clean up."""
        shutil.rmtree(self.workspace, ignore_errors=True)
        try:
            self.part.unlink(missing_ok=True)
        except OSError as exc:  # no reason to stop, and no error to put before another one
            log.warning("%s cannot be removed: %s", self.part, exc.strerror)
