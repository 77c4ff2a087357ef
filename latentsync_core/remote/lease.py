"""Who works on a job: one run at a time, whatever the number of nodes and processes."""

from __future__ import annotations

import os
import sqlite3
import uuid
from pathlib import Path

from ..partial import process_exists

STALE_SECONDS = 600.0
"""A lease without a sign of life for so long is free, even if a process of that number exists."""

_held: set[str] = set()
"""Leases of this process: exact where a heartbeat can only guess."""


def acquire(connection: sqlite3.Connection, job_key: str, now: float) -> str | None:
    """Take the lease of a job within a transaction of the caller's; None if another run has it."""
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
    """This process has the lease no more."""
    _held.discard(token)


def _is_alive(token: str, pid: int, boot: str, silent_seconds: float) -> bool:
    if pid == os.getpid() and boot == read_boot_id():
        return token in _held
    if boot != read_boot_id() or silent_seconds > STALE_SECONDS:
        return False
    return process_exists(pid)


def read_boot_id() -> str:
    """Changes when the machine starts anew; "" where the system does not say."""
    try:
        return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return ""
