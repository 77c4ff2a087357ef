"""The table of a batch: what became of each row, as CSV and as JSON."""

from __future__ import annotations

import csv
import io
import json
import time
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Literal

from ..outputs import write_text

Status = Literal["made", "kept", "failed"]

_PAUSE_SECONDS = 2.0
"""Between two times that the table is written, however many rows there are."""


@dataclass(frozen=True)
class Outcome:
    """What became of a row."""

    row: int
    """From 1 on."""
    status: Status
    """`made` now, `kept` from an earlier run of the same job, or `failed`."""
    video: str
    audio: str
    cues: str = ""
    """Of a dub, in place of audio."""
    output: str = ""
    error: str = ""
    windows: int | None = None
    seconds: float | None = None
    """That it took."""
    job: str = ""
    """The hash of the job."""


class ResultTable:
    """Outcomes in a folder, as results.csv and results.json."""

    def __init__(self, folder: Path) -> None:
        self._folder, self._written = folder, 0.0
        self.outcomes: dict[int, Outcome] = {}

    def add(self, outcome: Outcome) -> None:
        """Note an outcome; the files have it within two seconds, or with the next one, or after `write`."""
        self.outcomes[outcome.row] = outcome
        if time.monotonic() - self._written > _PAUSE_SECONDS:
            self.write()

    def count(self, status: Status) -> int:
        """Count the rows that ended so."""
        return sum(outcome.status == status for outcome in self.outcomes.values())

    def write(self) -> None:
        """Write both files, in the order of rows; raises OutputError."""
        rows = [asdict(outcome) for _, outcome in sorted(self.outcomes.items())]
        text = io.StringIO()
        table = csv.DictWriter(text, [field.name for field in fields(Outcome)], lineterminator="\n")
        table.writeheader()
        table.writerows(rows)
        write_text(self._folder / "results.csv", text.getvalue())
        write_text(self._folder / "results.json", json.dumps(rows, indent=1) + "\n")
        self._written = time.monotonic()
