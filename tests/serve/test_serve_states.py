"""The moves of the flow, held against the table of states: every step is replaced by what may come of it."""

import ast
import asyncio
from itertools import pairwise, product
from pathlib import Path

import pytest
from serve.served import StandInGate, StandInWorker

from latentsync_core import serve
from latentsync_core.serve import ServeSettings
from latentsync_core.serve.endpoint import Endpoint
from latentsync_core.serve.failure import TaskFailure
from latentsync_core.serve.place import TaskFolder
from latentsync_core.serve.process import ProcessDiedError
from latentsync_core.serve.states import ENDED, TASK_TRANSITIONS, UNFINISHED, TaskState, status_of
from latentsync_core.serve.store import Store
from latentsync_core.serve.tasks import Order, Tasks

WRONG, DIED = TaskFailure(1401, "it is not a video"), ProcessDiedError()
NEVER = "never"
WAYS = {
    # from where, what comes of the steps where it is not the best, the states after that
    "a task": ("created", {}, "ready processing completed"),
    "media that cannot be had": ("created", {"bring": [WRONG]}, "failed"),
    "a full disk": ("created", {"bring": [OSError(28, "full")]}, "failed"),
    "media that are none": ("created", {"measure": [WRONG]}, "failed"),
    "media that break the gate": ("created", {"measure": [ZeroDivisionError()]}, "failed"),
    "a task that breaks the worker": ("ready", {"compute": [ZeroDivisionError()]}, "processing failed"),
    "no face": ("ready", {"compute": [WRONG]}, "processing failed"),
    "a process that died once": ("ready", {"compute": [DIED]}, "processing ready processing completed"),
    "a process that always dies of it": (
        "ready", {"compute": [DIED] * 3}, "processing ready processing ready processing failed",
    ),
    "after a crash within the computation": ("processing", {}, "ready processing completed"),
    "deleted while it is brought": ("created", {"bring": [NEVER], "then": "delete"}, "deleted"),
    "deleted in the queue": ("ready", {"start": [NEVER], "then": "delete"}, "deleted"),
    "deleted while it is computed": ("ready", {"compute": [NEVER], "then": "delete"}, "processing deleted"),
    "stopped while it is computed": ("ready", {"compute": [NEVER], "then": "stop"}, "processing ready"),
    "stopped while it is brought": ("created", {"bring": [NEVER], "then": "stop"}, ""),
    "completed, and its time is over": ("completed", {"keep": 1e-9}, "deleted"),
    "failed, and its time is over": ("failed", {"keep": 1e-9}, "deleted"),
}  # fmt: skip


class Script:
    """Gives the outcomes of a step, one after the other, and then goes the usual way."""

    def __init__(self, steps):
        self._steps = {name: list(outcomes) for name, outcomes in steps.items() if isinstance(outcomes, list)}

    async def play(self, step):
        outcome = self._steps.get(step, []).pop(0) if self._steps.get(step) else None
        if outcome == NEVER:
            await asyncio.Event().wait()
        if outcome is not None:
            raise outcome


class ScriptedGate(StandInGate):
    def __init__(self, script):
        self.script = script

    async def measure(self, kind, path):
        await self.script.play("measure")
        return 5.0


class ScriptedWorker(StandInWorker):
    def __init__(self, script):
        super().__init__()
        self.script = script

    async def start(self):
        await self.script.play("start")

    async def compute(self, folder, tell):
        folder.work.mkdir(parents=True, exist_ok=True)
        await self.script.play("compute")
        return 7


async def run_flow(folder, start, steps):
    """Take a task from a state as far as it goes."""
    script = Script(steps)
    settings = ServeSettings(folder, keep_seconds=steps.get("keep", 1e9))
    with Store(folder) as store:
        endpoint = Endpoint.assemble(settings, store, ScriptedGate(script), ScriptedWorker(script))
        endpoint.fetcher.bring = lambda url, path: script.play("bring")
        task = endpoint.tasks.add(Order("anna", "m/m", "https://a/a.wav", "https://a/v.mp4", "http://h"), 0)
        endpoint.tasks.note(task.id, state=start)
        endpoint.flow.recover()
        flow = asyncio.ensure_future(endpoint.flow.run())
        assert await goes_as_far_as_it_can(flow)
        then = {"delete": lambda: endpoint.flow.delete(endpoint.tasks.get(task.id)), "stop": flow.cancel}
        then.get(steps.get("then"), lambda: None)()
        await asyncio.sleep(0.01)
        flow.cancel()
        await asyncio.gather(flow, return_exceptions=True)
        # What a run has finished is kept for the next one, and for that alone.
        stopped = start == "ready" and steps.get("then") == "stop"
        assert TaskFolder.of(folder, task.id).work.exists() == stopped


async def goes_as_far_as_it_can(flow):
    """Wait until nothing happens any more; return whether the flow still works."""
    for _ in range(30):
        await asyncio.sleep(0)
    return not flow.done()


@pytest.fixture
def trail(monkeypatch):
    """The states that tasks are moved to."""
    moved, note = [], Tasks.note

    def record(self, task_id, **values):
        moved.extend([values["state"]] if "state" in values else [])
        return note(self, task_id, **values)

    monkeypatch.setattr(Tasks, "note", record)
    return moved


@pytest.mark.parametrize("way", WAYS)
def test_a_way_through_the_states(way, tmp_path, trail):
    start, steps, states = WAYS[way]
    asyncio.run(run_flow(tmp_path, start, steps))
    assert trail == [start, *states.split()]


def test_the_ways_are_the_whole_table():
    walked = {pair for start, _, states in WAYS.values() for pair in pairwise([start, *states.split()])}
    assert walked == {(old.value, new.value) for old, more in TASK_TRANSITIONS.items() for new in more}


def test_only_steps_of_the_table_are_taken(tmp_path):
    with Store(tmp_path) as store:
        tasks = Tasks(store)
        task = tasks.add(Order("anna", "m/m", "a", "v", "h"), 0)
        for old, new in product(TaskState, TaskState):
            tasks.note(task.id, state=old.value, ended_at=0)
            if new in TASK_TRANSITIONS[old]:
                moved = tasks.advance(task.id, new)
                assert moved.state is new and (moved.ended_at > 0) == (new in ENDED)
            else:
                with pytest.raises(ValueError, match="cannot become"):
                    tasks.advance(task.id, new)


def test_every_state_has_a_word_of_the_contract():
    words = {"created", "processing", "completed", "failed", "deleted"}
    assert {status_of(state) for state in TaskState} == words
    assert {*UNFINISHED, *ENDED, TaskState.DELETED} == set(TaskState)
    assert set(TASK_TRANSITIONS) == set(TaskState) and not TASK_TRANSITIONS[TaskState.DELETED]


def test_nothing_else_moves_a_task():
    """Every move goes through `advance`, which holds it to the table."""
    files = [path for path in Path(serve.__file__).parent.rglob("*.py") if path.name != "tasks.py"]
    calls = [node for path in files for node in ast.walk(ast.parse(path.read_text())) if is_note(node)]
    assert calls and not any(word.arg == "state" for call in calls for word in call.keywords)


def is_note(node):
    return isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "note"
