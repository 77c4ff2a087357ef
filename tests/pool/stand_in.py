"""A maker of windows without networks: what it returns follows from the task, and what it does from its name."""

import os
import signal
import threading
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from latentsync_core import Options
from latentsync_core.errors import WeightsMissingError
from latentsync_core.pool import MadeWindow, WindowTask, WorkerIdentity

OPTIONS = Options()


def task(number, name=None, size=8):
    """Window `number`, whose latents are the sums of its crops and tokens."""
    crops = np.full((4, size, size, 3), number, np.float32)
    return WindowTask(name or f"window {number}", crops, np.full((4, 2, 3), 1, np.float32), OPTIONS)


def expected(number, size=8):
    return number * size * size * 3 + 6.0


@dataclass
class StandIn:
    """Called, it is loaded: `load` of a worker. journal: a folder that gets a file for each window that was begun."""

    seconds: float = 0.0
    networks: str = "same"
    device: str = "stand-in"
    broken: str = ""
    journal: str = ""
    place: str = "a stand-in"

    def __call__(self, device="cpu", threads=1):
        if self.broken == "dies":
            os._exit(7)
        if self.broken:
            raise WeightsMissingError(self.broken)
        return self

    @property
    def identity(self):
        return WorkerIdentity(self.networks, "float32", self.device, "2.0", "0.1", self.place, 1)

    def make(self, task, on_step=lambda: None):
        if self.journal and task.latents is None:
            Path(
                self.journal, f"{task.name}.{os.getpid()}.{threading.get_ident()}.{time.monotonic_ns()}"
            ).touch()
        if "raises" in task.name:
            raise WeightsMissingError(f"{task.name} cannot be made")
        if "odd" in task.name:
            raise RuntimeError("CUDA error: unspecified launch failure")
        if "kills" in task.name:
            os.kill(os.getpid(), signal.SIGKILL)
        if "stuck" in task.name and len(list(Path(self.journal).glob(f"{task.name}.*"))) == 1:
            os.kill(os.getpid(), signal.SIGSTOP) if "stopped" in task.name else time.sleep(3600)
        if task.latents is None:
            time.sleep(self.seconds)
        on_step()
        latents = task.crops.sum((1, 2, 3)) + task.tokens.sum((1, 2))
        return MadeWindow(latents.reshape(1, 1, -1, 1, 1), task.crops + 1)
