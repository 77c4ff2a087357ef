"""Make the pool that a command line asks for."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from ..errors import OptionError
from ..process import count_cores
from .pool import Pool
from .process import WorkerProcess
from .task import Maker
from .workers import Workers


def open_pool(workers: Workers, load: Callable[[str, int], Maker]) -> Pool[Any, Any]:
    """Start workers, each of which calls `load(device, threads)`.

    Processes share the cores of this machine. Raises OptionError where ray is not installed, PoolError where none runs.
    """
    if workers.ray is None:
        threads = max(1, count_cores() // len(workers.devices))
        begin = [partial(WorkerProcess, partial(load, device, threads)) for device in workers.devices]
        return Pool(begin, mixed=workers.mixed)
    if find_spec("ray") is None:
        raise OptionError(
            "--ray needs ray, which is not installed: pip install 'ray>=2.55,<3' (it is the extra `cluster`)."
        )
    from .cluster import RayWorker, connect_ray, share_cluster

    connect_ray(workers.ray or None)
    shares = share_cluster(workers.count)
    return Pool([partial(RayWorker, load, share) for share in shares], mixed=workers.mixed)
