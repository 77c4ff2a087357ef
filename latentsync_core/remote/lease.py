"""The lease of a job: one run at a time works on it, whatever the number of nodes and processes."""

from __future__ import annotations

import os
import sqlite3
import uuid
from pathlib import Path

from ..partial import process_exists

STALE_SECONDS = 600.0
"""A lease without a sign of life for this long is free, even if a process with its pid exists."""

_held: set[str] = set()
"""Leases of this process, whose state is known without a heartbeat."""


def acquire(connection: sqlite3.Connection, job_key: str, now: float) -> str | None:
    """Take the lease of a job within the caller's transaction; return its token, or None if another run has it."""
    token, pid, boot, beat = connection.execute(
        "SELECT lease_token, lease_pid, lease_boot, lease_beat FROM jobs WHERE job_key = ?", (job_key,)
    ).fetchone()
    if token and _is_alive(token, pid, boot, now - beat):
        return None
    token = uuid.uuid4().hex
    connection.execute(
        "UPDATE jobs SET lease_token = ?, lease_pid = ?, lease_boot = ?, lease_beat = ? WHERE job_key = ?",
        (token, os.getpid(), read_boot_id(), now, job_key),
    )
    _held.add(token)
    return token


def drop(token: str) -> None:
    """Forget that this process has the lease."""
    _held.discard(token)


def _is_alive(token: str, pid: int, boot: str, silent_seconds: float) -> bool:
    if pid == os.getpid() and boot == read_boot_id():
        return token in _held
    # After a restart of the machine a pid may belong to any other process.
    if boot != read_boot_id() or silent_seconds > STALE_SECONDS:
        return False
    return process_exists(pid)


def read_boot_id() -> str:
    """Return an id that changes when the machine restarts; "" where the system has none."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
