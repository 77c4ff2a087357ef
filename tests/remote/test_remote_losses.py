"""What loses money or results elsewhere, and what is said to those whose job cannot be bought."""

import asyncio
import os
import shutil
import sqlite3
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import httpx
import pytest
from remote.fake_wavespeed import Fault, demo_audio, demo_video
from remote.runs import Bench

from latentsync_core import errors
from latentsync_core.remote import Journal, RemoteJob, RemoteResult, remote_lip_sync, resume_task
from latentsync_core.remote.api import Api
from latentsync_core.remote.exchange import exchange

NOTHING_SPENT, BILLED = "No money was spent", "The job is billed"


@pytest.fixture
def bench(fake, tmp_path, clip, speech):
    folder = tmp_path / "state"
    folder.mkdir()
    return Bench(fake, folder, clip, speech)


@pytest.mark.parametrize("fault", ["result#1+ http 401", "submit http 502 after", "media#1+ html"])
def test_a_renewed_key_goes_on_with_what_the_old_one_bought(bench, fault):
    bench.fake.faults = [Fault.parse(fault), Fault.parse("history#1+ http 500")]
    assert isinstance(bench.run(), errors.RemoteError)
    bench.fake.faults, bench.fake.key = [], "wsk_renewed"
    assert isinstance(bench.run(), RemoteResult) and len(bench.fake.ledger.tasks) == 1


def test_what_failed_or_was_refused_is_bought_with_the_new_key(bench):
    bench.fake.faults = [Fault.parse("submit http 402")]
    assert isinstance(bench.run(), errors.NoCreditError)
    bench.fake.key = "wsk_of_another_account"
    assert isinstance(bench.run(), RemoteResult) and len(bench.fake.ledger.tasks) == 1


def test_a_full_disk_is_noticed_before_anything_is_bought(bench, monkeypatch):
    usage = shutil.disk_usage(bench.folder)
    monkeypatch.setattr("shutil.disk_usage", lambda _: usage._replace(free=2**29))
    error = bench.run()
    assert isinstance(error, errors.OutputError) and "1 GB" in str(error) and bench.fake.calls == []


