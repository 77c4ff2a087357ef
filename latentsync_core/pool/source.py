"""Which networks a worker loads."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .maker import NetworkMaker


@dataclass(frozen=True)
class ModelSource:
    """Which networks a worker loads; arguments of `weights.load_models`, which may find them elsewhere on each host."""

    model: str
    resolution: int | None = None
    dtype: str | None = None
    folders: tuple[str, ...] = ()
    batch: int | None = 1
    """Of the process that makes all windows itself; workers make one at a time."""
    compile: bool = False

    def load(self, device: str | None, threads: int) -> NetworkMaker:
        """Load the networks to a device (None: the best there is) of this process, which gets so many threads."""
        from .maker import load_maker

        return load_maker(self, device, threads)
