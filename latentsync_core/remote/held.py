"""A job's entry in the journal while a run has its lease: read by all, written by the flow alone."""

from __future__ import annotations

from decimal import Decimal

from .journal import Journal
from .redact import log
from .states import State

_BEAT_SECONDS = 5.0


class HeldJob:
    """The one who writes down how a job goes on. Raises OutputError where the journal cannot be written."""

    def __init__(self, journal: Journal, job_key: str, token: str) -> None:
        self._journal, self._token = journal, token
        self._beaten = 0.0
        self.entry = journal.get(job_key)
        """The job as it is on disk."""

    def advance(self, state: State, **values: object) -> None:
        """Move the job on, on disk when this returns.

        Raises DetachedError if another run has taken the job over, ValueError on a step that no job may take.
        """
        self.entry = self._journal.advance(self.entry.job_key, self._token, state, **values)
        log.info("%s is %s", self.entry.job_key[:8], state.value)

    def begin_submit(self, price: Decimal, now: float, daily_limit: Decimal) -> None:
        """Move the job to SUBMITTING, `now` by the host's clock; OverBudgetError beyond the day's limit."""
        self.entry = self._journal.begin_submit(self.entry.job_key, self._token, price, now, daily_limit)

    def note(self, **values: object) -> None:
        """Write values without a change of state."""
        self.entry = self._journal.note(self.entry.job_key, **values)

    def add_note(self, note: str) -> None:
        """Keep something that the user should know."""
        if note and note not in self.entry.notes.splitlines():
            self.note(notes="\n".join(filter(None, (self.entry.notes, note))))

    def beat(self, now: float) -> None:
        """Give other processes a sign of life, every five seconds of `now`."""
        if now - self._beaten > _BEAT_SECONDS:
            self._journal.beat(self._token)
            self._beaten = now

    def list_known_ids(self) -> set[str]:
        """All predictions that belong to a job."""
        return self._journal.list_known_ids()

    def find_cached_upload(self, kind: str, sha256: str) -> tuple[str, float] | None:
        """An upload of the last day of the same content by the same account, see `Journal.find_cached_upload`."""
        return self._journal.find_cached_upload(self.entry.account, kind, sha256)
