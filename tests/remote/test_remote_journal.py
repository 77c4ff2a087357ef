"""The journal: what may follow what, who may work on a job, what a day may cost."""

import os
import sqlite3
import stat
import subprocess
import sys
from decimal import Decimal

import pytest

from latentsync_core.errors import DetachedError, OutputError, OverBudgetError
from latentsync_core.remote import Journal, State
from latentsync_core.remote.journal import JobIdentity
from latentsync_core.remote.lease import STALE_SECONDS
from latentsync_core.remote.states import MAY_SUBMIT, TRANSITIONS


class Clock:
    """A clock that stands still until it is set."""

    time = 1_700_000_000.0

    def monotonic(self):
        return self.time

    def utc(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def journal(tmp_path, clock):
    with Journal(tmp_path, clock) as journal:
        yield journal


def add(journal, key="k1", video="v"):
    journal.open(JobIdentity(key, "acc", "bytedance/latentsync", "{}", "a", video, 1))
    return journal.acquire(key)


def to_quoted(journal, token, key="k1", **values):
    for state in (State.PREPARED, State.UPLOADED, State.QUOTED):
        journal.advance(key, token, state, **(values if state is State.UPLOADED else {}))


def buy(journal, token, key="k1", price="0.30", day="1.00"):
    return journal.begin_submit(key, token, Decimal(price), journal._clock.utc(), Decimal(day))


def test_a_job_keeps_what_is_written(tmp_path, journal, clock):
    token = add(journal)
    to_quoted(journal, token, audio_url="https://a")
    entry = buy(journal, token)
    assert (entry.state, entry.price, entry.audio_url) == (State.SUBMITTING, "0.30", "https://a")
    journal.advance("k1", token, State.RUNNING, prediction_id="0123abcdef")
    with Journal(tmp_path, clock) as other:
        assert other.get("k1").prediction_id == "0123abcdef" and other.list_recent() == [other.get("k1")]
        assert other.list_known_ids() == {"0123abcdef"} and other.salt == journal.salt
        assert other.open(JobIdentity("k1", "x", "x", "", "", "", 9)).state is State.RUNNING


def test_only_paths_of_the_drawing_are_taken(journal):
    token = add(journal)
    with pytest.raises(ValueError, match="new cannot become running"):
        journal.advance("k1", token, State.RUNNING)
    assert journal.get("k1").state is State.NEW


def test_only_a_failure_leads_from_a_purchase_back_to_a_submit():
    reached, ahead = {State.FAILED}, {State.UNKNOWN, State.RUNNING}
    while ahead:
        state = ahead.pop()
        reached.add(state)
        ahead |= TRANSITIONS[state] - reached
    assert not reached & (MAY_SUBMIT | {State.SUBMITTING})
    assert set(TRANSITIONS) == set(State)


@pytest.mark.skipif(os.name == "nt", reason="Windows has no permissions of this kind")
def test_the_file_is_for_its_owner_only(tmp_path, journal):
    for path in tmp_path.iterdir():
        assert stat.S_IMODE(path.stat().st_mode) == 0o600, path


def test_one_run_at_a_time(tmp_path, journal, clock):
    token = add(journal)
    with Journal(tmp_path, clock) as other:
        assert other.acquire("k1") is None
        clock.time += 10 * STALE_SECONDS
        assert other.acquire("k1") is None  # this process knows that the run is alive, however silent
        journal.release(token)
        second = other.acquire("k1")
        assert second
        with pytest.raises(DetachedError, match="Another run"):
            journal.advance("k1", token, State.PREPARED)
        other.release(second)


def pretend(journal, pid, boot, beat):
    with sqlite3.connect(journal.path) as connection:
        connection.execute(
            "UPDATE jobs SET lease_token='x', lease_pid=?, lease_boot=?, lease_beat=?", (pid, boot, beat)
        )
    connection.close()


@pytest.mark.skipif(os.name == "nt", reason="on Windows only time tells")
def test_leases_of_the_dead_are_free(journal, clock):
    from latentsync_core.remote.lease import read_boot_id

    journal.release(add(journal))
    ended = subprocess.Popen([sys.executable, "-c", ""])
    ended.wait()
    for pid, boot, silent, free in (
        (ended.pid, read_boot_id(), 0, True),
        (os.getppid(), read_boot_id(), 0, False),
        (os.getppid(), read_boot_id(), STALE_SECONDS + 1, True),
        (os.getppid(), "before the restart", 0, True),
        (os.getpid(), read_boot_id(), 0, True),  # our number, but not our lease: a process before us
    ):
        pretend(journal, pid, boot, clock.time - silent)
        token = journal.acquire("k1")
        assert bool(token) is free, (pid, boot, silent)
        if token:
            journal.release(token)


def test_a_day_has_a_limit(journal, clock):
    clock.time -= clock.time % 86400
    for number in range(3):
        token = add(journal, f"k{number}")
        to_quoted(journal, token, f"k{number}")
        buy(journal, token, f"k{number}", day="0.90")
    journal.advance("k0", token0(journal), State.UNKNOWN)
    token = add(journal, "k3")
    to_quoted(journal, token, "k3")
    with pytest.raises(OverBudgetError, match=r"\$0.90 a day"):
        buy(journal, token, "k3", day="0.90")
    assert journal.get("k3").state is State.QUOTED
    clock.time += 86400
    assert buy(journal, token, "k3", day="0.90").state is State.SUBMITTING


def token0(journal):
    return journal._select_value("SELECT lease_token FROM jobs WHERE job_key = 'k0'")


def test_what_was_refused_does_not_count(journal):
    token = add(journal)
    to_quoted(journal, token)
    buy(journal, token, day="0.30")
    journal.advance("k1", token, State.REJECTED)
    to_quoted(journal, token)
    assert buy(journal, token, day="0.30").state is State.SUBMITTING


def test_uploads_are_used_again_for_a_day(journal, clock):
    token = add(journal)
    to_quoted(journal, token, audio_url="https://a", video_url="https://v", uploaded_at=clock.time)
    assert journal.find_cached_upload("acc", "audio", "a") == ("https://a", clock.time)
    assert journal.find_cached_upload("acc", "video", "v") == ("https://v", clock.time)
    assert journal.find_cached_upload("other", "audio", "a") is None
    assert journal.find_cached_upload("acc", "audio", "b") is None
    buy(journal, token)
    assert (
        journal.find_cached_upload("acc", "audio", "a") is None
    )  # unknown outcome: URLs must tell tasks apart
    journal.advance("k1", token, State.RUNNING, prediction_id="0123abcdef")
    assert journal.find_cached_upload("acc", "audio", "a")
    clock.time -= 3600  # somebody set it back
    assert journal.find_cached_upload("acc", "audio", "a") is None
    clock.time += 25 * 3600
    assert journal.find_cached_upload("acc", "audio", "a") is None


def test_a_prediction_may_come_from_elsewhere(journal):
    entry = journal.adopt("0123abcdef", "acc")
    assert entry.state is State.DETACHED and entry.prediction_id == "0123abcdef"
    assert journal.adopt("0123abcdef", "acc").job_key == entry.job_key and journal.list_known_ids() == set()
    token = add(journal)
    to_quoted(journal, token)
    buy(journal, token)
    journal.advance("k1", token, State.RUNNING, prediction_id="fedcba9876")
    assert journal.adopt("fedcba9876", "acc").job_key == "k1"


def test_a_journal_of_an_earlier_version_counts_by_what_it_knows(tmp_path, journal, clock):
    token = add(journal)
    to_quoted(journal, token)
    buy(journal, token)
    journal._connection.execute("ALTER TABLE jobs DROP COLUMN bought_at")
    with Journal(tmp_path, clock) as newer:
        token = add(newer, "k2", "w")
        to_quoted(newer, token, "k2")
        with pytest.raises(OverBudgetError):
            buy(newer, token, "k2", day="0.50")


def test_a_full_disk_is_said_and_does_not_last(journal):
    add(journal)
    pages = journal._connection.execute("PRAGMA page_count").fetchone()[0]
    journal._connection.execute(f"PRAGMA max_page_count = {pages}")
    with pytest.raises(OutputError, match="is full"):
        journal.note("k1", notes="x" * 10**6)
    journal._connection.execute(f"PRAGMA max_page_count = {10 * pages + 1000}")
    assert journal.note("k1", notes="y").notes == "y"


def test_a_commit_that_fails_does_not_last(tmp_path, journal, clock):
    """A deferred constraint is checked by COMMIT alone, as a full disk may be."""
    add(journal)
    connection = journal._connection
    connection.executescript(
        "PRAGMA foreign_keys = ON; CREATE TABLE one (id INTEGER PRIMARY KEY);"
        "CREATE TABLE two (id REFERENCES one DEFERRABLE INITIALLY DEFERRED)"
    )
    with pytest.raises(OutputError, match="FOREIGN KEY"), journal._transact():
        connection.execute("INSERT INTO two VALUES (7)")
    assert journal.note("k1", notes="y").notes == "y"


def test_a_state_of_a_newer_version_is_said(journal):
    add(journal)
    journal._connection.execute("UPDATE jobs SET state = 'teleported'")
    with pytest.raises(OutputError, match="'teleported', which this version does not know"):
        journal.list_recent()


def test_nothing_goes_on_without_a_journal(tmp_path):
    (tmp_path / "remote.sqlite3").write_bytes(b"not a database" * 100)
    with pytest.raises(OutputError, match="without it no job is begun"):
        Journal(tmp_path)
    with pytest.raises(OutputError, match="without it no job is begun"):
        Journal(tmp_path / "absent")
