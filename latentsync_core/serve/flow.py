"""The way of every task, state by state: brought, measured, computed, told of, and in the end forgotten."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Coroutine
from functools import partial

from ..errors import LatentSyncError, OutputError
from .describe import describe_for_webhook
from .failure import INTERNAL, INVALID, UNAVAILABLE, TaskFailure
from .fetch import Fetcher
from .gate import Gate
from .place import TaskFolder
from .prices import price_of
from .process import ProcessDiedError
from .settings import ServeSettings
from .states import ENDED, UNFINISHED, TaskState
from .tasks import Task, Tasks
from .uploads import Uploads
from .webhook import Webhooks
from .worker import TaskWorker

log = logging.getLogger(__name__)

_PREPARED_AT_ONCE, _NOTIFIED_AT_ONCE = 4, 4

_MOST_DEATHS = 3
"""A task of which so many processes died is not tried again."""
_WEBHOOK_CALLS = 4
"""One, and three more where it does not answer; the documentation says three retries with backoff."""
_WEBHOOK_PAUSE = 5.0
"""Seconds before the second call; before each further one, four times as many."""
_CLEANING_SECONDS = 60.0

Pick = Callable[[Collection[str]], "Task | None"]
"""Returns the next task for a step, apart from those of the given ids."""
TaskStep = Callable[[Task], Coroutine[None, None, None]]
"""Does what a task needs in its state, and moves it."""


class TaskFlow:
    """Moves tasks along the table of states. All of it runs in the event loop, between whose awaits nothing changes."""

    def __init__(
        self, settings: ServeSettings, tasks: Tasks, uploads: Uploads, fetcher: Fetcher, gate: Gate,
        worker: TaskWorker, webhooks: Webhooks,
    ) -> None:  # fmt: skip
        self._settings, self._tasks, self._uploads = settings, tasks, uploads
        self._fetcher, self._gate, self._worker, self._webhooks = fetcher, gate, worker, webhooks
        self._bell = asyncio.Event()
        self._busy: dict[str, asyncio.Future[None]] = {}
        self.progress: dict[str, tuple[str, int, int]] = {}
        """Stage, steps done and steps in all of the task that is computed, by its id."""

    async def run(self) -> None:
        """Work until cancelled: what is computed then goes back to the queue.

        Raises what `TaskWorker.start` raises, and OutputError where the store cannot be used.
        """
        created = partial(self._tasks.next, TaskState.CREATED)
        loops = [
            *(self._work_off(created, self._prepare) for _ in range(_PREPARED_AT_ONCE)),
            self._compute_all(),
            *(self._work_off(self._tasks.next_to_notify, self._notify) for _ in range(_NOTIFIED_AT_ONCE)),
            self._clean(),
        ]
        running = [asyncio.ensure_future(loop) for loop in loops]
        try:
            await asyncio.gather(*running)
        finally:
            for loop in running:
                loop.cancel()
            await asyncio.gather(*running, return_exceptions=True)

    def ring(self) -> None:
        """Wake all who wait for tasks: something has changed."""
        self._bell.set()
        self._bell = asyncio.Event()

    def delete(self, task: Task) -> None:
        """Stop a task if it has not ended, and remove its files; it costs only if it was completed."""
        price = task.price if task.state is TaskState.COMPLETED else 0
        self._tasks.advance(task.id, TaskState.DELETED, price=price, webhook_left=0)
        if work := self._busy.get(task.id):
            work.cancel()  # the files go when it has ended, see `_do`
        else:
            self._folder_of(task).remove()

    def recover(self) -> None:
        """Take up what a server that was killed has left; called before anything else."""
        for task in self._tasks.list_in([TaskState.PROCESSING]):
            self._tasks.advance(task.id, TaskState.READY)
        self._uploads.remove_strays()
        known = {self._folder_of(task).root for task in self._tasks.list_in([*UNFINISHED, *ENDED])}
        for root in (self._settings.folder / "tasks").glob("*"):
            if root not in known:
                TaskFolder(root).remove()

    async def _work_off(self, pick: Pick, step: TaskStep) -> None:
        """Do a step for one task after the other, and wait where there is none."""
        while True:
            bell = self._bell
            task = pick(self._busy)
            if task is None:
                await bell.wait()
            else:
                await self._do(step, task)

    async def _do(self, step: TaskStep, task: Task) -> None:
        """Do a step for a task, which `delete` may cancel."""
        self._busy[task.id] = work = asyncio.ensure_future(step(task))
        try:
            await asyncio.wait({work})
        finally:
            work.cancel()
            await asyncio.gather(work, return_exceptions=True)
            del self._busy[task.id]
            self.ring()
        if self._is_deleted(task):
            self._folder_of(task).remove()
        elif (exc := None if work.cancelled() else work.exception()) is not None:
            self._give_up(task, exc)

    def _give_up(self, task: Task, exc: BaseException) -> None:
        """Fail a task at which a step broke, so that it cannot break the endpoint; errors of the owner's end it."""
        if isinstance(exc, LatentSyncError):
            raise exc
        log.error("The task %s ended in an error that is not the client's.", task.id, exc_info=exc)
        if self._tasks.get(task.id).state in (TaskState.CREATED, TaskState.PROCESSING):
            self._fail(task, TaskFailure(INTERNAL, "the owner finds more in the log of the server"))
        else:
            self._tasks.note(task.id, webhook_left=0)

    async def _prepare(self, task: Task) -> None:
        """Bring the media into the task's folder, and measure them."""
        try:
            seconds = await self._bring_and_measure(task)
        except TaskFailure as failure:
            self._fail(task, failure)
        except (OSError, OutputError):
            log.exception("The media of a task cannot be stored")
            self._fail(task, TaskFailure(UNAVAILABLE, "the media cannot be stored"))
        else:
            self._move(task, TaskState.READY, price=price_of(seconds, self._settings.price_usd))

    async def _bring_and_measure(self, task: Task) -> float:
        """Return the seconds of the audio."""
        seconds, longest = {}, self._settings.limits.longest_seconds
        for kind, path in self._folder_of(task).media.items():
            await self._fetcher.bring(task.order.inputs[kind], path)
            seconds[kind] = await self._gate.measure(kind, path)
            if seconds[kind] > longest:
                raise TaskFailure(
                    INVALID, f"the {kind} lasts {seconds[kind]:.1f} s; at most {longest:g} s are taken"
                )
        return seconds["audio"]

    async def _compute_all(self) -> None:
        await self._worker.start()
        await self._work_off(partial(self._tasks.next, TaskState.READY), self._compute)

    async def _compute(self, task: Task) -> None:
        """Have the worker compute a task, unless a server that was killed had just done so."""
        self._tasks.advance(task.id, TaskState.PROCESSING)
        folder = self._folder_of(task)
        try:
            inference_ms = folder.read_outcome()
            if inference_ms is None:
                inference_ms = await self._worker.compute(folder, partial(self._tell, task.id))
        except TaskFailure as failure:
            self._fail(task, failure)
        except ProcessDiedError:
            self._try_again(task)
        except asyncio.CancelledError:
            self._move(task, TaskState.READY)
            raise
        else:
            self._end(task, TaskState.COMPLETED, inference_ms=inference_ms)
        finally:
            self.progress.pop(task.id, None)

    def _try_again(self, task: Task) -> None:
        deaths = task.deaths + 1
        log.warning("The worker's process died at the task %s, the %d. time.", task.id, deaths)
        if deaths < _MOST_DEATHS:
            self._move(task, TaskState.READY, deaths=deaths)
        else:
            self._fail(
                task, TaskFailure(INTERNAL, f"{deaths} processes died of it, perhaps for lack of memory")
            )

    async def _notify(self, task: Task) -> None:
        """Call the webhook of a task that has ended, once."""
        called = _WEBHOOK_CALLS - task.webhook_left
        if called:
            await asyncio.sleep(_WEBHOOK_PAUSE * 4 ** (called - 1))
        taken = await self._webhooks.call(task.order, task.id, describe_for_webhook(task))
        self._tasks.note(task.id, webhook_left=0 if taken else task.webhook_left - 1)

    async def _clean(self) -> None:
        """Remove what was kept for its time, again and again."""
        while True:
            before = self._tasks.now() - self._settings.keep_seconds
            for task in self._tasks.list_ended_before(before):
                self.delete(task)
            self._uploads.remove_before(before)
            await asyncio.sleep(_CLEANING_SECONDS)

    def _fail(self, task: Task, failure: TaskFailure) -> None:
        self._end(task, TaskState.FAILED, code=failure.code, error=str(failure), price=0)

    def _end(self, task: Task, state: TaskState, **values: object) -> None:
        calls = _WEBHOOK_CALLS if task.order.webhook else 0
        self._move(task, state, webhook_left=calls, **values)
        self._folder_of(task).remove_work()

    def _move(self, task: Task, state: TaskState, **values: object) -> None:
        """Move a task, unless it was deleted meanwhile."""
        if not self._is_deleted(task):
            self._tasks.advance(task.id, state, **values)

    def _is_deleted(self, task: Task) -> bool:
        return self._tasks.get(task.id).state is TaskState.DELETED

    def _tell(self, task_id: str, stage: str, done: int, total: int) -> None:
        self.progress[task_id] = (stage, done, total)

    def _folder_of(self, task: Task) -> TaskFolder:
        return TaskFolder.of(self._settings.folder, task.id)
