"""When a worker is taken for stuck: it lives, and its task does not end."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field

_TIMES_LONGER = 20.0


@dataclass(frozen=True)
class StuckLimit:
    """How long a task may take, by how long others of its kind took.

    It is far above what one takes on a busy machine, and a first one may be compiled: who works is never ended.
    """

    least: float = 600.0
    """Seconds that any task may take."""
    first: float = 6 * 3600.0
    """Seconds while none of its kind is done: large networks need hours for a window on a CPU."""
    _longest: dict[Hashable, float] = field(default_factory=dict)

    def note(self, kind: Hashable, seconds: float) -> None:
        """Note how long a task took; those of a kind had workers of the same device."""
        self._longest[kind] = max(seconds, self._longest.get(kind, 0.0))

    def seconds(self, kind: Hashable) -> float:
        """Return the limit: 20 times as long as the longest of the kind took, and at least `least`."""
        longest = self._longest.get(kind)
        return self.first if longest is None else max(self.least, _TIMES_LONGER * longest)
