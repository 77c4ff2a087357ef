"""A job's entry in the journal while a run has its lease: read by all, written by the flow alone."""

from __future__ import annotations

from decimal import Decimal

from .journal import Journal
from .redact import log
from .states import State

_BEAT_SECONDS = 5.0


class HeldJob:
    """Writes the progress of one job to the journal. Raises OutputError where the journal cannot be written."""

    def __init__(self, journal: Journal, job_key: str, token: str) -> None:
        self._journal, self._token = journal, token
        self._beaten = 0.0
        self.entry = journal.get(job_key)
        """The job as the journal has it."""

    def advance(self, state: State, **values: object) -> None:
        """Move the job to `state`; it is on disk when this returns.

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
        """Add a note for the user, unless it is there."""
        if note and note not in self.entry.notes.splitlines():
            self.note(notes="\n".join(filter(None, (self.entry.notes, note))))

    def beat(self, now: float) -> None:
        """Give other processes a sign of life, every five seconds of `now`."""
        if now - self._beaten > _BEAT_SECONDS:
            self._journal.beat(self._token)
            self._beaten = now

    def list_known_ids(self) -> set[str]:
        """Return the ids of all predictions that belong to a job."""
        return self._journal.list_known_ids()

    def find_cached_upload(self, kind: str, sha256: str) -> tuple[str, float] | None:
        """Return an upload as `Journal.find_cached_upload` does, of this job's account."""
        return self._journal.find_cached_upload(self.entry.account, kind, sha256)
