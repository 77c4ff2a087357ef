"""Make the pool that a command line asks for."""

from __future__ import annotations

from functools import partial
from importlib.util import find_spec

from ..errors import OptionError
from ..process import count_cores
from .maker import ModelSource
from .pool import WindowPool
from .process import WorkerProcess
from .workers import Workers


def open_pool(workers: Workers, source: ModelSource) -> WindowPool:
    """Start workers that load the networks; raises OptionError where ray is not installed, PoolError without a cluster.

    Processes share the cores of this machine.
    """
    if workers.ray is None:
        threads = max(1, count_cores() // len(workers.devices))
        begin = [partial(WorkerProcess, partial(source.load, device, threads)) for device in workers.devices]
        return WindowPool(begin, mixed=workers.mixed)
    if find_spec("ray") is None:
        raise OptionError(
            "--ray needs ray, which is not installed: pip install 'ray>=2.55,<3' (it is the extra `cluster`)."
        )
    from .cluster import RayWorker, connect_ray, share_cluster

    connect_ray(workers.ray or None)
    shares = share_cluster(workers.count)
    return WindowPool([partial(RayWorker, source.load, share) for share in shares], mixed=workers.mixed)
