"""The purchase: one POST, and, where its outcome is not known, a look into the history instead of a second one."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timezone
from decimal import Decimal

from ..errors import DetachedError, OutputError, UnknownOutcomeError
from .judge import Verdict, accepted_id, judge, refusal
from .parse import Prediction, same_inputs
from .poll import read
from .redact import quoted
from .run import Run
from .states import State

_ATTEMPTS = 3
"""Of a POST that certainly created nothing: it was not received, or the host asked to wait."""
_LOOKS = (2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds before each look into the history, which may lag."""
_BEFORE, _AFTER = 120.0, 600.0
"""Seconds around the POST within which its task was created, by clocks that disagree."""


async def submit(run: Run, price: Decimal) -> None:
    """Buy the job, once; afterwards it is RUNNING, or the error says why it is not.

    Raises OverBudgetError (the day's limit), the errors of a refusal, and UnknownOutcomeError.
    """
    for attempt in range(1, _ATTEMPTS + 1):
        run.say("submit")  # who stops here has bought nothing, and knows it
        run.entry = run.journal.begin_submit(
            run.entry.job_key, run.token, price, run.api.now, run.settings.daily_limit_usd
        )
        reply = await run.api.submit(run.entry.model, run.inputs)
        if identity := accepted_id(reply):
            return _accept(run, identity)
        verdict = judge(reply)
        if verdict in (Verdict.OK, Verdict.TROUBLE):
            run.advance(State.UNKNOWN, error=reply.says)
            return await reconcile(run)
        if verdict is Verdict.REFUSED or attempt == _ATTEMPTS:
            run.advance(State.REJECTED, error=reply.says)
            raise refusal(reply, "when the job is submitted")
        run.advance(State.QUOTED)
        await run.clock.sleep(run.api.pause(reply, attempt))


def _accept(run: Run, identity: str) -> None:
    try:
        # without a status: only a look at the task shows that it exists
        run.advance(State.RUNNING, prediction_id=identity, status="")
    except (OutputError, DetachedError) as exc:
        raise DetachedError(
            f"The task was created, but it cannot be written down: {exc}",
            "Note the id; `latentsync remote resume` takes it.",
            prediction_id=identity,
            charge="possible",
        ) from exc


async def reconcile(run: Run) -> None:
    """Find the task of a submit whose outcome is not known; it is RUNNING afterwards.

    Raises UnknownOutcomeError if it is not found: nothing is submitted a second time.
    """
    found: list[Prediction] | None = None
    looks = (0.0,) if run.entry.state is State.UNCONFIRMED else _LOOKS
    if run.entry.state is State.SUBMITTING:  # a crash, at an unknown time after the POST
        run.advance(State.UNKNOWN)
    for seconds in looks:
        run.say("reconcile")
        await run.clock.sleep(seconds)
        if task := await _named(run):
            return _adopt(run, task)
        seen = await _look(run)
        found = found if seen is None else seen
        exact = [item for item in found or [] if same_inputs(item, _urls(run))]
        if len(exact) == 1:
            return _adopt(run, exact[0])
    # A history that does not tell our media from others' is believed only after all looks.
    if found and len(found) == 1:
        run.add_note("The task was found by its model and time alone: check that the result is yours.")
        return _adopt(run, found[0])
    if found is not None and run.entry.state is State.UNKNOWN:
        run.advance(State.UNCONFIRMED)
    raise _unknown(run, found)


def _adopt(run: Run, task: Prediction) -> None:
    run.advance(State.RUNNING, prediction_id=task.id, status=task.status or "created")


async def _named(run: Run) -> Prediction | None:
    """The task whose id the reply to the submit held, if the host knows it by now."""
    identity = run.entry.prediction_id
    return read(await run.api.result(identity), identity) if identity else None


async def _look(run: Run) -> list[Prediction] | None:
    """Tasks of the history that may be ours, or None if the host does not say."""
    submitted = run.entry.submitted_at
    start, end = submitted - _BEFORE, min(run.api.now, submitted + _AFTER) + _BEFORE
    items = await run.api.history(run.entry.model, start, end)
    if items is None:
        return None
    # our own id may be there: one that a reply held, and that no look has found yet
    known, urls = run.journal.known_ids() - {run.entry.prediction_id}, _urls(run)
    return [
        item for item in items if item.id not in known and _possible(item, run.entry.model, urls, start, end)
    ]


def _possible(item: Prediction, model: str, urls: Mapping[str, str], start: float, end: float) -> bool:
    in_time = item.created is None or start <= item.created <= end
    return in_time and item.model in ("", model) and same_inputs(item, urls) is not False


def _urls(run: Run) -> dict[str, str]:
    return {"audio": run.entry.audio_url, "video": run.entry.video_url}


def _unknown(run: Run, found: list[Prediction] | None) -> UnknownOutcomeError:
    since = datetime.fromtimestamp(run.entry.submitted_at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    cause = f"The submit of {since} got no clear answer ({quoted(run.entry.error) or 'the run was stopped'})"
    look = f"Look at https://wavespeed.ai/predictions for a task of {run.entry.model} at that time"
    if found is None:
        cause += ", and WaveSpeed's history does not answer either."
        remedy = "Run again to look again."
    elif found:
        cause += f", and more than one task may be it: {', '.join(item.id for item in found)}."
        remedy = f"{look}; then `latentsync remote resume ID` fetches it."
    else:
        cause += ", and WaveSpeed's history shows no such task."
        remedy = f"{look}; if there is none, a new take buys it."
    return UnknownOutcomeError(cause, remedy, prediction_id=run.entry.prediction_id, charge="possible")
