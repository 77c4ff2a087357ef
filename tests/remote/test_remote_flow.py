"""Whole runs against the fake host, and what they leave on disk, in the journal and in the account."""

import asyncio
import json
from dataclasses import replace
from decimal import Decimal

import pytest
from remote.fake_wavespeed import Fault

from latentsync_core import FileClip, errors
from latentsync_core.remote import ApiKey, Journal, RemoteJob, Settings, State, remote_lip_sync, resume_task
from latentsync_core.remote.settings import Timeouts

FAST = Timeouts(0.5, 0.5, 0.5, 0.5)


class User:
    """A user with a video, an audio file, a key and a state folder."""

    def __init__(self, fake, clip, speech, folder):
        self.fake, self.folder = fake, folder
        self.settings = Settings(folder / "state", ApiKey(fake.key), fake.base_url, timeouts=FAST)
        self.job = RemoteJob(clip, speech, folder / "out.mp4")
        self.stages = []

    def record(self, progress):
        self.stages.append(progress.stage)

    async def sync(self, **changes):
        job = replace(self.job, **changes)
        return await remote_lip_sync(
            job, settings=self.settings, on_progress=self.record, clock=self.fake.clock
        )

    def run(self, **changes):
        return asyncio.run(self.sync(**changes))

    def fails(self, kind, match, **changes):
        with pytest.raises(kind, match=match) as caught:
            self.run(**changes)
        return caught.value

    def limit_a_day(self, dollars):
        """Set the limit, and begin just after midnight (UTC), so that no test runs into the next day."""
        self.settings = replace(self.settings, daily_limit_usd=Decimal(dollars))
        self.fake.clock.advance(-self.fake.clock.utc() % 86400)

    def fault(self, *lines):
        self.fake.faults += map(Fault.parse, lines)

    @property
    def entry(self):
        with Journal(self.settings.state_dir) as journal:
            return journal.list_recent(1)[0]

    @property
    def left(self):
        return sorted(
            path.name for path in self.folder.rglob("*") if not path.name.startswith("remote.sqlite3")
        )

    @property
    def bought(self):
        return len(self.fake.ledger.tasks)


@pytest.fixture
def user(fake, clip, speech, tmp_path):
    return User(fake, clip, speech, tmp_path)


def test_a_job_from_beginning_to_end(user):
    result = user.run()
    assert len(FileClip(result.path)) > 0 and user.left == ["out.mp4", "state"]
    assert list(dict.fromkeys(user.stages)) == [
        "prepare", "upload", "quote", "submit", "queued", "processing", "download", "done"
    ]  # fmt: skip
    assert (result.price_usd, result.charged_usd, user.fake.ledger.dollars) == (
        Decimal("0.15"),
        Decimal("0.15"),
        0.15,
    )
    assert result.status == "completed" and result.inference_ms == 20000 and not result.nsfw
    assert json.dumps(result.report()) and user.entry.state is State.DONE and user.fake.violations == []


def test_the_same_job_again_costs_nothing(user):
    first, again = user.run(), user.run()
    assert again.reused and again.prediction_id == first.prediction_id
    elsewhere = user.run(output=user.folder / "b.mp4")
    assert elsewhere.path.read_bytes() == first.path.read_bytes()
    first.path.write_bytes(b"changed by hand")
    elsewhere.path.unlink()
    fetched = user.run()
    assert not fetched.reused and user.bought == 1 and fetched.sha256 == first.sha256
    assert user.run(take=2).prediction_id != first.prediction_id and user.bought == 2
    assert user.left == ["out.mp4", "state"]


def test_a_dry_run_stops_after_the_quote(user):
    result = user.run(dry_run=True)
    assert result.path is None and result.price_usd == Decimal("0.15") and user.bought == 0
    assert user.left == ["state"] and user.entry.state is State.QUOTED
    user.run()
    assert user.bought == 1 and user.fake.calls.count("ticket#3") == 0  # the uploads were used again
    assert "bought already" in user.run(dry_run=True).notes[-1]


def test_too_dear_is_refused_before_anything_is_sent(user):
    user.fails(errors.OverBudgetError, "limit of this run is", max_cost_usd=Decimal("0.14"))
    assert user.fake.calls == []
    user.limit_a_day("0.20")
    user.run()
    user.fails(errors.OverBudgetError, "a day", take=2)
    assert user.bought == 1


def test_no_key(user):
    user.settings = replace(user.settings, key=None)
    user.fails(errors.KeyMissingError, "WAVESPEED_API_KEY")
    assert not user.settings.state_dir.exists()


def test_the_limit_counts_what_may_have_been_spent(user):
    user.fault("submit#1 hang after", "history#1+ lag")
    user.limit_a_day("0.20")
    user.fails(errors.UnknownOutcomeError, "no such task")
    user.fails(errors.OverBudgetError, "a day", take=2)


@pytest.mark.parametrize("days", [1, -1])
def test_the_host_does_not_say_when_a_day_begins(user, days):
    user.limit_a_day("0.20")
    user.fake.clock.advance(43200)
    user.run()
    user.fault(f"server skew {days * 86400}")
    user.fails(errors.OverBudgetError, "a day", take=2)
    user.fake.clock.advance(86400)
    assert user.run(take=2).path.exists() and user.bought == 2
    user.fails(errors.OverBudgetError, "a day", take=3)