def test_a_disk_that_fills_up_later_loses_nothing(bench, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("latentsync_core.remote.download._move_into_place", full)
        error = bench.run()
    assert isinstance(error, errors.OutputError) and "No space left" in str(error)
    assert bench.fake.ledger.tasks[0].id in str(error) and "no further cost" in str(error)
    assert isinstance(bench.run(), RemoteResult) and len(bench.fake.ledger.tasks) == 1


@pytest.mark.parametrize("stage", ["submit", "queued", "processing", "download"])
def test_a_journal_that_cannot_be_written_any_more_loses_nothing(bench, monkeypatch, stage):
    def record(progress):
        if progress.stage == stage:
            broken.setattr(Journal, "_update", full)

    def full(*_, **__):
        raise sqlite3.OperationalError("database or disk is full")

    with monkeypatch.context() as broken:
        error = bench.run(on_progress=record)
    tasks = bench.fake.ledger.tasks
    assert isinstance(error, (errors.OutputError, errors.DetachedError)) and "disk is full" in str(error)
    assert len(tasks) == (stage != "submit") and all(task.id in str(error) for task in tasks)
    assert isinstance(bench.run(), RemoteResult) and len(tasks) <= 1 == len(bench.fake.ledger.tasks)


def test_a_lease_that_cannot_be_given_back_hides_nothing_and_is_not_kept(bench, monkeypatch):
    submit = Api.submit

    async def submit_to_the_last_write(*arguments):
        reply = await submit(*arguments)
        broken.setattr(Journal, "_transact", full)
        return reply

    def full(_):
        raise errors.OutputError("database or disk is full")

    with monkeypatch.context() as broken:
        broken.setattr(Api, "submit", submit_to_the_last_write)
        error = bench.run()
    tasks = bench.fake.ledger.tasks
    assert (
        isinstance(error, errors.DetachedError) and tasks[0].id in str(error) and error.charge == "possible"
    )
    assert "nothing is bought" not in str(error)
    assert isinstance(bench.run(), RemoteResult) and len(tasks) == 1


def test_a_purchase_that_another_run_took_over_is_named(bench, monkeypatch):
    submit = Api.submit

    async def submit_while_taken_over(*arguments):
        reply = await submit(*arguments)
        with Journal(bench.folder) as journal, journal._transact():
            journal._connection.execute("UPDATE jobs SET lease_token = 'x'")
        return reply

    monkeypatch.setattr(Api, "submit", submit_while_taken_over)
    error = bench.run()
    assert isinstance(error, errors.DetachedError) and bench.fake.ledger.tasks[0].id in str(error)


def test_a_part_file_that_cannot_be_removed_hides_nothing(bench, monkeypatch):
    def refuse(self, **_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "unlink", refuse)
    assert isinstance(bench.run(), RemoteResult)


def test_a_damaged_journal_buys_nothing(bench):
    (bench.folder / "remote.sqlite3").write_bytes(b"not a database" * 100)
    error = bench.run()
    assert isinstance(error, errors.OutputError) and "would buy it again" in str(error)
    assert bench.fake.calls == []


def test_an_id_that_the_host_does_not_know_is_reported_at_once(bench):
    bench.fake.run_seconds = 1000
    with pytest.raises(errors.ExpiredError, match="and the id"):
        asyncio.run(
            resume_task("typed-wrong", bench.output, settings=bench.settings(), clock=bench.fake.clock)
        )
    assert bench.fake.calls == ["result#1"]


def test_a_dry_run_does_not_move_the_result(bench):
    bench.run()
    job = RemoteJob(bench.video, bench.audio, bench.folder / "elsewhere.mp4", dry_run=True)
    asyncio.run(remote_lip_sync(job, settings=bench.settings(), clock=bench.fake.clock))
    with Journal(bench.folder) as journal:
        assert journal.list_recent(1)[0].output == str(bench.output)


def test_a_cancel_that_comes_together_with_the_reply_is_not_lost():
    class Ending(httpx.AsyncByteStream):
        async def __aiter__(self):
            yield b"{}"

        async def aclose(self):
            asyncio.get_running_loop().call_soon(victim.cancel)

    async def run():
        nonlocal victim
        transport = httpx.MockTransport(lambda _: httpx.Response(200, stream=Ending()))
        async with httpx.AsyncClient(transport=transport) as client:
            victim = asyncio.create_task(exchange(client, client.build_request("GET", "https://host"), 5.0))
            with pytest.raises(asyncio.CancelledError):
                await victim

    victim = None
    asyncio.run(run())


def nothing(bench, tmp_path):
    return {}


def silent(bench, tmp_path):
    return {"audio": bench.video}


def long_audio(bench, tmp_path):
    return {"audio": demo_audio(tmp_path / "long.wav", length=41.0)}


def too_long_for_the_model(bench, tmp_path):
    video = demo_video(tmp_path / "long.mp4", length=11.0)
    return {"video": video, "model": "kwaivgi/kling-lipsync/audio-to-video", "max_cost_usd": Decimal(9)}


BAD = [
    ("no key", nothing, "", errors.KeyMissingError, NOTHING_SPENT),
    ("rejected key", nothing, "ticket http 401", errors.KeyRejectedError, NOTHING_SPENT),
    ("rejected while running", nothing, "result#1+ http 401", errors.KeyRejectedError, "may have been spent"),
    ("no credit", nothing, "balance amount 0", errors.NoCreditError, NOTHING_SPENT),
    ("no credit at the submit", nothing, "submit http 402", errors.NoCreditError, NOTHING_SPENT),
    ("over budget", long_audio, "", errors.OverBudgetError, NOTHING_SPENT),
    ("quoted too high", nothing, "price amount 500", errors.OverBudgetError, NOTHING_SPENT),
    ("unreachable media", nothing, "result#1+ error 1402", errors.MediaUnreachableError, "is refunded"),
    ("moderated", nothing, "result#1+ error 1200", errors.ModeratedError, "is refunded"),
    ("without audio", silent, "", errors.BadInputError, NOTHING_SPENT),
    ("too long", too_long_for_the_model, "", errors.BadInputError, NOTHING_SPENT),
    ("private address", nothing, "result#1+ url http://10.0.0.1/1.mp4", errors.BadResultError, BILLED),
    ("html", nothing, "ticket#1+ html", errors.ServerTroubleError, NOTHING_SPENT),
    ("html of the result", nothing, "media#1+ html", errors.BadResultError, BILLED),
    ("empty", nothing, "ticket#1+ empty", errors.ServerTroubleError, NOTHING_SPENT),
    ("empty at the submit", nothing, "submit empty", errors.UnknownOutcomeError, "may have been spent"),
    ("empty looks", nothing, "result#1+ empty", errors.DetachedError, "may have been spent"),
    ("cut off", nothing, "result#1+ cut 20", errors.DetachedError, "may have been spent"),
    ("result cut off", nothing, "media#1+ truncated", errors.BadResultError, BILLED),
    ("a false length", nothing, "media#1+ length 500", errors.ServerTroubleError, BILLED),
]


@pytest.mark.parametrize(("given", "fault", "kind", "money"), [pytest.param(*b[1:], id=b[0]) for b in BAD])
def test_bad_input_is_reported_with_cause_remedy_id_and_money(
    bench, tmp_path, request, given, fault, kind, money
):
    bench.fake.faults = [Fault.parse(fault)] if fault else []
    job = replace(RemoteJob(bench.video, bench.audio, bench.output), **given(bench, tmp_path))
    settings = replace(bench.settings(), key=None) if "no key" in request.node.name else bench.settings()
    work = remote_lip_sync(job, settings=settings, clock=bench.fake.clock)
    with pytest.raises(kind) as caught:
        asyncio.run(work)
    error, said = caught.value, str(caught.value)
    assert money in said and len(error.cause) > 20
    assert all(task.id in said for task in bench.fake.ledger.tasks)


CHANGES = {
    "longer": lambda path: path.write_bytes(path.read_bytes() + b"more"),
    "cut off": lambda path: os.truncate(path, 100),
    "another": lambda path: path.write_bytes(bytes(path.stat().st_size)),
    "gone": lambda path: path.unlink(missing_ok=True),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
@pytest.mark.parametrize("kind", ["video", "audio"])
def test_a_file_that_changes_while_it_is_sent_is_not_bought(bench, tmp_path, kind, change):
    path = Path(shutil.copy(getattr(bench, kind), tmp_path))
    setattr(bench, kind, path)
    content = path.read_bytes()

    def record(progress):
        if progress.stage == "upload" and path.exists() and path.read_bytes() == content:
            change(path)

    error = bench.run(on_progress=record)
    assert isinstance(error, errors.BadInputError) and f"{path} was written to" in str(error)
    assert NOTHING_SPENT in str(error) and bench.fake.ledger.tasks == []
    path.write_bytes(content)
    assert isinstance(bench.run(), RemoteResult) and len(bench.fake.ledger.tasks) == 1
