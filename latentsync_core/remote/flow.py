"""The way of a job from state to state: prepare, upload, quote, submit, poll, download, done.

Every state is in the journal before the next step begins, so that the next run of the same job continues one that was
stopped anywhere, and nothing is bought twice. The steps, in files of their own, take what they need and return their
outcome; this file alone moves a job on, along `states.TRANSITIONS`.
"""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path

from ..errors import DetachedError, OutputError
from .account import delete_task
from .api import Api
from .context import RunContext
from .download import Delivery, check_space, download_result
from .entry import Entry
from .files import RunFiles
from .find import FoundTask, build_outcome_error, find_task
from .held import HeldJob
from .job import RemoteJob, RemoteResult
from .parse import Prediction
from .poll import TaskCompleted, TaskFailed, build_missing_error, has_failed_for_good, poll
from .quote import check_affordable, quote
from .redact import clean_text, log
from .replies import build_refusal, build_task_error
from .reuse import find_reusable, put_copy
from .sources import AudioSource, JobMedia, VideoSource
from .states import MAY_SUBMIT, UNCERTAIN, State
from .submit import SubmitAccepted, SubmitRefused, SubmitUnclear, submit
from .threads import run_in_thread
from .upload import Upload, upload

_SUBMIT_ATTEMPTS = 3
"""Attempts at a POST that certainly created nothing: it was not received, or the host asked to wait."""


