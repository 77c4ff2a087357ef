"""Wait for a task: a failed request does not end the wait, only the task itself, the key, or the deadline does."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from ..errors import BadResultError, DetachedError, ExpiredError, KeyRejectedError
from .api import Api
from .entry import Entry
from .parse import Phase, Prediction, parse_prediction
from .replies import Reply, ReplyKind, classify, code_of, iterate_delays

GRACE_SECONDS = 60.0
"""How long the host may not know a task that was bought here before it counts as missing."""
_FIRST_LOOK = 2.0
"""Seconds after the submit; no task ends earlier."""
_EMPTY_LOOKS = 5
"""How often a completed task is asked for its outputs before they count as missing."""
_SHORTEST_WAIT, _WAIT_PER_SECOND = 15 * 60.0, 20.0

OnLook = Callable[[Prediction | None], None]
"""Called after each request for the task: with the task, or with None where the reply did not show it."""


@dataclass(frozen=True)
class TaskCompleted:
    """The task has ended well, and has outputs."""

    prediction: Prediction


@dataclass(frozen=True)
class TaskFailed:
    """The task has ended without a result."""

    prediction: Prediction


@dataclass(frozen=True)
class TaskMissing:
    """The host does not know the id."""

    was_seen: bool
    """Whether the host has ever shown the task, in this run or an earlier one."""


TaskEnd: TypeAlias = TaskCompleted | TaskFailed | TaskMissing


async def poll(api: Api, entry: Entry, on_look: OnLook) -> TaskEnd:
    """Wait until the task of a job has ended, and return how.

    Raises DetachedError at the deadline; KeyRejectedError at once, because only the user can help; BadResultError if
    the task has completed without an output.
    """
    watch = _Watch(api, entry)
    if api.now - entry.submitted_at < _FIRST_LOOK:
        await api.clock.sleep(_FIRST_LOOK)
    while True:
        reply = await api.get_task(entry.prediction_id)
        seen = read_task(reply, entry.prediction_id)
        if seen:
            on_look(seen)
            if end := watch.end_of(seen):
                return end
        # After the task's own end, so that a result that comes late is still taken.
        left = watch.check_deadline()
        if not seen:
            watch.check_key(reply)
            if watch.is_missing(reply):
                return TaskMissing(watch.was_seen)
            on_look(None)
        await api.clock.sleep(min(left, watch.pause_after(reply, seen)))


async def has_failed_for_good(api: Api, entry: Entry) -> bool:
    """Return whether the host confirms that a failed task has failed: only then may it be bought anew.

    False where it was cancelled, deleted or timed out: that this is refunded is not documented.
    """
    if entry.status.lower() != "failed":
        return False
    reply = await api.get_task_with_retry(entry.prediction_id)
    seen = read_task(reply, entry.prediction_id)
    return code_of(reply) == 404 or (seen is not None and seen.status.lower() == "failed")


def read_task(reply: Reply, prediction_id: str) -> Prediction | None:
    """Return the task in a reply, or None where the reply is broken, or about something else."""
    envelope = reply.envelope
    if envelope is None or not 200 <= reply.status < 300:
        return None
    prediction = parse_prediction(envelope.data)
    if prediction is None or prediction.id != prediction_id or not prediction.status:
        return None
    # A failed task may bring its own code; any other reply with a code that is not 200 is not about the task.
    return prediction if envelope.code in (0, 200) or prediction.phase is Phase.FAILED else None


def build_missing_error(entry: Entry) -> ExpiredError:
    """Return the error for a task that the host no longer knows, or never knew."""
    return ExpiredError(
        "WaveSpeed does not know this task (any more); its history goes back 7 days.",
        "Check that the key is of the account that bought it"
        + ("; a new take buys it anew." if entry.ours else ", and the id."),
        prediction_id=entry.prediction_id,
        charge="possible",
    )


class _Watch:
    """The memory of one wait: what was seen so far, and how long it may go on."""

    def __init__(self, api: Api, entry: Entry) -> None:
        self._api, self._entry, self._delays = api, entry, iterate_delays()
        longest = api.settings.deadline_seconds
        if longest is None:
            longest = max(_SHORTEST_WAIT, _WAIT_PER_SECOND * entry.seconds)
        self._longest, self._deadline = longest, api.clock.monotonic() + longest
        self._failures = self._empty = 0
        self._missing_since: float | None = None
        self.was_seen = entry.status != ""

    def end_of(self, prediction: Prediction) -> TaskEnd | None:
        """Return how the task has ended, or None while it runs."""
        self._failures, self._missing_since, self.was_seen = 0, None, True
        if prediction.phase is Phase.FAILED:
            return TaskFailed(prediction)
        if prediction.phase is Phase.COMPLETED and prediction.outputs:
            return TaskCompleted(prediction)
        if prediction.phase is Phase.COMPLETED:
            self._count_empty()
        return None

    def _count_empty(self) -> None:
        self._empty += 1
        if self._empty >= _EMPTY_LOOKS:
            raise BadResultError(
                "WaveSpeed says that the task is completed, but gives no output.",
                "Run again later, or look at https://wavespeed.ai/predictions.",
                prediction_id=self._entry.prediction_id,
                charge="billed",
            )

    def check_deadline(self) -> float:
        """Return the seconds until the deadline; raises DetachedError after it."""
        left = self._deadline - self._api.clock.monotonic()
        if left <= 0:
            raise DetachedError(
                f"The task has not ended within {self._longest / 60:.0f} minutes.",
                "It goes on and may bill: run again to wait on.",
                prediction_id=self._entry.prediction_id,
                charge="possible",
            )
        return left

    def check_key(self, reply: Reply) -> None:
        """Raise if the host refuses the key."""
        if code_of(reply) in (401, 403):
            raise KeyRejectedError(
                f"WaveSpeed refuses the key while the job is running ({reply.says}).",
                "The job goes on and may bill: set the right key and run again to fetch it.",
                prediction_id=self._entry.prediction_id,
                charge="possible",
            )

    def is_missing(self, reply: Reply) -> bool:
        """Return whether the host does not know the task, although it had time to learn of it."""
        unknown = code_of(reply) in (404, 410)
        if not (unknown or (not self.was_seen and classify(reply) is ReplyKind.REFUSED)):
            return False
        now = self._api.clock.monotonic()
        if self._missing_since is None:
            self._missing_since = now
        # A new task, and one that was there a moment ago, may be missing on one of the host's servers only.
        young = self._api.now - self._entry.submitted_at < GRACE_SECONDS
        return not self._entry.ours or not (young or now - self._missing_since < GRACE_SECONDS)

    def pause_after(self, reply: Reply, seen: Prediction | None) -> float:
        """Return the seconds until the next request: longer and longer, or as long as trouble asks for."""
        if seen:
            return next(self._delays)
        self._failures += 1
        if classify(reply) is ReplyKind.REFUSED:
            return next(self._delays)
        return self._api.pause_after(reply, self._failures)
