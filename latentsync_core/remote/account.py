"""What is asked of an account apart from jobs: what it holds, and that a task is deleted."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

import httpx

from ..errors import BadInputError, ExpiredError
from .clock import SYSTEM_CLOCK, Clock
from .exchange import open_client
from .job import check_id
from .journal import Journal
from .judge import code_of, refusal
from .parse import Phase
from .poll import read
from .redact import quoted, redacted_logs
from .run import Run, World, open_run
from .settings import Settings
from .states import State

_HERE = (State.DOWNLOADED, State.DONE)


async def balance(
    *, settings: Settings, clock: Clock = SYSTEM_CLOCK, transport: httpx.AsyncBaseTransport | None = None
) -> Decimal:
    """What the account holds, in US dollars; raises KeyRejectedError and its like, ServerTroubleError."""
    world = World.of(settings, None, clock, transport)
    async with open_client(settings, transport) as client:
        with redacted_logs(world.key):
            api = world.api(client)
            amount = await api.balance()
            if amount is None:
                raise refusal(await api.ask("GET", "balance"), "when it is asked for the balance")
            return amount


async def forget(
    prediction_id: str,
    *,
    settings: Settings,
    clock: Clock = SYSTEM_CLOCK,
    transport: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Delete a task that has ended at the host, which otherwise keeps it, and what was uploaded, for 7 days.

    Raises BadInputError for a task that may be running, or whose result this machine bought and has not fetched yet;
    ExpiredError for one that the host does not know; RemoteError where the host does not do it.
    """
    check_id(prediction_id)
    world = World.of(settings, None, clock, transport)
    with Journal(settings.make_state_dir(), clock) as journal:
        entry = journal.adopt(prediction_id, world.key.account_tag(journal.salt))
        output = Path(entry.output or settings.state_dir / f"{prediction_id}.mp4")
        async with open_run(world, journal, entry, output) as run:
            await _check_over(run)
            await _delete(run)
            # what was uploaded may be gone too
            run.entry = journal.note(run.entry.job_key, uploaded_at=0.0)
            if run.entry.state is State.DETACHED:
                run.advance(State.RUNNING)
                run.advance(State.EXPIRED)


async def _check_over(run: Run) -> None:
    """Raise if the task may be running, or if its result would be lost."""
    identity = run.entry.prediction_id
    reply = await run.api.look(identity)
    seen = read(reply, identity)
    if seen is None and code_of(reply) == 404:
        raise ExpiredError(
            "WaveSpeed does not know this task (any more).",
            "Nothing is left to delete, if the id is right and the key is of the account that bought it.",
            prediction_id=identity,
        )
    if seen is None:
        raise refusal(reply, "when it is asked for the task")
    if seen.phase is Phase.RUNNING:
        raise BadInputError(
            f"The task is {quoted(seen.status)}: it may be running, and a result may come that is paid for.",
            "Wait for its end: `latentsync remote resume` does.",
            prediction_id=identity,
            charge="possible",
        )
    if seen.phase is Phase.COMPLETED and run.entry.submitted_at and run.entry.state not in _HERE:
        raise BadInputError(
            "The result of this task was bought here, and has not been fetched.",
            "Fetch it first: `latentsync remote resume` does.",
            prediction_id=identity,
            charge="billed",
        )


async def _delete(run: Run) -> None:
    """A reply that was lost may have been a yes: what counts is whether the task is still there."""
    deleted, reply = await run.api.delete(run.entry.prediction_id)
    if not deleted and code_of(await run.api.look(run.entry.prediction_id)) != 404:
        raise refusal(reply, "when it is asked to delete the task")
