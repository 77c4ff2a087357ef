"""The moves of the flow, held against the table of states: every step is replaced by what may come of it."""

import ast
import asyncio
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import httpx
import pytest
from remote.fake.clock import VirtualClock

from latentsync_core import errors
from latentsync_core.remote import (
    ApiKey,
    Journal,
    RemoteJob,
    Settings,
    State,
    forget_task,
    remote_lip_sync,
    resume_task,
)
from latentsync_core.remote import flow as flow_module
from latentsync_core.remote import runs as runs_module
from latentsync_core.remote.api import Api
from latentsync_core.remote.download import Downloaded
from latentsync_core.remote.find import FoundTask, NoTaskFound
from latentsync_core.remote.parse import Prediction
from latentsync_core.remote.poll import TaskCompleted, TaskFailed, TaskMissing
from latentsync_core.remote.pricing import Quote
from latentsync_core.remote.replies import Reply
from latentsync_core.remote.states import TRANSITIONS
from latentsync_core.remote.submit import SubmitAccepted, SubmitNotTaken, SubmitRefused, SubmitUnclear
from latentsync_core.remote.upload import Upload

ID = "0123abcdef"
TASK = Prediction(ID, status="completed", outputs=("https://host/1.mp4",))
ENDED_BADLY = TaskFailed(Prediction(ID, status="failed"))
NOT_REACHED = SubmitNotTaken(Reply(problem="the connection failed", reached=False))

BUY = "prepared uploaded quoted submitting running "
FETCH = "running completed downloaded done"
WAYS = {
    # from where, what comes of the steps where it is not the best, the states after that, and the error
    "a purchase": ("new", {}, BUY + FETCH, None),
    "after a crash while it uploaded": ("prepared", {}, BUY + FETCH, None),
    "after a crash while it asked for the price": ("uploaded", {}, BUY + FETCH, None),
    "after a crash before the submit": ("quoted", {}, BUY + FETCH, None),
    "after a refusal": ("rejected", {}, BUY + FETCH, None),
    "not reached at first": (
        "new", {"submit": [NOT_REACHED]},
        "prepared uploaded quoted submitting quoted submitting running " + FETCH, None,
    ),
    "never reached": (
        "new", {"submit": [NOT_REACHED] * 3},
        "prepared uploaded quoted submitting quoted submitting quoted submitting rejected", errors.ServerTroubleError,
    ),
    "refused": (
        "new", {"submit": [SubmitRefused(Reply(402))]},
        "prepared uploaded quoted submitting rejected", errors.NoCreditError,
    ),
    "a submit without a clear answer": (
        "new", {"submit": [SubmitUnclear(Reply(502))]},
        "prepared uploaded quoted submitting unknown running " + FETCH, None,
    ),
    "stopped within the submit": (
        "new", {"submit": [KeyboardInterrupt]}, "prepared uploaded quoted submitting unknown", KeyboardInterrupt,
    ),
    "after a crash within the submit": ("submitting", {}, "unknown running " + FETCH, None),
    "found by its time alone": ("unknown", {"find_task": [FoundTask(TASK, False)]}, "running " + FETCH, None),
    "not in the history": (
        "unknown", {"find_task": [NoTaskFound(())]}, "unconfirmed", errors.UnknownOutcomeError,
    ),
    "no history": ("unknown", {"find_task": [NoTaskFound(None)]}, "", errors.UnknownOutcomeError),
    "not in the history again": (
        "unconfirmed", {"find_task": [NoTaskFound(())]}, "", errors.UnknownOutcomeError,
    ),
    "in the history after all": ("unconfirmed", {}, "running " + FETCH, None),
    "an id that leads nowhere": (
        "running", {"poll": [TaskMissing(was_seen=False)]}, "running unknown running completed downloaded done", None,
    ),
    "a task that is gone": (
        "running", {"poll": [TaskMissing(was_seen=True)]}, "running expired", errors.ExpiredError,
    ),
    "a task that failed": ("running", {"poll": [ENDED_BADLY]}, "running failed", errors.TaskFailedError),
    "stopped while it waited": ("running", {"poll": [KeyboardInterrupt]}, "running detached", KeyboardInterrupt),
    "waited for again": ("detached", {}, FETCH, None),
    "failed for good": ("failed", {}, BUY + FETCH, None),
    "not failed for good": ("failed", {"has_failed_for_good": [False]}, FETCH, None),
    "a result that does not come": (
        "completed", {"download_result": [errors.ServerTroubleError("It", "Run")]},
        "running completed", errors.ServerTroubleError,
    ),
    "after a crash before the bill": ("downloaded", {"find_reusable": [Path("here.mp4")]}, "done", None),
    "a result that was removed before the bill": ("downloaded", {}, FETCH, None),
    "a result that is here": ("done", {"find_reusable": [Path("here.mp4")]}, "", None),
    "a result that was removed": ("done", {}, FETCH, None),
    "a task that is there again": ("expired", {}, FETCH, None),
}  # fmt: skip


