"""A job from beginning to end: prepare, upload, quote, submit, poll, download, done.

Every step is written to the journal first, so that a run which is stopped anywhere, by anything, is continued by
the next run of the same job, and nothing is bought twice.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx

from ..errors import BadInputError
from ..media import check_output
from .clock import SYSTEM_CLOCK, Clock
from .download import check_space, download
from .entry import Identity
from .job import OnProgress, RemoteJob, RemoteResult, at_no_cost, check_id, check_name, place
from .journal import Journal
from .models import find_model
from .poll import failed_for_good, poll
from .prepare import Source, encode, file_sha256, inspect
from .pricing import bounds, check_balance, check_bounds, settle
from .redact import plain
from .reuse import put_copy, reusable
from .run import Run, World, open_run
from .settings import Settings
from .states import MAY_SUBMIT, UNSURE, State
from .submit import reconcile, submit
from .threads import Work, in_thread
from .upload import upload


async def remote_lip_sync(
    job: RemoteJob,
    *,
    settings: Settings,
    on_progress: OnProgress | None = None,
    clock: Clock = SYSTEM_CLOCK,
    transport: httpx.AsyncBaseTransport | None = None,
) -> RemoteResult:
    """Lip-sync on WaveSpeed and put the result at `job.output`, buying it at most once.

    The same job again goes on where it stopped, or uses the result again at no cost. Cancelling the task writes
    DETACHED (or UNKNOWN, within the submit) to the journal and stops at once; the host goes on.
    `transport` replaces the network in tests. Raises RemoteError and its kinds, MediaError, OutputError.
    """
    check_output(place(job.output, "result"))
    world = World.of(settings, on_progress, clock, transport)
    world.hear("prepare")
    with at_no_cost():
        video, audio = await in_thread(lambda work: inspect(job, work))
    with Journal(settings.make_state_dir(), clock) as journal:
        entry = journal.open(_identity(job, world.key.account_tag(journal.salt), video, audio))
        async with open_run(world, journal, entry, place(job.output, entry.job_key)) as run:
            if not job.dry_run:
                run.name_output()
            if run.entry.state in MAY_SUBMIT or (
                run.entry.state is State.FAILED and await failed_for_good(run)
            ):
                check_bounds(bounds(find_model(job.model), audio.seconds, video.seconds), job.max_cost_usd)
                check_space(run.output.parent)
                await _check_model(run, job, audio.seconds, video.seconds)
                seconds = max(video.seconds, audio.seconds)
                # no longer the job of a prediction that failed
                run.advance(State.PREPARED, seconds=seconds, notes="", price="", prediction_id="", status="")
                await _upload(run, job, video, audio)
                price = await _quote(run, job, audio.seconds, video.seconds)
                if job.dry_run:
                    return run.result(None)
                await submit(run, price)
            elif job.dry_run:
                run.add_note(f"This job is bought already and is {run.entry.state.value}: no new cost.")
                return run.result(None)
            return await _to_the_end(run)


async def resume(
    prediction_id: str,
    output: Path | None = None,
    *,
    settings: Settings,
    on_progress: OnProgress | None = None,
    clock: Clock = SYSTEM_CLOCK,
    transport: httpx.AsyncBaseTransport | None = None,
) -> RemoteResult:
    """Wait for a prediction and fetch its result by id, also one that the journal does not know; buys nothing.

    `output`: None for the place that its job named. Raises as `remote_lip_sync`.
    """
    check_id(prediction_id)
    world = World.of(settings, on_progress, clock, transport)
    with Journal(settings.make_state_dir(), clock) as journal:
        entry = journal.adopt(prediction_id, world.key.account_tag(journal.salt))
        output = place(output or Path(entry.output or f"{prediction_id}.mp4"), entry.job_key)
        check_name(output)
        check_output(output)
        async with open_run(world, journal, entry, output) as run:
            run.name_output()
            return await _to_the_end(run)


async def _to_the_end(run: Run) -> RemoteResult:
    """From a task that exists, or may exist, to its result in place."""
    if run.entry.state in UNSURE:
        await reconcile(run)
    if found := await in_thread(lambda _: reusable(run.entry, run.output)):
        await in_thread(lambda _: put_copy(found, run.output))
        return await _finish(run, reused=True)
    run.advance(State.RUNNING)
    while (prediction := await poll(run)) is None:
        await reconcile(run)
    run.advance(State.COMPLETED)
    if run.entry.nsfw:
        run.add_note("WaveSpeed marks the result as not safe for work.")
    if len(prediction.outputs) > 1:
        run.add_note(f"WaveSpeed gives {len(prediction.outputs)} outputs; the first is used.")
    path = await download(run, prediction.outputs[0])
    sha256 = await in_thread(lambda _: file_sha256(path))
    run.advance(State.DOWNLOADED, result_path=str(path.absolute()), result_sha256=sha256)
    return await _finish(run)


async def _finish(run: Run, *, reused: bool = False) -> RemoteResult:
    """The result is in place; what it really cost is asked once."""
    if run.entry.state is State.DOWNLOADED:
        charged = await run.api.charge(run.entry.prediction_id, run.entry.submitted_at - 120)
        run.advance(State.DONE, charged="" if charged is None else str(charged))
    run.say("done")
    return run.result(run.output, reused=reused)


async def _check_model(run: Run, job: RemoteJob, audio_seconds: float, video_seconds: float) -> None:
    """Whether the model exists and can be afforded, before anything is uploaded; no list of models refuses nothing."""
    listed = await run.api.models()
    if listed is None:
        return
    if job.model not in listed:
        raise BadInputError(
            f"WaveSpeed lists no model {job.model}.", "Choose one of https://wavespeed.ai/models."
        )
    # WaveSpeed's own client has formulas with the base price for 5 seconds
    model = replace(find_model(job.model), block_usd=listed[job.model])
    check_bounds(bounds(model, audio_seconds, video_seconds), job.max_cost_usd)


async def _upload(run: Run, job: RemoteJob, *sources: Source) -> None:
    """Put the media where the host can read them; what was uploaded within a day is used again."""
    run.inputs, signed, uploaded_at = dict(job.params), False, run.clock.utc()
    for source in sources:
        cached = run.journal.cached_upload(run.entry.account, source.kind, source.sha256)
        url, at = cached or (await _upload_one(run, source), uploaded_at)
        uploaded_at, signed = min(uploaded_at, at), signed or plain(url) != url
        run.inputs[source.kind] = url
    run.advance(
        State.UPLOADED,
        audio_url=plain(run.inputs["audio"]),
        video_url=plain(run.inputs["video"]),
        # a URL whose signature was not written down cannot be used again
        uploaded_at=0.0 if signed else uploaded_at,
    )


async def _upload_one(run: Run, source: Source) -> str:
    def look(work: Work) -> None:
        run.say("prepare", done=work.done, total=work.total)

    look(Work())
    source.check_unchanged()
    run.workspace.mkdir(mode=0o700, exist_ok=True)
    media = await in_thread(lambda work: encode(source, run.workspace, work), look)
    url = await upload(run.api, media, lambda done, total: run.say("upload", done=done, total=total))
    source.check_unchanged()
    return url


async def _quote(run: Run, job: RemoteJob, audio_seconds: float, video_seconds: float) -> Decimal:
    """What the job costs, held against the limit of the run and the account's credit."""
    run.say("quote")
    model = find_model(job.model)
    quoted = await run.api.price(job.model, run.inputs)
    quote = settle(model, bounds(model, audio_seconds, video_seconds), quoted, job.max_cost_usd)
    balance = await run.api.balance()
    check_balance(balance, quote.usd)
    run.advance(State.QUOTED, price=str(quote.usd))
    run.add_note(quote.note)
    if balance is None:
        run.add_note("WaveSpeed does not say what the account holds.")
    return quote.usd


def _identity(job: RemoteJob, account: str, video: Source, audio: Source) -> Identity:
    params = json.dumps(dict(sorted(job.params.items())))
    parts = (account, job.model, params, audio.sha256, video.sha256, str(job.take))
    key = hashlib.sha256("|".join(parts).encode()).hexdigest()
    return Identity(key, account, job.model, params, audio.sha256, video.sha256, job.take)
