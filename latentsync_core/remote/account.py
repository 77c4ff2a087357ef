"""Calls on an account apart from jobs: read the balance, delete a task."""

from __future__ import annotations

from decimal import Decimal

import httpx

from ..errors import BadInputError, ExpiredError
from .api import Api
from .clock import SYSTEM_CLOCK, Clock
from .context import RunContext
from .entry import Entry
from .parse import Phase
from .poll import read_task
from .redact import clean_text
from .replies import build_refusal, code_of
from .settings import Settings
from .states import RESULT_HERE


async def fetch_balance(
    *, settings: Settings, clock: Clock = SYSTEM_CLOCK, transport: httpx.AsyncBaseTransport | None = None
) -> Decimal:
    """Return the account's balance in US dollars; raises RemoteError where the host does not give it."""
    async with RunContext.begin(settings, None, clock, transport).open_api() as api:
        amount = await api.ask_balance()
        if amount is None:
            raise build_refusal(await api.ask("GET", "balance"), "when it is asked for the balance")
        return amount


async def delete_task(api: Api, entry: Entry) -> None:
    """Delete a task that has ended at the host.

    Raises BadInputError for a task that may be running, or whose result this machine bought and has not fetched yet;
    ExpiredError for one that the host does not know; RemoteError where the host does not do it.
    """
    await _check_deletable(api, entry)
    deleted, reply = await api.delete(entry.prediction_id)
    # A reply that was lost may have been a yes: what counts is whether the task is still there.
    if not deleted and code_of(await api.get_task_with_retry(entry.prediction_id)) != 404:
        raise build_refusal(reply, "when it is asked to delete the task")


async def _check_deletable(api: Api, entry: Entry) -> None:
    """Raise if the task may still be running, or if deleting it would lose a result that was paid for."""
    identity = entry.prediction_id
    reply = await api.get_task_with_retry(identity)
    seen = read_task(reply, identity)
    if seen is None and code_of(reply) == 404:
        raise ExpiredError(
            "WaveSpeed does not know this task (any more).",
            "Nothing is left to delete, if the id is right and the key is of the account that bought it.",
            prediction_id=identity,
        )
    if seen is None:
        raise build_refusal(reply, "when it is asked for the task")
    if seen.phase is Phase.RUNNING:
        raise BadInputError(
            f"The task is {clean_text(seen.status)}: it may be running, and a result may come that is paid for.",
            "Wait for its end: `latentsync remote resume` does.",
            prediction_id=identity,
            charge="possible",
        )
    if seen.phase is Phase.COMPLETED and entry.ours and entry.state not in RESULT_HERE:
        raise BadInputError(
            "The result of this task was bought here, and has not been fetched.",
            "Fetch it first: `latentsync remote resume` does.",
            prediction_id=identity,
            charge="billed",
        )
