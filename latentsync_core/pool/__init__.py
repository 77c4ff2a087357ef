"""Who makes the windows: this process, a process for each device, or the machines of a Ray cluster.

What loads networks is imported when it is first used, so that a process that only hands out windows starts at once.
"""

from typing import TYPE_CHECKING

from ..lazy import load_from
from .here import WorkerHere
from .lane import IN_FLIGHT
from .pool import WindowPool
from .process import WorkerProcess
from .task import MadeWindow, WindowMaker, WindowTask, Worker, WorkerDied, WorkerIdentity
from .workers import Workers

if TYPE_CHECKING:
    from .maker import ModelSource, NetworkMaker
    from .open import open_pool

__all__ = [
    "IN_FLIGHT",
    "MadeWindow",
    "ModelSource",
    "NetworkMaker",
    "WindowMaker",
    "WindowPool",
    "WindowTask",
    "Worker",
    "WorkerDied",
    "WorkerHere",
    "WorkerIdentity",
    "WorkerProcess",
    "Workers",
    "open_pool",
]

__getattr__ = load_from(__name__, {"maker": ("ModelSource", "NetworkMaker"), "open": ("open_pool",)})
