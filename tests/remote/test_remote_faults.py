"""Every fault of the fake host, and every two of them: nothing is bought twice, nothing is lost, nothing leaks.

Every fault takes a job through the same states to the same end as one of DISTINCT, which is tested, and every two of
DISTINCT are run, with a sample of all pairs. A pair is only run if each of its faults strikes where the other one is
at work: else the run is that of one alone.
"""

import re
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest
from remote.fake.api import OTHER_ID
from remote.fake_wavespeed import DISTINCT, FAULTS, FakeWaveSpeed, Fault, demo_audio, demo_video, pairs
from remote.runs import Bench

from latentsync_core.errors import LatentSyncError, UnknownOutcomeError
from latentsync_core.remote import RemoteResult

QUOTE = 0.15
PREREQUISITES = {
    "upload": "ticket#1+ http 404",
    "account_balance": "balance#1+ http 404",
    "history": "submit#1 hang after",
}
"""Routes that a run without trouble does not take, and the fault that leads there."""
OURS = [fault for fault in FAULTS if fault.route != "delete"]
"""A purchase deletes nothing."""
PARTS = 12
STATE = re.compile(r"latentsync_core\.remote \w{8} is \w+")


@pytest.fixture(autouse=True, scope="module")
def no_sniffing():
    """httpcore looks for this module on every call and, where it is not installed, through all of sys.path."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setitem(sys.modules, "sniffio", None)
        yield


@dataclass(frozen=True)
class Outcome:
    """A run with faults, the next one without."""

    first: str
    tasks_of_first: int
    second: str
    trail: tuple[str, ...]
    """The states of the job, in order, where the log was recorded."""
    calls: frozenset[str]
    wrong: tuple[str, ...]


@cache
def media() -> tuple[Path, Path]:
    folder = Path(tempfile.mkdtemp(prefix="remote-faults-"))
    return demo_video(folder / "clip.mp4"), demo_audio(folder / "speech.wav", length=2.0)


@cache
def run_with(*faults: Fault, record_log: bool = True) -> Outcome:
    with FakeWaveSpeed(*faults) as fake, tempfile.TemporaryDirectory(prefix="remote-run-") as folder:
        bench = Bench(fake, Path(folder), *media(), record_log=record_log)
        first = bench.run()
        tasks, calls = len(fake.ledger.tasks), frozenset(fake.calls)
        wrong = list(_wrong_at_once(bench, first))
        fake.faults = [fault for fault in fake.faults if fault.route == "server"]
        fake.clock.advance(1000)
        second = bench.run()
        wrong += _wrong_in_the_end(bench, second)
        trail = tuple(line.rpartition(" is ")[2] for line in bench.log if STATE.fullmatch(line))
        return Outcome(type(first).__name__, tasks, type(second).__name__, trail, calls, tuple(wrong))


def _wrong_at_once(bench, result):
    ledger = bench.fake.ledger
    if len(ledger.tasks) > 1 or ledger.dollars > QUOTE:
        yield f"{len(ledger.tasks)} tasks for ${ledger.dollars}"
    if isinstance(result, RemoteResult) and not bench.output.is_file():
        yield "no result in place"
    if isinstance(result, LatentSyncError) and bench.output.exists():
        yield "a result in spite of the error"
    if isinstance(result, LatentSyncError):
        yield from _left_out(result, ledger.tasks)
    yield from bench.list_traces()


def _left_out(error, tasks):
    """What an error does not say: what to do, the id, whether money may have been spent."""
    if not (error.cause and error.remedy):
        yield f"no cause or no remedy: {error}"
    if tasks and error.charge == "none":
        yield f"said to cost nothing: {error}"
    named = tasks and (tasks[0].id in str(error) or OTHER_ID in str(error))
    if tasks and not named and not isinstance(error, UnknownOutcomeError):
        yield f"without the id: {error}"


def _wrong_in_the_end(bench, result):
    """A task that did not fail at the host is there with its result, and is the only one."""
    good = [task for task in bench.fake.ledger.tasks if task.failure is None]
    if len(good) > 1:
        yield f"{len(good)} good tasks in the end"
    if good and not isinstance(result, RemoteResult):
        yield f"the task is lost: {result!r}"
    if good and bench.output.is_file() and bench.output.read_bytes() != bench.fake.read_result(good[0]):
        yield "the result is not the host's"
    if isinstance(result, RemoteResult) and not good:
        yield "a result from nowhere"
    yield from bench.list_traces()


def wrong(outcomes):
    return {line: outcome for line, outcome in outcomes.items() if outcome.wrong}


def test_one_fault_of_each_behaviour():
    assert wrong({str(fault): run_with(*with_prerequisite(fault)) for fault in DISTINCT}) == {}


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_single_fault(part):
    outcomes = {fault: run_with(*with_prerequisite(fault)) for fault in OURS[part::PARTS]}
    assert wrong(outcomes) == {}
    assert [str(fault) for fault, outcome in outcomes.items() if not strikes_during(fault, outcome)] == []
    known = set(map(behaviour, DISTINCT))
    assert [str(fault) for fault in outcomes if behaviour(fault) not in known] == []


def behaviour(fault: Fault) -> tuple[object, ...]:
    """How a fault alone takes a job, and the next run of it, through the states of the journal."""
    outcome = run_with(*with_prerequisite(fault))
    assert len(outcome.trail) > 1
    return fault.route, outcome.first, outcome.second, outcome.trail


def with_prerequisite(fault: Fault) -> tuple[Fault, ...]:
    return (Fault.parse(PREREQUISITES[fault.route]), fault) if fault.route in PREREQUISITES else (fault,)


def strikes_during(fault: Fault, outcome: Outcome) -> bool:
    numbers = (call.split("#") for call in outcome.calls)
    return fault.route == "server" or any(fault.strikes(route, int(number)) for route, number in numbers)


def meet(first: Fault, second: Fault) -> bool:
    """Whether a run with both can differ from a run with one of them."""
    return strikes_during(first, run_with(second)) and strikes_during(second, run_with(first))


def check_pairs(candidates):
    met = [pair for pair in candidates if meet(*pair)]
    assert wrong({" + ".join(map(str, pair)): run_with(*pair, record_log=False) for pair in met}) == {}
    return len(met)


@pytest.mark.slow
@pytest.mark.parametrize("part", range(PARTS))
def test_every_two_faults_that_differ(part):
    assert check_pairs(list(pairs(DISTINCT))[part::PARTS]) > 10


@pytest.mark.slow
@pytest.mark.parametrize("part", range(4))
def test_any_two_faults(part):
    sample = list(pairs(OURS))[part * 73 :: 1201]
    assert check_pairs(sample) > 10


@pytest.mark.parametrize(
    "line, first, second",
    [
        ("submit http 401", "KeyRejectedError", "RemoteResult"),
        ("submit http 400", "BadInputError", "RemoteResult"),
        ("submit http 502", "UnknownOutcomeError", "UnknownOutcomeError"),
        ("submit http 502 after", "RemoteResult", "RemoteResult"),
        ("submit http 302 after", "RemoteResult", "RemoteResult"),
        ("submit http 409 after", "RemoteResult", "RemoteResult"),
        ("submit http 499 after", "RemoteResult", "RemoteResult"),
        ("submit#1+ http 429 retry-after=1", "RateLimitedError", "RemoteResult"),
        ("result#1+ http 404", "ExpiredError", "RemoteResult"),
        ("submit other_id", "RemoteResult", "RemoteResult"),
        ("result#1+ http 503", "DetachedError", "RemoteResult"),
        ("result#1+ error 5000", "TaskFailedError", "RemoteResult"),
        ("result#1+ outputs none", "BadResultError", "RemoteResult"),
        ("media endless", "BadResultError", "RemoteResult"),
    ],
)
def test_what_a_fault_ends_in_and_the_next_run_without_it(line, first, second):
    """More of them, with what is said of the money, are in test_remote_losses."""
    outcome = run_with(Fault.parse(line))
    assert (outcome.first, outcome.second, outcome.wrong) == (first, second, ())


def test_a_piece_that_was_not_asked_for_is_not_taken():
    outcome = run_with(Fault.parse("media drop 700"), Fault.parse("media#2 shifted 5"))
    assert (outcome.first, outcome.wrong) == ("RemoteResult", ()) and "media#2" in outcome.calls


def test_a_client_that_buys_twice_is_found_out(tmp_path):
    with FakeWaveSpeed() as fake:
        bench = Bench(fake, tmp_path, *media())
        bench.run()
        second = bench.run(take=2)
        assert list(_wrong_at_once(bench, second)) == ["2 tasks for $0.3"]
        assert list(_wrong_in_the_end(bench, second))[0] == "2 good tasks in the end"
