"""What goes to a worker and what comes back."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from ..options import Options


class PoolTask(Protocol):
    """What a worker is asked for: a window to make, or a clip to score."""

    @property
    def name(self) -> str:
        """For people."""

    @property
    def kind(self) -> Hashable:
        """Tasks of the same kind take about as long, on the same device."""


@dataclass(frozen=True, eq=False)
class WindowTask:
    """One window to make; all that its mouths depend on, besides the networks."""

    name: str
    """For people: the clip, and which of its frames."""
    crops: npt.NDArray[np.float32]
    """Shape (F, R, R, 3), 0..255."""
    tokens: npt.NDArray[np.float32]
    """Shape (F, tokens, width)."""
    options: Options
    latents: npt.NDArray[np.float32] | None = None
    """Shape (1, C, F, h, w): where an earlier run denoised the window, it is only decoded."""

    @property
    def kind(self) -> tuple[Options, bool]:
        """See `PoolTask`."""
        return self.options, self.latents is None


@dataclass(frozen=True, eq=False)
class MadeWindow:
    """A finished window."""

    latents: npt.NDArray[np.float32]
    """Shape (1, C, F, h, w)."""
    mouths: npt.NDArray[np.float32]
    """Shape (F, R, R, 3), 0..255, not clipped."""


@dataclass(frozen=True)
class WorkerIdentity:
    """What decides which bits a worker computes, and where it is."""

    networks: str
    """Fingerprint of the networks, see `diffusion.fingerprint_networks`."""
    precision: str
    device: str
    """The hardware, such as `NVIDIA A100` or `CPU with AVX2`."""
    torch: str
    version: str
    """Of this library."""
    place: str
    """Where the worker runs: host and device."""
    threads: int

    @property
    def computes(self) -> tuple[str, ...]:
        """All of which two workers must have the same to give the same bits."""
        return self.networks, self.precision, self.device, self.torch, self.version


class Maker(Protocol):
    """Does tasks, one after the other, in whatever process it was loaded."""

    @property
    def identity(self) -> WorkerIdentity: ...

    def make(self, task: Any, on_step: Callable[[], None] = ...) -> Any:
        """Do a task of the pool's kind; on_step is called after each of its steps and may raise."""


class Worker(Protocol):
    """Where a Maker runs. Results come back in the order in which their tasks were sent.

    All methods but `stop`, which may be called from any thread and ends a wait in another, raise WorkerDied.
    """

    def wait_until_loaded(self, seconds: float) -> WorkerIdentity | None:
        """Wait for the networks; None where it takes longer. Raises LatentSyncError where they cannot be loaded."""

    def send(self, task: PoolTask) -> None:
        """Hand in a task, without waiting for its result."""

    def receive(self) -> Any:
        """Wait for the result of the first task without one; raises the LatentSyncError that it ended in."""

    def stop(self) -> None:
        """End the worker at once, whatever it is doing; a second call does nothing."""


class WorkerDied(Exception):
    """A worker is gone; the text says how."""
