"""Who does the work: this process, a process for each device, or the machines of a Ray cluster.

What loads networks is imported when it is first used, so that a process that only hands out tasks starts at once.
"""

from typing import TYPE_CHECKING

from ..lazy import load_from
from .here import WorkerHere
from .lane import IN_FLIGHT
from .pool import Pool, WindowPool
from .process import WorkerProcess
from .source import ModelSource
from .stuck import StuckLimit
from .task import MadeWindow, Maker, PoolTask, WindowTask, Worker, WorkerDied, WorkerIdentity
from .workers import Workers

if TYPE_CHECKING:
    from .maker import NetworkMaker, name_device
    from .open import open_pool, start_networks

__all__ = [
    "IN_FLIGHT",
    "MadeWindow",
    "Maker",
    "ModelSource",
    "NetworkMaker",
    "Pool",
    "PoolTask",
    "StuckLimit",
    "WindowPool",
    "WindowTask",
    "Worker",
    "WorkerDied",
    "WorkerHere",
    "WorkerIdentity",
    "WorkerProcess",
    "Workers",
    "name_device",
    "open_pool",
    "start_networks",
]

__getattr__ = load_from(
    __name__,
    {"maker": ("NetworkMaker", "name_device"), "open": ("open_pool", "start_networks")},
)
