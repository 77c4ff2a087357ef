"""What the caller gives to a run, and the lease of its job while it works."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from ..errors import OutputError
from .api import Api
from .clock import Clock
from .entry import Entry
from .exchange import open_client
from .job import JobProgress, OnJobProgress
from .journal import Journal
from .keys import ApiKey
from .naming import naming_host
from .redact import log, redact_logs
from .settings import Settings

_WAIT_SECONDS = 1.0
"""Between checks whether another run has finished with the job."""


@dataclass(frozen=True)
class RunContext:
    """The caller's settings, key, clock, progress callback and network."""

    settings: Settings
    key: ApiKey
    clock: Clock
    started: float
    on_progress: OnJobProgress | None
    transport: httpx.AsyncBaseTransport | None

    @classmethod
    def begin(
        cls,
        settings: Settings,
        on_progress: OnJobProgress | None,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None,
    ) -> RunContext:
        """Return the context of a run that begins now; raises KeyMissingError without a key."""
        return cls(settings, settings.require_key(), clock, clock.monotonic(), on_progress, transport)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.clock.monotonic() - self.started

    def tell(self, stage: str, **values: Any) -> None:
        """Call `on_progress`; what it raises stops the run."""
        if self.on_progress:
            self.on_progress(JobProgress(stage, self.elapsed, **values))

    def derive_tag(self, journal: Journal) -> str:
        """Return the name under which the journal knows the account of this run's key at its host."""
        return self.key.derive_tag(journal.salt + self.settings.other_host.encode())

    @asynccontextmanager
    async def open_api(self) -> AsyncIterator[Api]:
        """Give the host's calls, with the key; logs within the block do not show it."""
        async with open_client(self.settings, self.transport) as client:
            with redact_logs(self.key), naming_host(self.settings):
                yield Api(client, self.settings, self.key, self.clock)


@asynccontextmanager
async def hold_lease(context: RunContext, journal: Journal, entry: Entry) -> AsyncIterator[str]:
    """Wait for the lease of a job, and give its token; no other run works on the job within the block."""
    while (token := journal.acquire(entry.job_key)) is None:
        context.tell("wait", prediction_id=entry.prediction_id)
        await context.clock.sleep(_WAIT_SECONDS)
    try:
        yield token
    finally:
        _release(journal, token)


def _release(journal: Journal, token: str) -> None:
    """Give the lease back; a failure is only logged, so that it does not replace the run's own error."""
    try:
        journal.release(token)
    except OutputError as exc:
        log.warning("The job is free again within ten minutes: %s", exc)