def test_an_unknown_outcome_heals_when_the_history_does(user):
    user.fault("submit#1 hang after", "history#1-9 lag")
    error = user.fails(errors.UnknownOutcomeError, "a new take buys it")
    assert error.charge == "possible" and user.entry.state is State.UNCONFIRMED
    user.fails(errors.UnknownOutcomeError, "no such task")
    user.fake.faults.clear()
    assert user.run().path.exists() and user.bought == 1


def test_an_id_that_no_look_finds_is_not_believed(user):
    """The host answers 404 for it, and its history shows the task under another one."""
    user.fault("submit other_id", "history#1-9 lag")
    error = user.fails(errors.UnknownOutcomeError, "does not know the id of its reply, req-7f3a9c21")
    assert error.prediction_id == "req-7f3a9c21" and user.entry.state is State.UNCONFIRMED
    user.fake.faults.clear()
    assert user.run().prediction_id == user.fake.ledger.tasks[0].id and user.bought == 1


def test_an_id_that_is_found_late_is_believed_without_a_history(user):
    user.fault("result#1+ http 404", "history#1+ http 404")
    error = user.fails(errors.UnknownOutcomeError, "does not know the id of its reply")
    assert error.prediction_id == user.fake.ledger.tasks[0].id
    user.fake.faults = user.fake.faults[1:]
    assert user.run().path.exists() and user.bought == 1


def test_two_tasks_of_the_same_media_are_left_to_the_user(user):
    user.fault("submit#1 hang after", "history#1+ lookalike twin")
    error = user.fails(errors.UnknownOutcomeError, "more than one task")
    assert user.fake.ledger.tasks[0].id in str(error) and user.bought == 1


def test_another_order_of_the_same_time_is_not_ours(user):
    user.fault("submit#1 http 502 after", "history#1+ lookalike other")
    assert user.run().prediction_id == user.fake.ledger.tasks[0].id


def test_two_runs_at_once_buy_once(user):
    async def both():
        return await asyncio.gather(user.sync(), user.sync(output=user.folder / "b.mp4"))

    first, second = asyncio.run(both())
    assert user.bought == 1 and {first.reused, second.reused} == {False, True} and "wait" in user.stages
    assert first.path.read_bytes() == second.path.read_bytes()


@pytest.mark.parametrize(
    ("stage", "state"),
    [("upload", State.PREPARED), ("submit", State.QUOTED), ("processing", State.DETACHED)],
)
def test_a_caller_may_stop_from_its_callback(user, stage, state):
    class Stop(Exception):
        pass

    def record(progress):
        if progress.stage == stage:
            raise Stop

    with pytest.raises(Stop):
        asyncio.run(
            remote_lip_sync(user.job, settings=user.settings, on_progress=record, clock=user.fake.clock)
        )
    assert user.entry.state is state
    assert user.run().path.exists() and user.bought == 1


def test_a_failed_task_is_bought_anew_with_new_uploads(user):
    user.fault("result#1 error 1402")
    assert user.fails(errors.MediaUnreachableError, "1402").charge == "refunded"
    assert user.entry.state is State.FAILED
    assert user.run().path.exists() and user.bought == 2 and "ticket#4" in user.fake.calls


@pytest.mark.parametrize("status", ["failed", "timeout", "deleted", "cancelled"])
def test_a_failure_is_looked_at_again_before_it_is_believed(user, status):
    user.fault(f"result#1 status {status}")
    user.fails(errors.TaskFailedError, f"ended as {status}")
    assert user.run().path.exists() and user.bought == 1


def test_a_task_that_was_cancelled_needs_a_new_take(user):
    user.fault("result#1-2 status cancelled")
    assert user.fails(errors.TaskFailedError, "new take").charge == "possible"
    user.fails(errors.TaskFailedError, "new take")
    assert user.bought == 1


def test_the_wait_has_an_end_and_the_job_has_not(user):
    user.fake.run_seconds = 950
    assert "15 minutes" in str(user.fails(errors.DetachedError, "run again to wait on"))
    assert user.entry.state is State.DETACHED
    assert user.run().path.exists() and user.bought == 1


def test_resume_by_id(user):
    done = user.run()
    done.path.unlink()

    def fetch(identity, output=None):
        return asyncio.run(resume_task(identity, output, settings=user.settings, clock=user.fake.clock))

    assert fetch(done.prediction_id).path == done.path
    user.settings = replace(user.settings, state_dir=user.folder / "lost")
    other = fetch(done.prediction_id, user.folder / "b.mp4")
    assert other.path.read_bytes() == done.path.read_bytes() and other.model == "bytedance/latentsync"
    assert fetch(done.prediction_id, user.folder / "b.mp4").reused and user.bought == 1
    for wrong in ("../x", "", "a b c d e f"):
        with pytest.raises(errors.BadInputError, match="6 to 128"):
            fetch(wrong)
    with pytest.raises(errors.ExpiredError):
        fetch("0123456789", user.folder / "c.mp4")


def test_a_folder_holds_results_under_the_names_of_their_jobs(user):
    folder = user.folder / "results"
    folder.mkdir()
    (folder / "another.mp4").write_bytes(b"")
    first, again, other = (user.run(output=folder, take=take) for take in (1, 1, 2))
    assert first.path == folder / f"{first.job_key}.mp4" == again.path != other.path
    assert again.reused and user.bought == 2
    first.path.unlink()
    fetched = resume_task(first.prediction_id, folder, settings=user.settings, clock=user.fake.clock)
    assert asyncio.run(fetched).path == first.path and len(list(folder.iterdir())) == 3
