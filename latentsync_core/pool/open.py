"""Make the pool that a command line asks for, and load the networks that its own process needs."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from importlib.util import find_spec
from typing import Any

from ..errors import OptionError
from ..models.bundle import LipSyncModels
from ..process import count_cores
from ..weights import load_models
from .pool import Pool, WindowPool
from .process import WorkerProcess
from .source import ModelSource
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


def start_networks(
    source: ModelSource, device: str | None, workers: Workers
) -> tuple[LipSyncModels, WindowPool | None]:
    """Load the networks; where workers are named, start them, to be closed by the caller, and leave the UNet to them.

    Raises what `load_models` and `open_pool` raise, and OptionError where workers shall make several windows at once.
    """
    load = partial(load_models, source.model, source.resolution)
    if not workers:
        return load(device, source.dtype, source.folders, batch=source.batch, compile=source.compile), None
    if source.batch not in (None, 1):
        raise OptionError(f"batch takes 1 where workers make the windows, got {source.batch}.")
    device = device or next(iter(workers.devices), None)
    models = load(device, None, source.folders, with_unet=False)
    return models, open_pool(workers, source.load)
