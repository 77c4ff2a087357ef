"""The entry points: buy a job, resume one by its id, forget one. Each opens the journal and runs a `JobFlow`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx

from ..errors import OutputError
from ..media import check_output
from .clock import SYSTEM_CLOCK, Clock
from .context import RunContext, hold_lease
from .entry import Entry
from .files import RunFiles
from .flow import JobFlow
from .held import HeldJob
from .job import OnJobProgress, RemoteJob, RemoteResult, check_id, check_name, name_result, refuse_bad_input
from .journal import Journal
from .settings import Settings
from .sources import open_job_media
from .threads import run_in_thread


async def remote_lip_sync(
    job: RemoteJob,
    *,
    settings: Settings,
    on_progress: OnJobProgress | None = None,
    clock: Clock = SYSTEM_CLOCK,
    transport: httpx.AsyncBaseTransport | None = None,
) -> RemoteResult:
    """Lip-sync on WaveSpeed and put the result at `job.output`, buying it at most once.

    A repeated job continues where it stopped, or uses its result again at no cost. Cancelling writes DETACHED (or
    UNKNOWN, within the submit) to the journal and stops at once; the host goes on. `transport` replaces the network
    in tests. Raises RemoteError and its kinds, MediaError, OutputError.
    """
    check_output(name_result(job.output, "result"))
    context = RunContext.begin(settings, on_progress, clock, transport)
    context.tell("prepare")
    with refuse_bad_input():
        media = await run_in_thread(lambda work: open_job_media(job, work))
    with Journal(settings.make_state_dir(), clock) as journal:
        account = context.derive_tag(journal)
        hashes = media.audio.sha256, media.video.sha256
        entry = journal.open(job.identify(account, *hashes, settings.other_host))
        async with _begin(context, journal, entry, name_result(job.output, entry.job_key)) as flow:
            return await flow.buy(job, media)


async def resume_task(
    prediction_id: str,
    output: Path | None = None,
    *,
    settings: Settings,
    on_progress: OnJobProgress | None = None,
    clock: Clock = SYSTEM_CLOCK,
    transport: httpx.AsyncBaseTransport | None = None,
) -> RemoteResult:
    """Wait for a prediction and fetch its result by id, even if the journal does not know it; buys nothing.

    `output`: None for the output of its job. Raises as `remote_lip_sync`.
    """
    check_id(prediction_id)
    context = RunContext.begin(settings, on_progress, clock, transport)
    with Journal(settings.make_state_dir(), clock) as journal:
        entry = journal.adopt(prediction_id, context.derive_tag(journal))
        output = name_result(output or Path(entry.output or f"{prediction_id}.mp4"), entry.job_key)
        check_name(output)
        check_output(output)
        async with _begin(context, journal, entry, output) as flow:
            return await flow.resume()


async def forget_task(
    prediction_id: str,
    *,
    settings: Settings,
    clock: Clock = SYSTEM_CLOCK,
    transport: httpx.AsyncBaseTransport | None = None,
) -> None:
    """Delete a task that has ended at the host, which otherwise keeps it, and what was uploaded, for 7 days.

    Raises as `account.delete_task`, and OutputError.
    """
    check_id(prediction_id)
    context = RunContext.begin(settings, None, clock, transport)
    with Journal(settings.make_state_dir(), clock) as journal:
        entry = journal.adopt(prediction_id, context.derive_tag(journal))
        output = Path(entry.output or settings.state_dir / f"{prediction_id}.mp4")
        async with _begin(context, journal, entry, output) as flow:
            await flow.forget()


@asynccontextmanager
async def _begin(context: RunContext, journal: Journal, entry: Entry, output: Path) -> AsyncIterator[JobFlow]:
    """Wait until no other run works on the job, then give its flow."""
    files = RunFiles.of(entry.job_key, output, context.settings)
    async with hold_lease(context, journal, entry) as token, context.open_api() as api:
        files.clear()
        held = HeldJob(journal, entry.job_key, token)
        flow = JobFlow(held, api, files, context)
        try:
            yield flow
        except (
            BaseException
        ) as exc:  # a cancel and Ctrl-C too: the task may go on, and the journal has to say so
            flow.stop()
            if isinstance(exc, OutputError) and held.entry.prediction_id:
                raise OutputError(
                    f"{exc} The job is bought: run again to fetch it at no further cost. Prediction id: "
                    f"{held.entry.prediction_id}."
                ) from exc
            raise
        finally:
            files.clear()
