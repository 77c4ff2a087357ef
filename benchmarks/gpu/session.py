"""The device that is measured, and how much time is left."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

import torch

_LEAST_SECONDS, _MOST_CALLS = 1.0, 5


@dataclass
class Session:
    """One run of the benchmark."""

    device: torch.device
    tiny: bool
    """Networks of nano's size at 64 px, to test the benchmark itself."""
    ends: float
    """Of `time.monotonic`."""
    upstream: Path | None = None
    """A checkout of bytedance/LatentSync."""
    skipped: list[str] = field(default_factory=list)
    """Sentences."""

    @property
    def dtype(self) -> torch.dtype:
        """What the presets are measured in."""
        return torch.float16 if self.device.type == "cuda" else torch.float32

    @property
    def left(self) -> float:
        """Seconds."""
        return self.ends - time.monotonic()

    def has_time(self, what: str, seconds: float) -> bool:
        """Tell whether so many seconds are left; else note that something is skipped."""
        if self.left >= seconds:
            return True
        left = max(0.0, self.left)
        self.skipped.append(f"{what}: skipped, as {left:.0f} s were left and it may take {seconds:.0f} s.")
        return False

    def wait(self) -> None:
        """Wait for what the device was told."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)

    def time_once(self, call: Callable[[], object]) -> float:
        """Return the seconds of one call."""
        self.wait()
        begun = time.perf_counter()
        call()
        self.wait()
        return time.perf_counter() - begun

    def time_median(self, call: Callable[[], object]) -> float:
        """Return the median seconds of up to five calls, or of those in a second, after one that warms up."""
        self.time_once(call)
        seconds = [self.time_once(call)]
        while sum(seconds) < _LEAST_SECONDS and len(seconds) < _MOST_CALLS:
            seconds.append(self.time_once(call))
        return median(seconds)

    def measure_peak(self, call: Callable[[], object]) -> float | None:
        """Return the most GiB on the device during a call; None where the device does not tell."""
        if self.device.type != "cuda":
            return None
        torch.cuda.reset_peak_memory_stats(self.device)
        call()
        return torch.cuda.max_memory_allocated(self.device) / 2**30

    def measure_busy(self, call: Callable[[], object]) -> float | None:
        """Return the share of a call's time in which the GPU computes; None without one."""
        if self.device.type != "cuda":
            return None
        from torch.profiler import ProfilerActivity, profile

        with profile(activities=[ProfilerActivity.CUDA]) as watched:
            seconds = self.time_once(call)
        return sum(event.self_device_time_total for event in watched.key_averages()) / 1e6 / seconds
