"""What no fault of the host causes: kill -9, Cancel, large files, and the next run in the same process."""

import asyncio
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from remote.fake_wavespeed import FakeWaveSpeed, demo_audio
from remote.runs import Bench

from latentsync_core.errors import UnknownOutcomeError
from latentsync_core.remote import Journal, RemoteJob, State, remote_lip_sync

ROOT = Path(__file__).parents[2]
HELPER = Path(__file__).with_name("victim.py")
SPEED = 200
STATES = ["prepared", "uploaded", "quoted", "submitting", "running", "completed", "downloaded", "done"]


def victim(bench, *arguments):
    """Run the client in a process of its own; what it does there is in victim.py."""
    temporary = bench.folder.with_name("temporary")
    temporary.mkdir(exist_ok=True)
    command = [sys.executable, str(HELPER), bench.fake.base_url, bench.fake.key, bench.video, bench.audio]
    done = subprocess.run(
        [*map(str, command), str(bench.output), *map(str, arguments)],
        cwd=ROOT,
        env=os.environ | {"TMPDIR": str(temporary), "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
    )
    assert list(temporary.iterdir()) == []
    return done.returncode, done.stdout or done.stderr


@pytest.fixture
def bench(tmp_path, clip, speech):
    folder = tmp_path / "state"
    folder.mkdir()
    with FakeWaveSpeed(speed=SPEED) as fake:
        yield Bench(fake, folder, clip, speech)


@pytest.mark.parametrize("moment", [pytest.param("before", marks=pytest.mark.slow), "after"])
@pytest.mark.parametrize("state", STATES)
def test_killed_at_a_state_and_started_again(bench, state, moment):
    """`before`: the step was made, but not written down; `after`: it was written, and the next not begun."""
    code, said = victim(bench, "kill", moment, state)
    assert code == -9, said
    result = bench.run()
    if (state, moment) == ("submitting", "after"):  # written down, but not sent: nobody can know
        assert isinstance(result, UnknownOutcomeError) and bench.fake.ledger.tasks == []
    else:
        assert bench.output.read_bytes() == bench.fake.read_result(bench.fake.ledger.tasks[0])
        assert len(bench.fake.ledger.tasks) == 1 and bench.fake.ledger.dollars == 0.15
        assert result.prediction_id == bench.fake.ledger.tasks[0].id
    assert list(bench.list_traces()) == []


PLACES = {
    "ticket hang": State.PREPARED,
    "put hang": State.PREPARED,
    "price hang": State.UPLOADED,
    "submit hang": State.UNKNOWN,
    "submit hang after": State.UNKNOWN,
    "result hang": State.DETACHED,
    "media stall 700": State.COMPLETED,
}
"""Where a run is cancelled, and what the journal says then."""


@pytest.mark.parametrize(("place", "state"), [*PLACES.items(), ("server skew 0", State.DETACHED)])
def test_cancel_is_answered_within_a_second_and_the_next_run_goes_on(
    tmp_path, clip, speech, place, state, caplog
):
    """The last place is the wait between two looks at the task."""
    with FakeWaveSpeed(place, run_seconds=1000) as fake:
        bench = Bench(fake, tmp_path, clip, speech)
        route = place.split()[0] if "skew" not in place else "result"
        fake.run_seconds = 0 if route == "media" else 1000
        seconds = asyncio.run(cancelled_at(bench, f"{route}#1"))
        assert seconds < 1
        with Journal(bench.folder) as journal:
            assert journal.list_recent(1)[0].state is state
        assert ("Run again to pick it up" in caplog.text) == (state in (State.UNKNOWN, State.DETACHED))
        fake.faults, fake.run_seconds = [], 20
        fake.clock.advance(2000)
        result = bench.run()
        if place == "submit hang":
            assert isinstance(result, UnknownOutcomeError) and fake.ledger.tasks == []
        else:
            assert result.path == bench.output and len(fake.ledger.tasks) == 1
        assert list(bench.list_traces()) == []


async def cancelled_at(bench, call):
    """Seconds from the cancel, some time after the host got `call`, until the run has ended."""
    job = RemoteJob(bench.video, bench.audio, bench.output)
    task = asyncio.create_task(remote_lip_sync(job, settings=bench.settings()))
    while call not in bench.fake.calls:
        await asyncio.sleep(0.01)
        assert not task.done(), task.result()
    await asyncio.sleep(0.2)
    start = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    return time.monotonic() - start


def test_runs_after_one_another_in_one_process(bench):
    first, again, other = bench.run(), bench.run(), bench.run(take=2)
    assert again.reused and again.sha256 == first.sha256 and not other.reused
    assert len(bench.fake.ledger.tasks) == 2 and bench.fake.ledger.dollars == 0.3
    assert first.prediction_id == again.prediction_id != other.prediction_id
    assert list(bench.list_traces()) == []


def test_memory_does_not_grow_with_the_file(bench, tmp_path):
    """200 MB more to send: a valid mp4 with a hole in it. The bound leaves room for what two runs differ by."""
    small = bench.video.read_bytes()
    bench.video = tmp_path / "large.mp4"
    with bench.video.open("wb") as file:
        file.write(small + (200 * 2**20).to_bytes(4, "big") + b"free")
        file.truncate(len(small) + 200 * 2**20)
    plain = tmp_path / "small.mp4"
    plain.write_bytes(small)
    code, said = victim(bench, "memory", plain)
    assert code == 0, said
    assert float(said) < 32
    assert bench.fake.ledger.dollars == 0.3


def test_the_real_transport_talks_to_the_host(bench):
    """Without the impatient transport: what the tests put in its place is not what makes them pass."""
    result = bench.run(transport=None)
    assert result.path == bench.output and list(bench.list_traces()) == []


def test_a_long_sound_costs_more_and_over_the_limit_nothing_is_sent(bench, tmp_path):
    bench.audio = demo_audio(tmp_path / "long.wav", length=41.0)
    error = bench.run()
    assert type(error).__name__ == "OverBudgetError" and bench.fake.calls == []


def test_what_is_looked_for_is_found_where_it_is(bench):
    bench.run()
    (bench.folder / "note.txt").write_text(f"url?Signature={bench.fake.signature}")
    bench.log.append(f"Authorization: Bearer {bench.fake.key}")
    assert len(bench.list_leaks()) == 2 and bench.list_leftovers() == {"note.txt"}
