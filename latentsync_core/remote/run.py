"""What the steps of one run share: the job's entry in the journal, the host, the clock, the caller's ear."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx

from ..errors import DetachedError, OutputError
from .api import Api
from .clock import Clock
from .entry import Entry
from .exchange import open_client
from .job import OnProgress, Progress, RemoteResult
from .journal import Journal
from .keys import ApiKey
from .redact import log, redacted_logs
from .settings import Settings
from .states import State

_BEAT_SECONDS = 5.0
_WAIT_SECONDS = 1.0
"""Between looks whether another run has finished with the job."""


@dataclass(frozen=True)
class World:
    """What a run is given from outside."""

    settings: Settings
    key: ApiKey
    clock: Clock
    started: float
    on_progress: OnProgress | None
    transport: httpx.AsyncBaseTransport | None

    @classmethod
    def of(
        cls,
        settings: Settings,
        on_progress: OnProgress | None,
        clock: Clock,
        transport: httpx.AsyncBaseTransport | None,
    ) -> World:
        """The world from now on; KeyMissingError without a key."""
        return cls(settings, settings.require_key(), clock, clock.monotonic(), on_progress, transport)

    @property
    def elapsed(self) -> float:
        """Seconds since the run began."""
        return self.clock.monotonic() - self.started

    def api(self, client: httpx.AsyncClient) -> Api:
        """The host's calls, with the key."""
        return Api(client, self.settings, self.key, self.clock)

    def hear(self, stage: str, **values: Any) -> None:
        """Call `on_progress`; what it raises stops the run."""
        if self.on_progress:
            self.on_progress(Progress(stage, self.elapsed, **values))


@dataclass
class Run:
    """One run of one job, while it has the job's lease."""

    journal: Journal
    entry: Entry
    token: str
    api: Api
    world: World
    output: Path
    inputs: dict[str, str] = field(default_factory=dict)
    """What is submitted: URLs of this run's uploads, and the model's parameters."""
    _beaten: float = 0.0

    @property
    def settings(self) -> Settings:
        """Where the host is, and what may be spent."""
        return self.world.settings

    @property
    def clock(self) -> Clock:
        """Time."""
        return self.world.clock

    @property
    def workspace(self) -> Path:
        """A folder for encoded media; the next run of the job removes it if this one cannot."""
        return self.settings.state_dir / f"work-{self.entry.job_key[:16]}"

    @property
    def part(self) -> Path:
        """What was downloaded so far."""
        return self.output.with_name(f".{self.output.name}.{self.entry.job_key[:8]}.part")

    def clear(self) -> None:
        """Remove what a run leaves that had no time to clean up."""
        shutil.rmtree(self.workspace, ignore_errors=True)
        try:
            self.part.unlink(missing_ok=True)
        except OSError as exc:  # no reason to stop, and no error to put before another one
            log.warning("%s cannot be removed: %s", self.part, exc.strerror)

    def name_output(self) -> None:
        """Write down where the result is wanted, for those who resume by the id."""
        self.entry = self.journal.note(self.entry.job_key, output=str(self.output.absolute()))

    @property
    def price(self) -> Decimal | None:
        """What the job is taken to cost, once that is known."""
        return Decimal(self.entry.price) if self.entry.price else None

    def advance(self, state: State, **values: object) -> None:
        """Move the job on, on disk when this returns."""
        self.entry = self.journal.advance(self.entry.job_key, self.token, state, **values)
        log.info("%s is %s", self.entry.job_key[:8], state.value)

    def say(self, stage: str, *, done: int = 0, total: int = 0) -> None:
        """Tell the caller where the run stands, and other processes that it lives."""
        if self.clock.monotonic() - self._beaten > _BEAT_SECONDS:
            self.journal.beat(self.token)
            self._beaten = self.clock.monotonic()
        self.world.hear(
            stage,
            done=done,
            total=total,
            status=self.entry.status,
            price_usd=self.price,
            prediction_id=self.entry.prediction_id,
        )

    @contextmanager
    def detaching(self) -> Iterator[None]:
        """Whatever stops the run, the journal says in what state it leaves the job; this waits for nothing."""
        try:
            yield
        except BaseException as exc:
            after = {State.RUNNING: State.DETACHED, State.SUBMITTING: State.UNKNOWN}.get(self.entry.state)
            if after:
                self._leave(after)
            if isinstance(exc, OutputError) and self.entry.prediction_id:
                raise OutputError(f"{exc} {self._bought}") from exc
            raise

    @property
    def _bought(self) -> str:
        return (
            f"The job is bought: run again to fetch it at no further cost. Prediction id: "
            f"{self.entry.prediction_id}."
        )

    def _leave(self, state: State) -> None:
        try:
            self.advance(state)
        except (OutputError, DetachedError) as exc:
            log.warning("The journal keeps %s: %s", self.entry.state.value, exc)
            return
        identity = self.entry.prediction_id or "whose id is not known yet"
        log.warning("WaveSpeed may go on with the task %s, and bill it. Run again to pick it up.", identity)

    def result(self, path: Path | None, *, reused: bool = False) -> RemoteResult:
        """What this run hands back."""
        entry = self.entry
        return RemoteResult(
            path,
            entry.job_key,
            entry.model,
            entry.take,
            self.price,
            Decimal(entry.charged) if entry.charged else None,
            tuple(entry.notes.splitlines()),
            entry.prediction_id,
            entry.status,
            entry.remote_created_at,
            entry.inference_ms,
            self.world.elapsed,
            reused,
            bool(entry.nsfw),
            entry.result_sha256,
        )

    def add_note(self, note: str) -> None:
        """Keep something that the user should know."""
        if note and note not in self.entry.notes.splitlines():
            notes = "\n".join(filter(None, (self.entry.notes, note)))
            self.entry = self.journal.note(self.entry.job_key, notes=notes)


@asynccontextmanager
async def open_run(world: World, journal: Journal, entry: Entry, output: Path) -> AsyncIterator[Run]:
    """Wait for the lease of a job, then give a run with an HTTP client of its own."""
    while (token := journal.acquire(entry.job_key)) is None:
        world.hear("wait", prediction_id=entry.prediction_id)
        await world.clock.sleep(_WAIT_SECONDS)
    try:
        entry = journal.get(entry.job_key)  # another run may have moved it on
        async with open_client(world.settings, world.transport) as client:
            run = Run(journal, entry, token, world.api(client), world, output)
            run.clear()
            try:
                with redacted_logs(world.key), run.detaching():
                    yield run
            finally:
                run.clear()
    finally:
        _release(journal, token)


def _release(journal: Journal, token: str) -> None:
    """Give the lease back, and let no trouble with that hide what the run has to say."""
    try:
        journal.release(token)
    except OutputError as exc:
        log.warning("The job is free again within ten minutes: %s", exc)
