"""The gate for media, from the server's side: measured in a process of its own, within a time."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from .failure import INVALID, TaskFailure
from .measure import give_measure
from .process import OwnProcess, ProcessDiedError

_SECONDS = 60.0
"""How long measuring one file may take."""


class Gate(Protocol):
    """Lets media in."""

    async def measure(self, kind: str, path: Path) -> float:
        """Return the seconds of a file's `video` or `audio`, the kind; raises TaskFailure where it is not one."""
        ...

    def close(self) -> None:
        """Stop for good."""
        ...


class ProcessGate:
    """Measures in a process of its own: a file that crashes a library ends only that."""

    def __init__(self) -> None:
        self._process = OwnProcess(give_measure)

    async def measure(self, kind: str, path: Path) -> float:
        """Measure; see `Gate.measure`."""
        try:
            return float(await self._process.call(kind, path, seconds=_SECONDS))
        except ProcessDiedError:
            raise TaskFailure(INVALID, f"the {kind} cannot be read") from None

    def close(self) -> None:
        """End the process."""
        self._process.close()
