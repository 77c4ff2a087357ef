"""Find the task of a submit that got no clear answer in the history, instead of submitting again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass
from datetime import datetime, timezone

from ..errors import UnknownOutcomeError
from .api import Api
from .entry import Entry
from .job import Tell
from .parse import Prediction, has_inputs
from .poll import read_task
from .redact import clean_text
from .states import State

_LOOKS = (2.0, 5.0, 15.0, 30.0, 60.0)
"""Seconds before each look into the history, which may lag."""
_BEFORE, _AFTER = 120.0, 600.0
"""Seconds before and after the POST in which its task may have been created, as clocks disagree."""


@dataclass(frozen=True)
class FoundTask:
    """The task of the submit."""

    task: Prediction
    certain: bool
    """Whether its id or its media identify it; else it is the only one of its model at that time."""


@dataclass(frozen=True)
class NoTaskFound:
    """The task was not identified; there may be none."""

    candidates: tuple[Prediction, ...] | None
    """Tasks that may be the one; None where the history does not answer."""


async def find_task(
    api: Api, entry: Entry, known_ids: Callable[[], Set[str]], tell: Tell
) -> FoundTask | NoTaskFound:
    """Search the history for the task of a submitted job: five times, or once if an earlier run did so.

    known_ids: returns the ids of tasks that belong to jobs already.
    """
    found: list[Prediction] | None = None
    for seconds in (0.0,) if entry.state is State.UNCONFIRMED else _LOOKS:
        tell("reconcile")
        await api.clock.sleep(seconds)
        if task := await _find_by_id(api, entry.prediction_id):
            return FoundTask(task, certain=True)
        seen = await _list_candidates(api, entry, known_ids)
        found = found if seen is None else seen
        exact = [item for item in found or [] if has_inputs(item, entry.urls)]
        if len(exact) == 1:
            return FoundTask(exact[0], certain=True)
    # Without the media in it, the history may lag behind our task and show another one first: so only after all looks.
    if found and len(found) == 1:
        return FoundTask(found[0], certain=False)
    return NoTaskFound(None if found is None else tuple(found))


async def _find_by_id(api: Api, prediction_id: str) -> Prediction | None:
    """Return the task whose id was in the reply to the submit, if the host knows it by now."""
    return read_task(await api.get_task(prediction_id), prediction_id) if prediction_id else None


async def _list_candidates(
    api: Api, entry: Entry, known_ids: Callable[[], Set[str]]
) -> list[Prediction] | None:
    """Return tasks of the history that may be ours, or None if the host does not list them."""
    start = entry.submitted_at - _BEFORE
    end = min(api.now, entry.submitted_at + _AFTER) + _BEFORE
    items = await api.list_tasks(entry.model, start, end)
    if items is None:
        return None
    # our own id may be there: one that a reply held, and that no look has found yet
    others = known_ids() - {entry.prediction_id}
    return [
        item
        for item in items
        if item.id not in others and _is_possible(item, entry.model, entry.urls, start, end)
    ]


def _is_possible(item: Prediction, model: str, urls: Mapping[str, str], start: float, end: float) -> bool:
    in_time = item.created is None or start <= item.created <= end
    return in_time and item.model in ("", model) and has_inputs(item, urls) is not False


def build_outcome_error(entry: Entry, candidates: tuple[Prediction, ...] | None) -> UnknownOutcomeError:
    """Return the error for a submit whose task was not found, with what the user can do."""
    since = datetime.fromtimestamp(entry.submitted_at, timezone.utc).strftime("%Y-%m-%d %H:%M UTC")
    cause = f"The submit of {since} got no clear answer ({clean_text(entry.error) or 'the run was stopped'})"
    look = f"Look at https://wavespeed.ai/predictions for a task of {entry.model} at that time"
    if candidates is None:
        cause += ", and WaveSpeed's history does not answer either."
        remedy = "Run again to look again."
    elif candidates:
        cause += f", and more than one task may be it: {', '.join(item.id for item in candidates)}."
        remedy = f"{look}; then `latentsync remote resume ID` fetches it."
    else:
        cause += ", and WaveSpeed's history shows no such task."
        remedy = f"{look}; if there is none, a new take buys it."
    return UnknownOutcomeError(cause, remedy, prediction_id=entry.prediction_id, charge="possible")
