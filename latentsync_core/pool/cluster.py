"""Workers on the machines of a Ray cluster. The only file that imports ray, which is the extra `cluster`.

Ray places the workers, moves tasks to them and notices deaths. It restarts nothing: with restarts of its own it waits
for ever for a task whose machine is gone, so `Pool` hands the tasks of a dead worker to others.
"""

from __future__ import annotations

import logging
import math
import os
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, cast

import numpy as np
import ray
from ray.exceptions import RayError, RayTaskError

from ..errors import LatentSyncError, PoolError
from ..process import tune_process
from .task import Maker, PoolTask, WorkerDied, WorkerIdentity

_RAYS_REASON = "The actor is dead because"
_MOST_CHARACTERS = 200


@dataclass(frozen=True)
class Share:
    """What a worker gets of the machine that Ray puts it on."""

    gpus: float
    cpus: int

    @property
    def device(self) -> str:
        """The device of the worker; Ray shows it no GPU but its own."""
        return "cuda" if self.gpus else "cpu"


def connect_ray(address: str | None) -> None:
    """Connect this process to a cluster; None is the one that this machine is part of, else a new one of its own.

    Raises PoolError. Never call it in a process that is not ours, such as ComfyUI's.
    """
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    try:
        ray.init(
            address,
            ignore_reinit_error=True,
            include_dashboard=False,
            log_to_driver=False,
            logging_level=logging.WARNING,
        )
    except (RayError, ConnectionError, ValueError, RuntimeError) as exc:
        raise PoolError(f"No Ray cluster answers at {address or 'this machine'}: {exc}") from exc


def share_cluster(count: int | None) -> list[Share]:
    """Share the cluster's GPUs among `count` workers, or its CPUs where it has none.

    None makes a worker for each GPU, or for each machine. Raises PoolError where it has too few CPUs.
    """
    nodes = [node["Resources"] for node in ray.nodes() if node["Alive"]]
    gpus = sum(int(node.get("GPU", 0)) for node in nodes)
    cpus = [int(node["CPU"]) for node in nodes if node.get("CPU", 0) >= 1]
    count = count or gpus or len(cpus)
    if count == 0 or count > sum(cpus):
        raise PoolError(f"The cluster has {sum(cpus)} CPUs, and each worker needs one: take fewer --workers.")
    if gpus:
        return [Share(1 / math.ceil(count / gpus), 1)] * count
    return [Share(0, split_evenly(cpus, count))] * count


def split_evenly(cpus: Sequence[int], count: int) -> int:
    """Return the most CPUs that each of `count` workers can have on machines with so many; at least one each fits."""
    return max(each for each in range(1, max(cpus) + 1) if sum(cpu // each for cpu in cpus) >= count)


class RayWorker:
    """Does tasks in a Ray actor; a `Worker`. `load(device, threads)` is called there."""

    def __init__(self, load: Callable[[str, int], Maker], share: Share) -> None:
        make_actor: Any = _Actor
        options = {"num_gpus": share.gpus, "num_cpus": share.cpus, "scheduling_strategy": "SPREAD"}
        self._actor = make_actor.options(**options).remote(partial(load, share.device, share.cpus))
        self._loaded = self._actor.identify.remote()
        self._sent: deque[Any] = deque()

    def wait_until_loaded(self, seconds: float) -> WorkerIdentity | None:
        ready, _ = ray.wait([self._loaded], timeout=seconds)
        return cast(WorkerIdentity, _fetch(self._loaded)) if ready else None

    def send(self, task: PoolTask) -> None:
        try:
            self._sent.append(self._actor.make.remote(task))
        except RayError as exc:
            raise _describe(exc) from exc

    def receive(self) -> Any:
        return _copy_arrays(_fetch(self._sent.popleft()))

    def stop(self) -> None:
        ray.kill(self._actor)


@ray.remote(max_restarts=0, max_task_retries=0)
class _Actor:
    """Loads the networks and does tasks; an error of ours is returned, any other one ends the actor's use."""

    def __init__(self, load: Callable[[], Maker]) -> None:
        tune_process()
        try:
            self._maker: Maker | LatentSyncError = load()
        except LatentSyncError as exc:
            self._maker = exc

    def identify(self) -> WorkerIdentity | LatentSyncError:
        return self._maker if isinstance(self._maker, LatentSyncError) else self._maker.identity

    def make(self, task: PoolTask) -> Any:
        assert not isinstance(self._maker, LatentSyncError)
        try:
            return self._maker.make(_copy_arrays(task))
        except LatentSyncError as exc:
            return exc


def _fetch(reference: Any) -> Any:
    try:
        content = ray.get(reference)
    except RayError as exc:
        raise _describe(exc) from exc
    if isinstance(content, LatentSyncError):
        raise content
    return content


def _copy_arrays(item: Any) -> Any:
    """Copy the arrays of a dataclass: those that Ray hands over are read-only, and keep their place in its store."""
    arrays = {name: value.copy() for name, value in vars(item).items() if isinstance(value, np.ndarray)}
    return replace(item, **arrays)


def _describe(exc: RayError) -> WorkerDied:
    """Name what ended a worker: the error that its code raised, or the line of Ray's that says why."""
    cause = exc.cause if isinstance(exc, RayTaskError) else exc
    lines = [line.strip() for line in str(cause).splitlines() if line.strip()] or ["no details"]
    why = next((line for line in lines if line.startswith(_RAYS_REASON)), lines[0])
    return WorkerDied(f"{type(cause).__name__}: {why[:_MOST_CHARACTERS]}")
