"""The process as a whole: its cores, and settings for long work on a CPU, which only a command line makes."""

from __future__ import annotations

import ctypes
import os
import sys

M_TRIM_THRESHOLD, M_MMAP_MAX, M_ARENA_MAX = -1, -4, -8  # malloc.h of glibc


def tune_process() -> None:
    """Let idle threads sleep soon and keep freed memory; call it before torch is imported."""
    # Idle threads of OpenMP otherwise spin for long, which on a busy machine takes the time from those that work.
    if "OMP_WAIT_POLICY" not in os.environ:
        os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    if sys.platform == "linux":
        _keep_freed_memory()


def count_cores() -> int:
    """Count the CPU cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _keep_freed_memory() -> None:
    """Tell glibc to hand freed memory out again instead of returning it to the system.

    It otherwise maps every large tensor anew, and the system fills it with zeros page by page: about a sixth of the
    time of a step of the denoiser. It does so still in arenas other than the first, which threads would get: there is
    but one. Another C library has no such function, and keeps its own way.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(M_MMAP_MAX, 0)
        mallopt(M_TRIM_THRESHOLD, -1)
        mallopt(M_ARENA_MAX, 1)
