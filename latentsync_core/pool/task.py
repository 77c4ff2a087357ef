"""What goes to a worker and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import numpy.typing as npt

from ..options import Options


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


class WindowMaker(Protocol):
    """Makes windows, one after the other, in whatever process it was loaded."""

    @property
    def identity(self) -> WorkerIdentity: ...

    def make(self, task: WindowTask, on_step: Callable[[], None] = ...) -> MadeWindow:
        """Make a window; on_step is called after each denoising step and may raise."""


class Worker(Protocol):
    """Where a WindowMaker runs. Windows come back in the order in which they were sent.

    All methods but `stop`, which may be called from any thread and ends a wait in another, raise WorkerDied.
    """

    def wait_until_loaded(self, seconds: float) -> WorkerIdentity | None:
        """Wait for the networks; None where it takes longer. Raises LatentSyncError where they cannot be loaded."""

    def send(self, task: WindowTask) -> None:
        """Hand in a window, without waiting for it."""

    def receive(self) -> MadeWindow:
        """Wait for the first window that was sent and not received; raises the LatentSyncError that it ended in."""

    def stop(self) -> None:
        """End the worker at once, whatever it is doing; a second call does nothing."""


class WorkerDied(Exception):
    """A worker is gone; the text says how."""
