"""Waiting for a task: no fault of a look ends the wait, only the task itself, the key, or the deadline."""

from __future__ import annotations

from ..errors import BadResultError, DetachedError, ExpiredError, KeyRejectedError
from .judge import Reply, Verdict, code_of, judge, poll_delays, task_error
from .parse import Phase, Prediction, parse_prediction
from .redact import log, quoted
from .run import Run
from .states import State

GRACE_SECONDS = 60.0
"""A task of ours that the host does not know is given so long to appear, and its 404s to go away."""
_FIRST_LOOK = 2.0
"""Seconds after the submit; no task ends earlier."""
_EMPTY_LOOKS = 5
"""A completed task without an output is looked at so often before that is believed."""
_SHORTEST_WAIT, _WAIT_PER_SECOND = 15 * 60.0, 20.0


async def poll(run: Run) -> Prediction | None:
    """Wait until the task has completed, and return it with its outputs.

    None if the host does not know the id that it gave, or that was read out of its reply: the job is UNKNOWN then.
    Raises TaskFailedError and its like; DetachedError at the deadline; KeyRejectedError at once, because only the
    user can help; ExpiredError if the host no longer knows the task; BadResultError if it has no output.
    """
    watch = _Watch(run)
    if run.api.now - run.entry.submitted_at < _FIRST_LOOK:
        await run.clock.sleep(_FIRST_LOOK)
    while True:
        reply = await run.api.result(run.entry.prediction_id)
        seen = read(reply, run.entry.prediction_id)
        if seen:
            watch.see(seen)
            if seen.phase is Phase.COMPLETED and seen.outputs:
                return seen
        wait = watch.next_wait(reply, seen)
        if run.entry.state is State.UNKNOWN:
            return None
        await run.clock.sleep(wait)


async def failed_for_good(run: Run) -> bool:
    """Whether a task that was seen to fail is still said to have failed: then, and only then, it may be bought anew.

    Not where it was cancelled, deleted or timed out: nobody says that this is refunded.
    """
    if run.entry.status.lower() != "failed":
        return False
    reply = await run.api.look(run.entry.prediction_id)
    seen = read(reply, run.entry.prediction_id)
    return code_of(reply) == 404 or (seen is not None and seen.status.lower() == "failed")


def read(reply: Reply, prediction_id: str) -> Prediction | None:
    """What a look shows of the task, or None: not a whole reply, or about something else."""
    envelope = reply.envelope
    if envelope is None or not 200 <= reply.status < 300:
        return None
    prediction = parse_prediction(envelope.data)
    if prediction is None or prediction.id != prediction_id or not prediction.status:
        return None
    # A failed task may bring its own code; any other reply with a code that is not 200 is not about the task.
    return prediction if envelope.code in (0, 200) or prediction.phase is Phase.FAILED else None


class _Watch:
    """What has been seen so far, and how long that allows to wait."""

    def __init__(self, run: Run) -> None:
        self._run, self._delays = run, poll_delays()
        longest = run.settings.deadline_seconds
        if longest is None:
            longest = max(_SHORTEST_WAIT, _WAIT_PER_SECOND * run.entry.seconds)
        self._longest, self._deadline = longest, run.clock.monotonic() + longest
        self._failures = self._empty = 0
        self._missing_since: float | None = None

    def see(self, prediction: Prediction) -> None:
        """Take note of a good look; raises where the task has failed or has nothing to give."""
        run = self._run
        self._failures, self._missing_since = 0, None
        if prediction.status != run.entry.status:
            log.info("Task %s is %s", prediction.id, quoted(prediction.status))
        run.entry = run.journal.note(
            run.entry.job_key,
            model=run.entry.model or quoted(prediction.model),
            status=quoted(prediction.status),
            remote_created_at=quoted(prediction.created_at),
            inference_ms=prediction.inference_ms,
            nsfw=int(any(prediction.has_nsfw_contents)),
        )
        run.say("queued" if prediction.status.lower() in ("created", "pending", "queued") else "processing")
        if prediction.phase is Phase.FAILED:
            # uploads are not used again: they may be what was wrong
            run.advance(State.FAILED, error=quoted(prediction.error), uploaded_at=0.0)
            raise task_error(prediction)
        if prediction.phase is Phase.COMPLETED and not prediction.outputs:
            self._see_empty(prediction)

    def _see_empty(self, prediction: Prediction) -> None:
        self._empty += 1
        if self._empty >= _EMPTY_LOOKS:
            raise BadResultError(
                "WaveSpeed says that the task is completed, but gives no output.",
                "Run again later, or look at https://wavespeed.ai/predictions.",
                prediction_id=prediction.id,
                charge="billed",
            )

    def next_wait(self, reply: Reply, seen: Prediction | None) -> float:
        """Seconds until the next look, or the error that ends the wait."""
        left = self._deadline - self._run.clock.monotonic()
        if left <= 0:
            raise self._detached(f"The task has not ended within {self._longest / 60:.0f} minutes.")
        if seen:
            return min(next(self._delays), left)
        if code_of(reply) in (401, 403):
            raise self._locked_out(reply)
        shown = self._run.entry.status != ""
        if code_of(reply) in (404, 410) or (not shown and judge(reply) is Verdict.REFUSED):
            self._see_missing(shown)
        self._failures += 1
        self._run.say("processing")
        if judge(reply) is Verdict.REFUSED:
            return min(next(self._delays), left)
        return min(self._run.api.pause(reply, self._failures), left)

    def _see_missing(self, shown: bool) -> None:
        now = self._run.clock.monotonic()
        if self._missing_since is None:
            self._missing_since = now
        ours = self._run.entry.submitted_at > 0
        young = self._run.api.now - self._run.entry.submitted_at < GRACE_SECONDS
        if ours and (young or now - self._missing_since < GRACE_SECONDS):
            return
        identity = self._run.entry.prediction_id
        if ours and not shown:
            return self._run.advance(
                State.UNKNOWN, error=f"WaveSpeed does not know the id of its reply, {identity}"
            )
        self._run.advance(State.EXPIRED)
        raise ExpiredError(
            "WaveSpeed does not know this task (any more); its history goes back 7 days.",
            "Check that the key is of the account that bought it"
            + ("; a new take buys it anew." if ours else ", and the id."),
            prediction_id=identity,
            charge="possible",
        )

    def _locked_out(self, reply: Reply) -> KeyRejectedError:
        return KeyRejectedError(
            f"WaveSpeed refuses the key while the job is running ({reply.says}).",
            "The job goes on and may bill: set the right key and run again to fetch it.",
            prediction_id=self._run.entry.prediction_id,
            charge="possible",
        )

    def _detached(self, cause: str) -> DetachedError:
        return DetachedError(
            cause,
            "It goes on and may bill: run again to wait on.",
            prediction_id=self._run.entry.prediction_id,
            charge="possible",
        )
