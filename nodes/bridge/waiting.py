"""Wait for a job at its host: show its progress, and stop on ComfyUI's interrupt."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar

import comfy.model_management as mm

from ...latentsync_core.timeleft import format_duration
from .progress import check_interrupt, send_text

if TYPE_CHECKING:
    from ...latentsync_core.remote import JobProgress, RemoteResult

T = TypeVar("T", bound="RemoteResult")

STOPS = (mm.InterruptProcessingException, asyncio.CancelledError)
"""The user's interrupt, and the end of a prompt in which another node failed."""
LOOK_SECONDS = 0.2
"""Seconds between two checks whether the user has stopped the run."""
TEXT_SECONDS = 1.0

UNPAID = ("", "prepare", "upload", "quote")
"""Stages before a task exists."""
TITLES = {
    "prepare": "Preparing",
    "wait": "Waiting for another run of this job",
    "upload": "Uploading",
    "quote": "Asking for the price",
    "submit": "Submitting",
    "reconcile": "Looking for the task in the history",
    "queued": "Queued at {host}",
    "processing": "Processing at {host}",
    "download": "Downloading",
}


class Watch:
    """Shows the progress of a job on a node, and stops waiting when the user or the prompt does."""

    def __init__(self, node_id: str | None, host: str) -> None:
        """host: what it is called."""
        self._node_id, self._host = node_id, host
        self._last: JobProgress | None = None
        self._started, self._said = time.monotonic(), 0.0

    def show(self, progress: JobProgress) -> None:
        """Show the progress of a job, as the library's `on_progress`; raises ComfyUI's interrupt."""
        news = self._last is None or progress.stage != self._last.stage
        self._last = progress
        self._show(at_once=news)
        check_interrupt()

    async def wait_for(self, work: Coroutine[None, None, T]) -> T:
        """Return the result of a job; ComfyUI's interrupt, or the end of the prompt, ends the wait at once."""
        task = asyncio.ensure_future(work)
        try:
            while not (await asyncio.wait({task}, timeout=LOOK_SECONDS))[0]:
                check_interrupt()
                self._show()
            result = task.result()
        except STOPS:
            # The task writes into its journal that nobody waits any more, so that the next run picks the job up.
            task.cancel()
            with suppress(*STOPS):
                await task
            send_text(self._describe_stop(), self._node_id)
            raise
        return result

    def _show(self, at_once: bool = False) -> None:
        now = time.monotonic()
        if self._last is None or not (at_once or now - self._said >= TEXT_SECONDS):
            return
        self._said, progress = now, self._last
        words = [TITLES.get(progress.stage, progress.stage).format(host=self._host)]
        if progress.total:
            words.append(f"{100 * progress.done // progress.total} %")
        words.append(format_duration(now - self._started))
        if progress.price_usd is not None:
            words.append(f"${progress.price_usd}")
        send_text(", ".join(words), self._node_id)

    def _describe_stop(self) -> str:
        last = self._last
        if last is None or last.stage in UNPAID:
            return "Stopped. Nothing was bought by this run."
        task = f"The task {last.prediction_id}" if last.prediction_id else "The task"
        return f"Stopped waiting. {task} may go on at {self._host} and bill; queue the same inputs again to pick it up."