class Script:
    """A job in a state, and the outcomes of its steps."""

    def __init__(self, folder, monkeypatch):
        self.options = {
            "settings": Settings(folder, ApiKey("wsk_1"), "https://nowhere.example"),
            "clock": VirtualClock(),
            "transport": httpx.MockTransport(self.no_request),
        }
        self.job = RemoteJob(folder / "a.mp4", folder / "a.wav", folder / "out.mp4")
        self.trail, self.patch = [], monkeypatch
        source = {"sha256": "0", "seconds": 1.0}
        self.media = SimpleNamespace(
            video=SimpleNamespace(kind="video", **source),
            audio=SimpleNamespace(kind="audio", **source),
            seconds=1.0,
        )
        monkeypatch.setattr(runs_module, "open_job_media", lambda *_: self.media)
        monkeypatch.setattr(flow_module, "put_copy", lambda *_: None)
        self.follow()

    def no_request(self, request):
        raise AssertionError(f"{request.url} is asked for, outside the steps")

    def follow(self):
        """Take down every state that is written."""
        write = Journal._advance

        def advance(journal, job_key, token, state, values):
            write(journal, job_key, token, state, values)
            self.trail.append(state.value)

        self.patch.setattr(Journal, "_advance", advance)

    def begin(self, state, **values):
        with Journal(self.options["settings"].make_state_dir()) as journal:
            account = self.options["settings"].key.derive_tag(journal.salt)
            entry = journal.open(self.job.identify(account, "0", "0"))
            journal.note(entry.job_key, state=State(state), submitted_at=1.0, prediction_id=ID, **values)

    def steps(self, outcomes):
        good = {
            "check_affordable": None,
            "upload": Upload("https://host/medium", 1.0),
            "quote": Quote(Decimal("0.15"), ()),
            "submit": SubmitAccepted(ID),
            "find_task": FoundTask(TASK, certain=True),
            "poll": TaskCompleted(TASK),
            "has_failed_for_good": True,
            "download_result": Downloaded(self.job.output, "0", ""),
            "delete_task": None,
        }
        for name, best in good.items():
            self.patch.setattr(flow_module, name, self.step(outcomes.get(name, []), best))
        find_reusable = iter(outcomes.get("find_reusable", []))
        self.patch.setattr(flow_module, "find_reusable", lambda *_: next(find_reusable, None))
        self.patch.setattr(Api, "ask_charge", self.step([], None))

    @staticmethod
    def step(outcomes, best):
        ahead = iter(outcomes)

        async def step(*_):
            outcome = next(ahead, best)
            if isinstance(outcome, Exception) or outcome is KeyboardInterrupt:
                raise outcome
            return outcome

        return step

    def run(self, function, *arguments):
        return asyncio.run(function(*arguments, **self.options))


@pytest.fixture
def script(tmp_path, monkeypatch):
    return Script(tmp_path, monkeypatch)


@pytest.mark.parametrize(("start", "outcomes", "trail", "error"), WAYS.values(), ids=WAYS)
def test_what_comes_of_a_step_decides_the_next_state(script, start, outcomes, trail, error):
    script.begin(start)
    script.steps(outcomes)
    if error is None:
        script.run(remote_lip_sync, script.job)
    else:
        with pytest.raises(error):
            script.run(remote_lip_sync, script.job)
    assert script.trail == trail.split()


def test_the_ways_take_every_step_of_the_table():
    taken = {step for start, _, trail, _ in WAYS.values() for step in pairwise([start, *trail.split()])}
    drawn = {(state.value, after.value) for state, ends in TRANSITIONS.items() for after in ends}
    assert taken == drawn


def test_a_dry_run_ends_with_the_price(script):
    script.begin("new")
    script.steps({})
    object.__setattr__(script.job, "dry_run", True)
    assert script.run(remote_lip_sync, script.job).price_usd == Decimal("0.15")
    assert script.trail == ["prepared", "uploaded", "quoted"]


@pytest.mark.parametrize("state", [state for state in State if State.RUNNING in TRANSITIONS[state]])
def test_to_resume_never_buys(script, state):
    script.begin(state.value)
    script.steps({})
    script.run(resume_task, ID)
    assert "submitting" not in script.trail and script.trail[-1] == "done"


@pytest.mark.parametrize(("start", "trail"), [("detached", ["running", "expired"]), ("done", [])])
def test_what_is_forgotten_of_elsewhere_is_expired(script, start, trail):
    script.begin(start)
    script.steps({})
    script.run(forget_task, ID)
    assert script.trail == trail


def test_only_the_flow_moves_a_job_on():
    """`held` hands the flow's moves to the journal; no other file calls them."""
    movers = set()
    for path in Path(flow_module.__file__).parent.glob("*.py"):
        calls = [
            node.func for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.Call)
        ]
        names = {call.attr for call in calls if isinstance(call, ast.Attribute)}
        if names & {"advance", "begin_submit"}:
            movers.add(path.stem)
    assert movers == {"flow", "held"}
