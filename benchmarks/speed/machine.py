"""The machine that something was measured on, and clocks that other programs disturb least."""

import os
import platform
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import version
from multiprocessing import get_context
from pathlib import Path
from typing import TypeVar

import torch

T = TypeVar("T")

PACKAGES = ("torch", "diffusers", "transformers", "numpy", "av", "opencv-python")


@dataclass(frozen=True)
class Spent:
    """What a call took."""

    wall: float
    cpu: float
    """Seconds of all threads."""


def describe_machine() -> dict[str, object]:
    """Return processor, threads, memory, system and versions, for a JSON of figures."""
    return {
        "processor": name_processor(),
        "cores": os.cpu_count(),
        "threads": torch.get_num_threads(),
        "memory GiB": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "system": f"{platform.system()} {platform.machine()}, Python {platform.python_version()}",
        "packages": {name: version(name) for name in PACKAGES},
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
    }


def name_processor() -> str:
    """Return what the processor calls itself."""
    info = Path("/proc/cpuinfo")
    lines = info.read_text().splitlines() if info.exists() else []
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor()


def spend(call: Callable[[], object]) -> Spent:
    """Call and measure."""
    wall, cpu = time.perf_counter(), time.process_time()
    call()
    return Spent(time.perf_counter() - wall, time.process_time() - cpu)


def peak_memory() -> float:
    """Return the most memory that this process held so far, in GiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20


def measure_matmul(size: int = 2048, times: int = 4) -> float:
    """Measure the rate of this machine's matrix multiplication in GFLOP a second of CPU time."""
    a, b = torch.randn(size, size), torch.randn(size, size)
    a @ b
    spent = spend(lambda: [a @ b for _ in range(times)])
    return 2 * size**3 * times / spent.cpu / 1e9


def run_forked(call: Callable[[], T]) -> T:
    """Call in a process forked off, whose memory and threads are its own; return what the call returns.

    Linux only. The parent computes with one thread until then: OpenMP's others do not survive a fork.
    """
    context = get_context("fork")
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=lambda: sender.send(call()))
    process.start()
    sender.close()
    try:
        return receiver.recv()
    except EOFError:
        sys.exit("A process that was measured died: see above, or the memory was not enough.")
    finally:
        process.join()
