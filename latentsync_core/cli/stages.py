"""How long each stage of a run took, and how much memory all of it."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator

import torch

from ..data import Frame
from ..timeleft import POOL_STAGE, RESYNC_STAGE


class StageTimes:
    """Adds up the seconds of each stage; called as `data.Progress`, and frames of a `lip_sync` pass through `frames`.

    The stages after the plan run at the same time: `resync` is the time in which the next frame was waited for, `write`
    that in which the encoder was.
    """

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._since = time.monotonic()

    def __call__(self, stage: str, done: int, total: int) -> None:
        if stage not in (RESYNC_STAGE, POOL_STAGE):
            self.end(stage)

    def end(self, stage: str) -> None:
        """Count the time since the last call for a stage."""
        now = time.monotonic()
        self.seconds[stage] = self.seconds.get(stage, 0.0) + now - self._since
        self._since = now

    def frames(self, frames: Iterator[Frame]) -> Iterator[Frame]:
        """Yield the frames; until the next one is asked for, they are being written."""
        for frame in frames:
            self.end(RESYNC_STAGE)
            yield frame
            self.end("write")


def measure_peak_memory(device: torch.device) -> dict[str, int | None]:
    """Return the most bytes that this process ever held on the host, and on its device; None where nothing tells."""
    return {
        "host": _measure_host(),
        "device": torch.cuda.max_memory_allocated(device) if device.type == "cuda" else None,
    }


def _measure_host() -> int | None:
    if sys.platform == "win32":
        return None
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024  # elsewhere in KiB
