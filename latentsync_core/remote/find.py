"""The task of a submit that got no clear answer: looked for in the history, instead of a second submit."""

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
"""Seconds around the POST within which its task was created, by clocks that disagree."""


@dataclass(frozen=True)
class FoundTask:
    """The task of the submit."""

    task: Prediction
    certain: bool
    """Whether its id or its media say so; else it is the only one of its model at that time."""


@dataclass(frozen=True)
class NoTaskFound:
    """Which task it is, or whether there is one, nobody can say."""

    candidates: tuple[Prediction, ...] | None
    """Tasks that may be it; None where the history does not answer."""


async def find_task(
    api: Api, entry: Entry, known_ids: Callable[[], Set[str]], tell: Tell
) -> FoundTask | NoTaskFound:
    """Look for the task of a job that was submitted: five times, or once if that was done before.

    known_ids: gives the ids of tasks that belong to jobs.
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
    # A history that does not tell our media from others' is believed only after all looks.
    if found and len(found) == 1:
        return FoundTask(found[0], certain=False)
    return NoTaskFound(None if found is None else tuple(found))


async def _find_by_id(api: Api, prediction_id: str) -> Prediction | None:
    """The task whose id the reply to the submit held, if the host knows it by now."""
    return read_task(await api.get_task(prediction_id), prediction_id) if prediction_id else None


async def _list_candidates(
    api: Api, entry: Entry, known_ids: Callable[[], Set[str]]
) -> list[Prediction] | None:
    """Tasks of the history that may be ours, or None if the host does not say."""
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
    """The error for a submit whose task was not found: what the user can do about it."""
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