class JobFlow:
    """The state machine of one job. Each move says from which states to which it leads."""

    def __init__(self, held: HeldJob, api: Api, files: RunFiles, context: RunContext) -> None:
        self._held, self._api, self._files, self._context = held, api, files, context

    @property
    def _entry(self) -> Entry:
        """The job as the journal has it."""
        return self._held.entry

    async def buy(self, job: RemoteJob, media: JobMedia) -> RemoteResult:
        """Take the job from any state to its result in place, or, in a dry run, to its price."""
        if not job.dry_run:
            self._note_output()
        if await self._can_be_bought():
            inputs, price = await self._prepare(job, media)
            if job.dry_run:
                return self._build_result(None)
            await self._submit(inputs, price)
        elif job.dry_run:
            self._held.add_note(f"This job is bought already and is {self._entry.state.value}: no new cost.")
            return self._build_result(None)
        return await self._fetch()

    async def resume(self) -> RemoteResult:
        """Take the job from any state to its result in place; buys nothing."""
        self._note_output()
        return await self._fetch()

    async def forget(self) -> None:
        """Delete the task. DETACHED -> RUNNING -> EXPIRED, for one not bought here; others keep their state."""
        await delete_task(self._api, self._entry)
        self._held.note(uploaded_at=0.0)  # what was uploaded may be gone too
        if self._entry.state is State.DETACHED:
            self._held.advance(State.RUNNING)
            self._held.advance(State.EXPIRED)

    async def _can_be_bought(self) -> bool:
        """Return whether there is no task, or one that certainly failed."""
        if self._entry.state is State.FAILED:
            return await has_failed_for_good(self._api, self._entry)
        return self._entry.state in MAY_SUBMIT

    async def _prepare(self, job: RemoteJob, media: JobMedia) -> tuple[dict[str, str], Decimal]:
        """NEW, REJECTED, FAILED ... -> PREPARED -> UPLOADED -> QUOTED. Return the submit's inputs and their price."""
        check_space(self._files.output.parent)
        expected = await check_affordable(self._api, job, media)
        # The id of an earlier, failed task goes: an error from here on must not say that the job is bought.
        self._held.advance(
            State.PREPARED, seconds=media.seconds, notes="", price="", prediction_id="", status=""
        )
        uploads = {source.kind: await self._upload(source) for source in (media.video, media.audio)}
        self._held.advance(
            State.UPLOADED,
            audio_url=uploads["audio"].plain_url,
            video_url=uploads["video"].plain_url,
            uploaded_at=min(upload.reusable_since for upload in uploads.values()),
        )
        inputs = {**job.params, **{kind: upload.url for kind, upload in uploads.items()}}
        self._tell("quote")
        price = await quote(self._api, job, expected, inputs)
        self._held.advance(State.QUOTED, price=str(price.usd))
        for note in price.notes:
            self._held.add_note(note)
        return inputs, price.usd

    async def _submit(self, inputs: dict[str, str], price: Decimal) -> None:
        """QUOTED -> SUBMITTING -> RUNNING, UNKNOWN or REJECTED, or back to QUOTED and once more."""
        for attempt in range(1, _SUBMIT_ATTEMPTS + 1):
            self._tell("submit")  # before the commit: a caller who stops the run here has bought nothing
            self._held.begin_submit(price, self._api.now, self._api.settings.daily_limit_usd)
            outcome = await submit(self._api, self._entry.model, inputs)
            if isinstance(outcome, SubmitAccepted):
                return self._accept(outcome.prediction_id)
            if isinstance(outcome, SubmitUnclear):
                return self._held.advance(State.UNKNOWN, error=outcome.reply.says)
            if isinstance(outcome, SubmitRefused) or attempt == _SUBMIT_ATTEMPTS:
                self._held.advance(State.REJECTED, error=outcome.reply.says)
                raise build_refusal(outcome.reply, "when the job is submitted")
            self._held.advance(State.QUOTED)
            await self._api.clock.sleep(self._api.pause_after(outcome.reply, attempt))

    def _accept(self, prediction_id: str) -> None:
        """SUBMITTING -> RUNNING. Raises DetachedError, which names the id, where that cannot be written."""
        try:
            # Without a status: only a later request for the task shows that it exists.
            self._held.advance(State.RUNNING, prediction_id=prediction_id, status="")
        except (OutputError, DetachedError) as exc:
            raise DetachedError(
                f"The task was created, but it cannot be written down: {exc}",
                "Note the id; `latentsync remote resume` takes it.",
                prediction_id=prediction_id,
                charge="possible",
            ) from exc

    async def _fetch(self) -> RemoteResult:
        """Fetch a task that exists, or may exist: ... -> RUNNING -> COMPLETED -> DOWNLOADED -> DONE."""
        if self._entry.state in UNCERTAIN:
            await self._find()
        if found := await run_in_thread(lambda work: find_reusable(self._entry, self._files.output, work)):
            await run_in_thread(lambda _: put_copy(found, self._files.output))
            return await self._finish(reused=True)
        self._held.advance(State.RUNNING)
        while (prediction := await self._wait()) is None:
            await self._find()
        await self._download(prediction)
        return await self._finish(reused=False)

    async def _find(self) -> None:
        """Find the task: SUBMITTING, UNKNOWN, UNCONFIRMED -> RUNNING, or -> UNCONFIRMED; nothing is submitted again."""
        if self._entry.state is State.SUBMITTING:  # a crash, at an unknown time after the POST
            self._held.advance(State.UNKNOWN)
        outcome = await find_task(self._api, self._entry, self._held.list_known_ids, self._tell)
        if not isinstance(outcome, FoundTask):
            if outcome.candidates is not None and self._entry.state is State.UNKNOWN:
                self._held.advance(State.UNCONFIRMED)
            raise build_outcome_error(self._entry, outcome.candidates)
        if not outcome.certain:
            self._held.add_note(
                "The task was found by its model and time alone: check that the result is yours."
            )
        task = outcome.task
        self._held.advance(State.RUNNING, prediction_id=task.id, status=task.status or "created")

    async def _wait(self) -> Prediction | None:
        """Wait for the task: RUNNING -> COMPLETED, FAILED or EXPIRED; or -> UNKNOWN, and None, if its id is unknown."""
        end = await poll(self._api, self._entry, self._note_look)
        if isinstance(end, TaskCompleted):
            self._held.advance(State.COMPLETED)
            return end.prediction
        if isinstance(end, TaskFailed):
            # The uploads are not used again: they may be the cause.
            self._held.advance(State.FAILED, error=clean_text(end.prediction.error), uploaded_at=0.0)
            raise build_task_error(end.prediction)
        if self._entry.ours and not end.was_seen:
            error = f"WaveSpeed does not know the id of its reply, {self._entry.prediction_id}"
            self._held.advance(State.UNKNOWN, error=error)
            return None
        self._held.advance(State.EXPIRED)
        raise build_missing_error(self._entry)

    async def _download(self, prediction: Prediction) -> None:
        """Download the result: COMPLETED -> DOWNLOADED."""
        entry, files = self._entry, self._files
        if entry.nsfw:
            self._held.add_note("WaveSpeed marks the result as not safe for work.")
        if len(prediction.outputs) > 1:
            self._held.add_note(f"WaveSpeed gives {len(prediction.outputs)} outputs; the first is used.")
        delivery = Delivery(
            entry.prediction_id, prediction.outputs[0], files.output, files.part, entry.seconds
        )
        result = await download_result(self._api, delivery, self._tell)
        self._held.add_note(result.note)
        path = str(result.path.absolute())
        self._held.advance(State.DOWNLOADED, result_path=path, result_sha256=result.sha256)

    async def _finish(self, *, reused: bool) -> RemoteResult:
        """DOWNLOADED -> DONE: the result is in place."""
        if (
            self._entry.state is State.DOWNLOADED
        ):  # the bill is asked once, and may lag: no answer is no error
            charged = await self._api.ask_charge(self._entry.prediction_id, self._entry.submitted_at - 120)
            self._held.advance(State.DONE, charged="" if charged is None else str(charged))
        self._tell("done")
        return self._build_result(self._files.output, reused)

    def stop(self) -> None:
        """Write down that the run stops: RUNNING -> DETACHED, SUBMITTING -> UNKNOWN; waits for nothing."""
        after = {State.RUNNING: State.DETACHED, State.SUBMITTING: State.UNKNOWN}.get(self._entry.state)
        if after is None:
            return
        try:
            self._held.advance(after)
        except (OutputError, DetachedError) as exc:
            log.warning("The journal keeps %s: %s", self._entry.state.value, exc)
            return
        identity = self._entry.prediction_id or "whose id is not known yet"
        log.warning("WaveSpeed may go on with the task %s, and bill it. Run again to pick it up.", identity)

    def _note_output(self) -> None:
        """Write down where the result is to go, for a later resume by the id."""
        self._held.note(output=str(self._files.output.absolute()))

    async def _upload(self, source: VideoSource | AudioSource) -> Upload:
        """Upload a medium, or use again what was uploaded within a day."""
        if cached := self._held.find_cached_upload(source.kind, source.sha256):
            return Upload(*cached)
        return await upload(self._api, source, self._files.workspace, self._tell)

    def _note_look(self, task: Prediction | None) -> None:
        """Write down what the host says of the task, so that the next run knows it too."""
        if task is None:
            return self._tell("processing")
        if task.status != self._entry.status:
            log.info("Task %s is %s", task.id, clean_text(task.status))
        self._held.note(
            model=self._entry.model or clean_text(task.model),
            status=clean_text(task.status),
            remote_created_at=clean_text(task.created_at),
            inference_ms=task.inference_ms,
            nsfw=int(any(task.has_nsfw_contents)),
        )
        self._tell("queued" if task.status.lower() in ("created", "pending", "queued") else "processing")

    def _tell(self, stage: str, done: int = 0, total: int = 0) -> None:
        """Report progress to the caller, and a sign of life to other processes."""
        self._held.beat(self._api.clock.monotonic())
        entry = self._entry
        self._context.tell(
            stage,
            done=done,
            total=total,
            status=entry.status,
            price_usd=entry.price_usd,
            prediction_id=entry.prediction_id,
        )

    def _build_result(self, path: Path | None, reused: bool = False) -> RemoteResult:
        return RemoteResult.of(self._entry, path, self._context.elapsed, reused, self._context.settings)
