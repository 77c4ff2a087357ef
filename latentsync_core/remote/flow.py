"""A job from beginning to end: prepare, upload, quote, submit, poll, download, done."""

from __future__ import annotations

from pathlib import Path

import httpx

from .clock import SYSTEM_CLOCK, Clock
from .job import OnProgress, RemoteJob, RemoteResult
from .settings import Settings


async def remote_lip_sync(
    job: RemoteJob,
    *,
    settings: Settings,
    on_progress: OnProgress | None = None,
    clock: Clock = SYSTEM_CLOCK,
    transport: httpx.AsyncBaseTransport | None = None,
) -> RemoteResult:
    """Lip-sync on WaveSpeed and put the result at `job.output`, buying it at most once.

    The same job again goes on where it stopped, or uses the result again at no cost. Cancelling the task writes
    DETACHED (or UNKNOWN, within the submit) to the journal and stops at once; the host goes on.
    `transport` replaces the network in tests. Raises RemoteError and its kinds, MediaError, OutputError.
    """
    raise NotImplementedError


async def resume(
    prediction_id: str,
    output: Path | None = None,
    *,
    settings: Settings,
    on_progress: OnProgress | None = None,
    clock: Clock = SYSTEM_CLOCK,
    transport: httpx.AsyncBaseTransport | None = None,
) -> RemoteResult:
    """Wait for a prediction and fetch its result by id, also one that the journal does not know; buys nothing.

    `output`: None for the place that its job named. Raises as `remote_lip_sync`.
    """
    raise NotImplementedError
